"""Central of one peripheral and peripheral of one central at once: passes a value on."""

import time

import _bleio

UPSTREAM = _bleio.UUID("72656164-0000-0000-0000-000000000001")
OURS = _bleio.UUID("72656c61-0000-0000-0000-000000000001")
service = _bleio.Service(OURS)
copy = _bleio.Characteristic.add_to_service(
    service,
    _bleio.UUID("72656c61-0000-0000-0000-000000000002"),
    properties=_bleio.Characteristic.READ,
    max_length=512,
)
adapter = _bleio.adapter
adapter.start_advertising(b"\x11\x07" + OURS.uuid128)
entry = next(adapter.start_scan(b"\x11\x07" + UPSTREAM.uuid128))
upstream = adapter.connect(entry.address, timeout=120)
print("connected upstream", "advertising" if adapter.advertising else "not advertising")
(remote,) = upstream.discover_remote_services((UPSTREAM,))
copy.value = remote.characteristics[0].value
print("copied", len(copy.value))
while len(adapter.connections) < 2:
    time.sleep(0.01)
print("connected both ways")
while len(adapter.connections) > 1:
    time.sleep(0.01)
print("downstream gone, upstream", upstream.connected)
upstream.disconnect()
