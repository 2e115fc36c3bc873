"""Offers a service with all that a value can be, and does what is written to its control value."""

import sys
import time

import _bleio

ID = "0b1e0000-0000-4000-8000-00000000000{}"
SERVICE, VALUE, COMMANDS, NEWS, CONFIRMED, CONTROL, NOTE = (
    _bleio.UUID(ID.format(number)) for number in range(7)
)

Characteristic, Attribute = _bleio.Characteristic, _bleio.Attribute
adapter = _bleio.adapter
name = sys.argv[1]
adapter.name = name
service = _bleio.Service(SERVICE)


def add(uuid, properties, **more):
    return Characteristic.add_to_service(service, uuid, properties=properties, **more)


value = add(
    VALUE, Characteristic.READ | Characteristic.WRITE, max_length=512, initial_value=b"at first"
)
note = _bleio.Descriptor.add_to_characteristic(value, NOTE, max_length=100, initial_value=b"a note")
commands = add(COMMANDS, Characteristic.WRITE_NO_RESPONSE, max_length=200)
news = add(NEWS, Characteristic.READ | Characteristic.NOTIFY, max_length=20)
confirmed = add(CONFIRMED, Characteristic.READ | Characteristic.INDICATE, max_length=20)
control = add(CONTROL, Characteristic.WRITE, max_length=40)
orders = _bleio.PacketBuffer(control, buffer_size=8, max_packet_size=40)
written = _bleio.PacketBuffer(commands, buffer_size=64, max_packet_size=200)


def advertise():
    adapter.start_advertising(
        b"\x02\x01\x06\x11\x07" + SERVICE.uuid128,
        scan_response=bytes((len(name) + 1, 9)) + name.encode(),
    )
    print("advertising", flush=True)


def packets(buffer):
    """Go through what has come."""
    packet = bytearray(200)
    while octets := buffer.readinto(packet):
        yield bytes(packet[:octets])


def obey(order):
    match order.split():
        case ["count", number]:
            for count in range(int(number)):
                news.value = count.to_bytes(4, "little")
            print("counted", flush=True)
        case ["confirm", text]:
            confirmed.value = text.encode()
            print("confirmed", text, flush=True)
        case ["show"]:
            print("value", len(value.value), "note", bytes(note.value), flush=True)
        case ["leave"]:
            for connection in adapter.connections:
                connection.disconnect()


def turn():
    """Serve for a moment; say who comes and goes."""
    global connected
    for packet in packets(written):
        print("command", packet, flush=True)
    for order in packets(orders):
        obey(order.decode())
    now = len(adapter.connections)
    if now != connected:
        print("connections", now, flush=True)
        connected = now
    if not adapter.advertising and now < MOST:
        advertise()
    time.sleep(0.01)


MOST = int(sys.argv[2]) if len(sys.argv) > 2 else 1
connected = 0
print("address", adapter.address, flush=True)
advertise()
while True:
    try:
        turn()
    except KeyboardInterrupt:
        break
    except _bleio.BluetoothError as error:
        print("BluetoothError:", error, flush=True)
        time.sleep(0.2)
