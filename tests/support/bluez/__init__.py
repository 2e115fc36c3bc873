"""A D-Bus of the tests' own, and something that plays bluetoothd on it."""
