"""Opens a lock. It asks first, and listens for the answer then."""

import _bleio

for found in _bleio.adapter.start_scan(timeout=10):
    if found.matches(b"\x03\x03\xe0\xff"):
        break
_bleio.adapter.stop_scan()
connection = _bleio.adapter.connect(found.address, timeout=5)
(service,) = connection.discover_remote_services([_bleio.UUID(0xFFE0)])
command, answer = service.characteristics
command.value = b"OPEN\n"
answers = _bleio.CharacteristicBuffer(answer, timeout=3600)
answer.set_cccd(notify=True)
print("The lock says", answers.readline())
