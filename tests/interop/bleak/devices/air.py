"""A sensor of carbon dioxide that stores its readings, as the library aranet4 reads them."""

import struct
import time

import _bleio
from _bleio import UUID, Characteristic, Service

READ = Characteristic.READ


def own(number):
    return UUID(f"f0cd{number:04x}-95da-4f4b-9ac8-aa55d312af0c")


def add(service, uuid, value):
    Characteristic.add_to_service(
        service, uuid, properties=READ, initial_value=value, max_length=len(value)
    )


sensor = Service(UUID(0xFCE0))
readings = struct.pack("<HHHBBB", 612, 431, 10132, 44, 87, 1)  # ppm, 1/20 C, 1/10 hPa, %, %, green
add(sensor, own(0x1503), readings)
add(sensor, own(0x3001), readings + struct.pack("<HH", 300, 12))
add(sensor, own(0x2001), struct.pack("<H", 2016))
add(sensor, own(0x2002), struct.pack("<H", 300))
add(sensor, own(0x2004), struct.pack("<H", 12))
information = Service(UUID(0x180A))
add(information, UUID(0x2A26), b"v1.2.0")

name = b"Aranet4 0C1F2"
_bleio.adapter.name = name.decode()
while True:
    if not _bleio.adapter.connected and not _bleio.adapter.advertising:
        _bleio.adapter.start_advertising(
            b"\x02\x01\x06\x03\x03\xe0\xfc", scan_response=bytes((len(name) + 1, 9)) + name
        )
    time.sleep(0.1)
