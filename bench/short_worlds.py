"""A campaign of ten thousand short worlds: how many worlds a second?

Each has two devices, which advertise and scan, connect, discover two services and read a value.

    bleio campaign bench/short_worlds.py --workers 2 --results short_worlds.jsonl
"""

import time

grid = {"loss": [0.0, 0.1]}
seeds = 5000

BATTERY, INFORMATION = 0x180F, 0x180A
LEVEL, MODEL = 0x2A19, 0x2A24


def sensor():
    import _bleio

    for service_uuid, uuid, value in ((BATTERY, LEVEL, b"\x57"), (INFORMATION, MODEL, b"Short")):
        service = _bleio.Service(_bleio.UUID(service_uuid))
        _bleio.Characteristic.add_to_service(
            service,
            _bleio.UUID(uuid),
            properties=_bleio.Characteristic.READ,
            max_length=len(value),
            initial_value=value,
        )
    _bleio.adapter.start_advertising(b"\x02\x01\x06", connectable=True, interval=0.02)
    while not _bleio.adapter.connected:
        time.sleep(0.01)
    while _bleio.adapter.connected:
        time.sleep(0.01)


def reader(levels):
    import _bleio

    found = next(_bleio.adapter.start_scan(timeout=10))
    _bleio.adapter.stop_scan()
    connection = _bleio.adapter.connect(found.address, timeout=10)
    for service in connection.discover_remote_services():
        if service.uuid == _bleio.UUID(BATTERY):
            levels.append(service.characteristics[0].value[0])
    connection.disconnect()


def scenario(world, loss):
    world.loss = loss
    levels = []
    world.add(sensor)
    world.add(reader, (levels,))
    world.run(within_s=60)
    return {"read": levels == [0x57], "took_s": world.now_s}
