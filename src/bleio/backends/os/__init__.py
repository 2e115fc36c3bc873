"""The operating system's Bluetooth: bleak as central, BlueZ's D-Bus API as peripheral too."""

from bleio.backends.os.backend import OsBackend as OsBackend
