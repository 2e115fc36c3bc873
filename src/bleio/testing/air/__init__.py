"""The simulated air of a world, and each device's place on it.

sharedair      radio, clock, engine, and what disturbs all devices
deviceradio    one device's radio; `backend` its way to the host
places         positions, paths, and how far signals reach
captures       files of what was on the air and said over HCI
"""
