"""Sends packets of 500 octets to the first client, once another one is there, too.

sends.py COUNT
"""

import sys
import time

import _bleio

adapter = _bleio.adapter
service = _bleio.Service(_bleio.UUID(0xFE20))
news = _bleio.Characteristic.add_to_service(
    service, _bleio.UUID(0xFE21), properties=_bleio.Characteristic.NOTIFY, max_length=500
)
buffer = _bleio.PacketBuffer(news, buffer_size=4, max_packet_size=500)
while True:
    if not adapter.advertising and len(adapter.connections) < 2:
        adapter.start_advertising(b"\x02\x01\x06\x03\x03\x20\xfe", interval=0.02)
        print("advertising", flush=True)
    if len(adapter.connections) == 2 and buffer.outgoing_packet_length >= 500:
        break
    time.sleep(0.01)
begin = time.monotonic()
for number in range(int(sys.argv[1])):
    buffer.write(number.to_bytes(4, "little") * 125)
print(f"sent {1 / (time.monotonic() - begin) * int(sys.argv[1]):.0f} a second", flush=True)
sys.stdin.readline()
