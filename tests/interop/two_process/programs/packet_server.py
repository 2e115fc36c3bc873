"""Sends every packet of its client back, inverted, under a header that counts them."""

import time

import _bleio

SERVICE = _bleio.UUID("7061636b-6574-7300-0000-000000000001")
service = _bleio.Service(SERVICE)
characteristic = _bleio.Characteristic.add_to_service(
    service,
    _bleio.UUID("7061636b-6574-7300-0000-000000000002"),
    properties=_bleio.Characteristic.WRITE_NO_RESPONSE | _bleio.Characteristic.NOTIFY,
    max_length=512,
)
packets = _bleio.PacketBuffer(characteristic, buffer_size=8, max_packet_size=500)
adapter = _bleio.adapter
adapter.start_advertising(b"\x11\x07" + SERVICE.uuid128)
while not adapter.connected:
    time.sleep(0.01)
buffer = bytearray(packets.incoming_packet_length)
count = 0
while adapter.connected:
    length = packets.readinto(buffer)
    if length:
        count += 1
        packet = bytes(octet ^ 0xFF for octet in buffer[:length])
        print("packet", count, "length", length, "of at most", packets.outgoing_packet_length)
        # Without the header if it joins a packet that waits to be sent.
        assert packets.write(packet, header=bytes([count])) in (length, length + 1)
print("client gone")
