"""A lock that answers each command with a notification."""

import _bleio

COMMAND, ANSWER = _bleio.UUID(0xFFE1), _bleio.UUID(0xFFE2)

service = _bleio.Service(_bleio.UUID(0xFFE0))
command = _bleio.Characteristic.add_to_service(
    service, COMMAND, properties=_bleio.Characteristic.WRITE, max_length=20
)
answer = _bleio.Characteristic.add_to_service(
    service,
    ANSWER,
    properties=_bleio.Characteristic.NOTIFY,
    read_perm=_bleio.Attribute.OPEN,
    max_length=20,
)
commands = _bleio.CharacteristicBuffer(command, timeout=1)
_bleio.adapter.start_advertising(b"\x02\x01\x06\x03\x03\xe0\xff")
while True:
    line = commands.readline()
    if line == b"OPEN\n":
        answer.value = b"OPENED\n"
