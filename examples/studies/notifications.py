"""How many notifications arrive, and how late, over loss of packets and connection interval.

A sensor notifies eleven times a second for 18 seconds. What is lost on the air is sent again in the
next connection event, so nothing is missing at first: it comes later. With long intervals and much
loss it comes more slowly than it is made, and waits in the sensor until time is over or the link
breaks.

    bleio campaign examples/studies/notifications.py --plot notifications.png
"""

import struct
import time

grid = {"loss": [0.0, 0.1, 0.2, 0.4, 0.6], "interval_ms": [15, 50, 200]}
seeds = 20

COUNT = 200
PERIOD_S = 0.091  # no multiple of the intervals, or all would wait as long
GRACE_S = 1


def sensor(ready):
    import _bleio

    service = _bleio.Service(_bleio.UUID(0x181A))
    reading = _bleio.Characteristic.add_to_service(
        service, _bleio.UUID(0x2A6E), properties=_bleio.Characteristic.NOTIFY, max_length=8
    )
    _bleio.adapter.start_advertising(b"\x02\x01\x06", connectable=True, interval=0.02)
    while not ready:
        time.sleep(0.01)
    for _ in range(COUNT):
        reading.value = struct.pack("<d", time.monotonic())
        time.sleep(PERIOD_S)
    time.sleep(GRACE_S)


def phone(interval_ms, ready, latencies_s):
    import _bleio

    found = next(_bleio.adapter.start_scan(timeout=5))
    connection = _bleio.adapter.connect(found.address, timeout=5)
    (service,) = connection.discover_remote_services((_bleio.UUID(0x181A),))
    packets = _bleio.PacketBuffer(service.characteristics[0], buffer_size=COUNT)
    connection.connection_interval = interval_ms
    time.sleep(2)  # until the new interval is in use
    ready.append(True)
    packet = bytearray(packets.incoming_packet_length)
    while connection.connected:
        if packets.readinto(packet):
            latencies_s.append(time.monotonic() - struct.unpack("<d", packet[:8])[0])
        else:
            time.sleep(0.001)


def scenario(world, loss, interval_ms):
    ready, latencies_s = [], []
    world.add(sensor, (ready,))
    reader = world.add(phone, (interval_ms, ready, latencies_s))
    world.run(until=lambda: ready, within_s=60)
    world.loss = loss  # from here on
    world.run_for(COUNT * PERIOD_S)
    connected = reader.adapter.connected
    world.run_for(GRACE_S / 2)
    latencies_s.sort()
    return {
        "delivered": len(latencies_s) / COUNT,
        "median_s": latencies_s[len(latencies_s) // 2] if latencies_s else None,
        "p95_s": latencies_s[len(latencies_s) * 95 // 100] if latencies_s else None,
        "link_kept": connected,
    }
