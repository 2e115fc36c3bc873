"""Offers values to another stack's central, says what becomes of them, and echoes by notifying."""

import sys
import time

import _bleio
from desk import Desk, say

SERVICE = _bleio.UUID("73746163-6b73-0000-0000-000000000001")
SECRET, WRITTEN, ECHO, CONFIRMED = (
    _bleio.UUID(f"73746163-6b73-0000-0000-00000000000{number}") for number in (2, 3, 4, 5)
)
ADVERTISEMENT = b"\x02\x01\x06\x11\x07" + SERVICE.uuid128 + b"\x05\x09ours"

capability, permission = sys.argv[1:]
Characteristic, Attribute = _bleio.Characteristic, _bleio.Attribute
adapter = _bleio.adapter
adapter.pairing_delegate = Desk(capability)
service = _bleio.Service(SERVICE)
Characteristic.add_to_service(
    service,
    SECRET,
    properties=Characteristic.READ,
    read_perm=getattr(Attribute, permission),
    initial_value=b"our secret",
)
written = Characteristic.add_to_service(service, WRITTEN, properties=Characteristic.WRITE)
echo, confirmed = (
    Characteristic.add_to_service(service, uuid, properties=properties, max_length=40)
    for uuid, properties in ((ECHO, Characteristic.NOTIFY), (CONFIRMED, Characteristic.INDICATE))
)
while True:
    adapter.start_advertising(ADVERTISEMENT)
    say("advertising from", bytes(reversed(adapter.address.address_bytes)).hex(":").upper())
    while not adapter.connected:
        time.sleep(0.01)
    say("connected")
    former = written.value
    while adapter.connected:
        time.sleep(0.01)
        value = written.value
        if value != former:
            former = value
            say("written", value.decode())
            echo.value = confirmed.value = b"echo of " + value
    say("disconnected")
