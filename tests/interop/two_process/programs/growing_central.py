"""Makes its peripheral add and remove a service, and looks after each change what is there."""

import time

import _bleio

BASE = _bleio.UUID("67726f77-0000-0000-0000-000000000001")
EXTRA = _bleio.UUID("67726f77-0000-0000-0000-000000000003")
adapter = _bleio.adapter
entry = next(adapter.start_scan(b"\x11\x07" + BASE.uuid128))
connection = adapter.connect(entry.address, timeout=120)
(base,) = connection.discover_remote_services((BASE,))
(wish,) = base.characteristics
packets = _bleio.PacketBuffer(wish, buffer_size=4)
buffer = bytearray(packets.incoming_packet_length)


def ask(for_what):
    wish.value = for_what
    while not (length := packets.readinto(buffer)):
        time.sleep(0.01)
    print("peripheral has", bytes(buffer[:length]).decode())


def show():
    uuids = {service.uuid for service in connection.discover_remote_services()}
    print("base", BASE in uuids, "extra", EXTRA in uuids)


show()
ask(b"add")
show()
(extra,) = connection.discover_remote_services((EXTRA,))
(reading,) = extra.characteristics
print("reads", bytes(reading.value))
ask(b"remove")
show()
try:
    print("still reads", bytes(reading.value))
except _bleio.BluetoothError as error:
    print("gone:", error)
ask(b"add")
show()
connection.disconnect()
