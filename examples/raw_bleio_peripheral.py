"""A thermometer and a switch on the bare _bleio module, without adafruit_ble.

The other side is raw_bleio_central.py.
"""

import struct
import time

import _bleio

THERMOMETER = _bleio.UUID("adaf0001-4369-7263-7569-74507974686e")
TEMPERATURE = _bleio.UUID("adaf0002-4369-7263-7569-74507974686e")
HEATER = _bleio.UUID("adaf0003-4369-7263-7569-74507974686e")

service = _bleio.Service(THERMOMETER)
temperature = _bleio.Characteristic.add_to_service(
    service,
    TEMPERATURE,
    properties=_bleio.Characteristic.READ | _bleio.Characteristic.NOTIFY,
    max_length=2,
    fixed_length=True,
    initial_value=struct.pack("<h", 2000),
    user_description="hundredths of a degree Celsius",
)
heater = _bleio.Characteristic.add_to_service(
    service,
    HEATER,
    properties=_bleio.Characteristic.READ | _bleio.Characteristic.WRITE,
    max_length=1,
    fixed_length=True,
    initial_value=b"\x00",
)

# One AD structure: its length, type 0x07 (complete list of 128-bit service UUIDs), the UUID.
advertisement = b"\x02\x01\x06" + b"\x11\x07" + THERMOMETER.uuid128

adapter = _bleio.adapter
adapter.name = "Thermometer"
hundredths = 2000
while True:
    print("Advertising from", adapter.address)
    while not adapter.connected:
        if not adapter.advertising:  # also after a link that was too short to be seen
            adapter.start_advertising(advertisement)
        time.sleep(0.05)
    print("Connected")
    while adapter.connected:
        heating = bytes(heater.value) == b"\x01"
        hundredths += 50 if heating else -10
        temperature.value = struct.pack("<h", hundredths)
        print(f"{hundredths / 100:.2f} C, heater {'on' if heating else 'off'}")
        time.sleep(0.5)
    print("Disconnected")
