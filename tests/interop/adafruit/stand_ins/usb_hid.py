"""A board without USB has no such module, which adafruit_hid allows for; Blinka's raises others."""

raise ImportError("no usb_hid on this board")
