"""A lock that opens for whoever has paired by the method that it asks for.

    python pairing_lock.py just-works|passkey-display|passkey-keyboard|comparison|out-of-band

The other side is pairing_key.py, with the same word. pairing_person.py says what the words mean.
"""

import time

import _bleio
from pairing_person import method_of_command_line, prepare

LOCK = _bleio.UUID("7d1a0001-95a1-4f3c-8f0e-6f4e8a2c1b10")
BOLT = _bleio.UUID("7d1a0002-95a1-4f3c-8f0e-6f4e8a2c1b10")
CLOSED, OPEN = b"\x00", b"\x01"

method = method_of_command_line()
adapter = _bleio.adapter
# Just Works cannot tell with whom it pairs, so it cannot give what this permission asks for.
permission = (
    _bleio.Attribute.ENCRYPT_NO_MITM
    if method == "just-works"
    else _bleio.Attribute.LESC_ENCRYPT_WITH_MITM
)
bolt = _bleio.Characteristic.add_to_service(
    _bleio.Service(LOCK),
    BOLT,
    properties=_bleio.Characteristic.READ | _bleio.Characteristic.WRITE,
    read_perm=permission,
    write_perm=permission,
    max_length=1,
    fixed_length=True,
    initial_value=CLOSED,
)


def turn():
    """Do what the key has written; it closes by itself."""
    if bytes(bolt.value) == OPEN:
        print("Open")
        bolt.value = CLOSED


while True:
    prepare(adapter, method, "lock")
    print("Locked; waiting for a key to pair by", method)
    while not adapter.connected:
        if not adapter.advertising:  # also after a link that was too short to be seen
            adapter.start_advertising(b"\x02\x01\x06" + b"\x11\x07" + LOCK.uuid128)
        time.sleep(0.05)
    while adapter.connected:
        turn()
        time.sleep(0.05)
    turn()  # what a key wrote that left at once
