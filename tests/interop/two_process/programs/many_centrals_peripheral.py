"""Takes several centrals at once and gives each written word to all of them."""

import sys
import time

import _bleio

SERVICE = _bleio.UUID("6d616e79-0000-0000-0000-000000000001")
wanted = int(sys.argv[1])
service = _bleio.Service(SERVICE)
word = _bleio.Characteristic.add_to_service(
    service,
    _bleio.UUID("6d616e79-0000-0000-0000-000000000002"),
    properties=_bleio.Characteristic.WRITE
    | _bleio.Characteristic.NOTIFY
    | _bleio.Characteristic.READ,
    max_length=20,
)
adapter = _bleio.adapter
while len(adapter.connections) < wanted:
    if not adapter.advertising:
        adapter.start_advertising(b"\x11\x07" + SERVICE.uuid128)
    time.sleep(0.01)
adapter.stop_advertising()
print("connected", len(adapter.connections), "to", len(set(adapter.connections)))
# Each client writes once it is subscribed; then all are, and everybody hears the list.
heard = set()
while len(heard) < wanted:
    if word.value:
        heard.add(bytes(word.value))
        word.value = b""
    time.sleep(0.001)
print("heard", *sorted(one.decode() for one in heard))
word.value = b"+".join(sorted(heard))
while adapter.connected:
    time.sleep(0.01)
print("all gone")
