"""Backends: the ways to a real or simulated Bluetooth controller; `base` is their contract."""
