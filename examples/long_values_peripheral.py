"""Keeps a text of up to 512 octets, the most that a characteristic can have.

That is more than fits into one packet: clients read and write it part by part, and bleio and
CircuitPython put the parts together. The other side is long_values_central.py.
"""

import time

import _bleio

BOARD = _bleio.UUID("c0de0001-31f2-4a7c-93ac-2d1f6d9a7e55")
TEXT = _bleio.UUID("c0de0002-31f2-4a7c-93ac-2d1f6d9a7e55")
LONGEST = 512

text = _bleio.Characteristic.add_to_service(
    _bleio.Service(BOARD),
    TEXT,
    properties=_bleio.Characteristic.READ | _bleio.Characteristic.WRITE,
    max_length=LONGEST,
    initial_value=b"The notice board is empty.",
)

adapter = _bleio.adapter
adapter.name = "Notices"
seen = bytes(text.value)


def look():
    """Print what a client has written since the last look."""
    global seen
    if bytes(text.value) != seen:
        seen = bytes(text.value)
        print("Has", len(seen), "octets that end with", seen[-16:])


while True:
    print("Advertising from", adapter.address)
    while not adapter.connected:
        if not adapter.advertising:  # also after a link that was too short to be seen
            adapter.start_advertising(b"\x02\x01\x06" + b"\x11\x07" + BOARD.uuid128)
        time.sleep(0.05)
    print("Connected")
    while adapter.connected:
        look()
        time.sleep(0.05)
    look()  # a client may have left at once
    print("Disconnected")
