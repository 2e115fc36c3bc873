"""A heart-rate strap of bumble's host: `python bumble_strap.py TRANSPORT`. Until Ctrl-C."""

import asyncio
import contextlib
import sys

from bumble.core import AdvertisingData
from bumble.device import Device
from bumble.gatt import (
    GATT_BODY_SENSOR_LOCATION_CHARACTERISTIC,
    GATT_HEART_RATE_MEASUREMENT_CHARACTERISTIC,
    GATT_HEART_RATE_SERVICE,
    Characteristic,
    Descriptor,
    Service,
)
from bumble.hci import Address
from bumble.transport import open_transport

PULSES = (61, 62, 64, 63)


async def main() -> None:
    async with await open_transport(sys.argv[1]) as transport:
        address = Address("C4:F2:17:1A:1D:AA")
        device = Device.with_hci("Strap", address, transport.source, transport.sink)
        pulse = Characteristic(
            GATT_HEART_RATE_MEASUREMENT_CHARACTERISTIC,
            Characteristic.Properties.NOTIFY,
            Characteristic.READABLE,
            b"",
        )
        place = Characteristic(
            GATT_BODY_SENSOR_LOCATION_CHARACTERISTIC,
            Characteristic.Properties.READ,
            Characteristic.READABLE,
            b"\x01",
            [Descriptor("2901", Descriptor.READABLE, b"where it is worn")],
        )
        long = Characteristic(
            "12345678-1234-5678-1234-56789abcdef0",
            Characteristic.Properties.READ | Characteristic.Properties.WRITE,
            Characteristic.READABLE | Characteristic.WRITEABLE,
            bytes(range(256)),
        )
        device.add_service(Service(GATT_HEART_RATE_SERVICE, [pulse, place, long]))
        device.advertising_data = bytes(
            AdvertisingData(
                [
                    (AdvertisingData.FLAGS, b"\x06"),
                    (AdvertisingData.COMPLETE_LOCAL_NAME, b"Strap"),
                    (AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, b"\x0d\x18"),
                ]
            )
        )
        await device.power_on()
        await device.start_advertising(auto_restart=True)
        print("advertising", flush=True)
        number = 0
        while True:
            await device.notify_subscribers(pulse, bytes((0, PULSES[number % 4])))
            number += 1
            await asyncio.sleep(0.5)


with contextlib.suppress(KeyboardInterrupt):
    asyncio.run(main())
