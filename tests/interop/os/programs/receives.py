"""Two clients of the sender: one takes all its packets, the other one has wanted none.

receives.py COUNT
"""

import sys
import time

import _bleio


def client(adapter):
    """Connect; return the link, and packets of the peer's only value, now subscribed to."""
    for entry in adapter.start_scan(timeout=120):
        if b"\x20\xfe" in entry.advertisement_bytes:
            break
    adapter.stop_scan()
    connection = adapter.connect(entry.address, timeout=60)
    (service,) = connection.discover_remote_services((_bleio.UUID(0xFE20),))
    (value,) = service.characteristics
    return connection, _bleio.PacketBuffer(value, buffer_size=512, max_packet_size=500)


connection, packets = client(_bleio.adapter)
print("one is there", flush=True)
other, silent = client(_bleio.Adapter(sys.argv[2]))
print("both are there", flush=True)
packet = bytearray(500)
for expected in range(int(sys.argv[1])):
    while not (octets := packets.readinto(packet)):
        time.sleep(0.001)
    assert bytes(packet[:octets]) == expected.to_bytes(4, "little") * 125, (expected, packet[:4])
assert not silent.readinto(packet)
print("all came to one", flush=True)
connection.disconnect()
other.disconnect()
