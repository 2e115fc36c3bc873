"""What both programs do: each serves values for the other, and uses the other's.

They do what their standard input says. Arguments: `grown` gives a program a service more, in front
of the others; `plain` makes a central that leaves links with bonded peers as they are, as some do.
"""

import sys
import time

import _bleio

SERVICE, VALUE = 0xB0DE, 0xB0DF
SIGNED = {"signed": 0xB0E1, "mitm": 0xB0E2}
adapter = _bleio.adapter


def publish():
    """Give what is served: a value for encrypted links, and by their names those to be signed."""
    if "grown" in sys.argv:
        _bleio.Characteristic.add_to_service(
            _bleio.Service(_bleio.UUID(0xB0ED)), _bleio.UUID(0xB0EE), properties=2
        )
    service = _bleio.Service(_bleio.UUID(SERVICE))
    value = _bleio.Characteristic.add_to_service(
        service,
        _bleio.UUID(VALUE),
        properties=_bleio.Characteristic.READ | _bleio.Characteristic.NOTIFY,
        read_perm=_bleio.Attribute.ENCRYPT_NO_MITM,
        initial_value=b"first",
    )
    modes = {"signed": _bleio.Attribute.SIGNED_NO_MITM, "mitm": _bleio.Attribute.SIGNED_WITH_MITM}
    signed = {
        name: _bleio.Characteristic.add_to_service(
            service,
            _bleio.UUID(SIGNED[name]),
            properties=_bleio.Characteristic.WRITE_NO_RESPONSE,
            write_perm=mode,
        )
        for name, mode in modes.items()
    }
    return value, signed


value, signed = publish()
packets = _bleio.PacketBuffer(value, buffer_size=2, max_packet_size=20)


def until(condition):
    while not condition():
        time.sleep(0.005)


def found(uuid=VALUE):
    """Give the other program's characteristic."""
    (service,) = adapter.connections[0].discover_remote_services((_bleio.UUID(SERVICE),))
    (characteristic,) = (each for each in service.characteristics if each.uuid == _bleio.UUID(uuid))
    return characteristic


def listen():
    """Take one notification without subscribing, which a CharacteristicBuffer does not do."""
    stream = _bleio.CharacteristicBuffer(found(), timeout=120)
    print("listening")
    return bytes(stream.read(5))


def write(name, text):
    """Write to one of the other's values that are to be signed."""
    found(SIGNED[name]).value = text.encode()


def inject(octets):
    """Send an ATT PDU as it is."""
    connection = adapter.connections[0]

    async def send():
        link = connection._link
        link._table.acl.send(link.conn_handle, 0x0004, bytes.fromhex(octets))

    connection._session.engine.call(send)


def connect():
    for entry in adapter.start_scan(b"\x03\x03\xde\xb0", timeout=120):
        address = entry.address
        break
    adapter.stop_scan()
    adapter.connect(address, timeout=120)


def change(text):
    value.value = text.encode()


COMMANDS = {
    "advertise": lambda: adapter.start_advertising(b"\x02\x01\x06\x03\x03\xde\xb0", interval=0.02),
    "connect": connect,
    "disconnect": lambda: adapter.connections[0].disconnect(),
    "alone": lambda: until(lambda: not adapter.connected),
    "pair": lambda: adapter.connections[0].pair(),
    "paired": lambda: adapter.connections[0].paired,
    "await": lambda: until(lambda: adapter.connections and adapter.connections[0].paired),
    "erase": adapter.erase_bonding,
    # As server
    "set": change,
    "packet": lambda text: packets.write(text.encode()),
    "got": lambda name, text: until(lambda: bytes(signed[name].value) == text.encode()),
    "has": lambda name: bytes(signed[name].value),
    "handle": lambda name: signed[name]._end.model.handle,
    # As client
    "read": lambda: bytes(found().value),
    "subscribe": lambda: found().set_cccd(notify=True),
    "listen": listen,
    "write": write,
    "inject": inject,
}


def run():
    if "plain" in sys.argv:
        from bleio.backends.hci.security.link_security import Security

        Security.encrypt_if_bonded = lambda security: None
    for line in sys.stdin:
        command, *arguments = line.split()
        try:
            result = COMMANDS[command](*arguments)
            print(line.strip(), "done" if result is None else result)
        except _bleio.SecurityError as error:
            print(line.strip(), "SecurityError:", error)
