"""A client of bumble's host: `python bumble_client.py TRANSPORT NAME`.

Prints what a device with that name advertises, serves and notifies, but for GAP and GATT, as one
line of JSON.
"""

import asyncio
import json
import sys

from bumble.device import Device, Peer
from bumble.gatt import Characteristic
from bumble.hci import Address
from bumble.transport import open_transport


async def main() -> None:
    async with await open_transport(sys.argv[1]) as transport:
        address = Address("C4:F2:17:1A:1D:BB")
        device = Device.with_hci("client", address, transport.source, transport.sink)
        await device.power_on()
        heard = asyncio.get_running_loop().create_future()

        def hear(advertisement) -> None:
            if sys.argv[2].encode() in bytes(advertisement.data) and not heard.done():
                heard.set_result(advertisement)

        device.on("advertisement", hear)
        await device.start_scanning()
        advertisement = await heard
        await device.stop_scanning()
        connection = await device.connect(advertisement.address)
        peer = Peer(connection)
        await peer.request_mtu(247)
        await peer.discover_all()
        table = []
        values = []
        for service in peer.services:
            if service.uuid.to_hex_str() in ("1800", "1801"):
                continue
            table.append(["service", service.uuid.to_hex_str()])
            for each in service.characteristics:
                properties = each.properties
                value = ""
                if properties & Characteristic.Properties.READ:
                    value = bytes(await each.read_value()).hex()
                table.append([each.uuid.to_hex_str(), int(properties), value])
                for descriptor in each.descriptors:
                    name = descriptor.type.to_hex_str()
                    value = "" if name == "2902" else bytes(await descriptor.read_value()).hex()
                    table.append(["descriptor", name, value])
                if properties & Characteristic.Properties.NOTIFY:
                    queue = asyncio.Queue()
                    await each.subscribe(queue.put_nowait)
                    values = sorted({bytes(await queue.get()).hex() for _ in range(8)})
        await connection.disconnect()
        print("seen", json.dumps([bytes(advertisement.data).hex(), table, values]), flush=True)


asyncio.run(main())
