"""CircuitPython's `_bleio` (low-level Bluetooth Low Energy) for ordinary Python."""

__version__ = "0.1.0"
