"""A tag that tells temperature, humidity and pressure by advertising, RuuviTag's format 5."""

import struct
import time

import _bleio

COMPANY = 0x0499
address = bytes(_bleio.adapter.address.address_bytes)[::-1]
reading = struct.pack(
    ">BhHHhhhHBH6s",
    *(5, round(24.3 / 0.005), round(53.49 / 0.0025), 100044 - 50000),
    *(4, -4, 1036),  # acceleration, mG
    (2977 - 1600) << 5 | (4 + 40) // 2,  # mV, dBm
    *(66, 205, address),
)
data = COMPANY.to_bytes(2, "little") + reading
_bleio.adapter.start_advertising(
    b"\x02\x01\x06" + bytes((len(data) + 1, 0xFF)) + data, connectable=False, interval=1.285
)
time.sleep(3600)
