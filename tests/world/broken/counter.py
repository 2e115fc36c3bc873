"""Keeps the number of visitors, which gates read and write."""

import time

import _bleio

service = _bleio.Service(_bleio.UUID(0xFFC0))
visitors = _bleio.Characteristic.add_to_service(
    service,
    _bleio.UUID(0xFFC1),
    properties=_bleio.Characteristic.READ | _bleio.Characteristic.WRITE,
    max_length=1,
    fixed_length=True,
    initial_value=b"\x00",
)
before = 0
while True:
    if not _bleio.adapter.advertising and len(_bleio.adapter.connections) < 2:
        _bleio.adapter.start_advertising(b"\x02\x01\x06\x03\x03\xc0\xff")
    if visitors.value[0] != before:
        before = visitors.value[0]
        print(before, "visitors")
    time.sleep(0.05)
