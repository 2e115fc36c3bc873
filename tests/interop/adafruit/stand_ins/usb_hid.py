"""As much of a board's usb_hid module as adafruit_hid needs for its type hints.

Blinka's cannot be imported on a computer that is not a USB device itself.
"""


class Device:
    """A HID device on the board's USB port; nothing here has one."""
