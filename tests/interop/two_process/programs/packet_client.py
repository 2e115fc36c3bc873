"""Sends packets of many lengths, one after the other's answer, then four at once."""

import _bleio

SERVICE = _bleio.UUID("7061636b-6574-7300-0000-000000000001")
adapter = _bleio.adapter
entry = next(adapter.start_scan(b"\x11\x07" + SERVICE.uuid128))
connection = adapter.connect(entry.address, timeout=120)
(service,) = connection.discover_remote_services((SERVICE,))
(characteristic,) = service.characteristics
packets = _bleio.PacketBuffer(characteristic, buffer_size=8, max_packet_size=500)
buffer = bytearray(packets.incoming_packet_length)
print("may send", packets.outgoing_packet_length, "and gets", packets.incoming_packet_length)


def inverted(packet):
    return bytes(octet ^ 0xFF for octet in packet)


def answer():
    while True:
        length = packets.readinto(buffer)
        if length:
            return bytes(buffer[:length])


count = 0
for length in (1, 2, 19, 20, 21, 22, 23, 100, 243, 244, 245, 246, 247, 250, 251, 252, 400, 499):
    packet = bytes((length + i) % 256 for i in range(length))
    assert packets.write(packet) == length
    count += 1
    assert answer() == bytes([count]) + inverted(packet)
print("answered", count)
try:
    packets.write(bytes(501))
except ValueError as error:
    print("refused:", error)
# A burst may be merged into fewer packets, but nothing of it may be lost or change places.
sent = b"".join(b"%03d" % number for number in range(40))
for start in range(0, len(sent), 3):
    packets.write(sent[start : start + 3])
received = b""
while len(received) < len(sent):
    received += inverted(answer()[1:])
assert received == sent
print("burst came back")
connection.disconnect()
