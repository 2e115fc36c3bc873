"""The peripheral for the central beside it; a program of its own is a device of its own."""

import device

device.run()
