"""The peripheral of `table`, as a program for `_bleio`."""

import contextlib
import time

import _bleio
from _bleio import UUID, Attribute, Characteristic, Descriptor, Service

from support.bleak import table

POLL_S = 0.005
_READ, _WRITE, _NOTIFY = Characteristic.READ, Characteristic.WRITE, Characteristic.NOTIFY
_SILENT, _INDICATE = Characteristic.WRITE_NO_RESPONSE, Characteristic.INDICATE
_ENCRYPT = Attribute.ENCRYPT_NO_MITM


class Peripheral:
    """Serves it all; make it where its adapter is the current one."""

    def __init__(self):
        self.adapter = _bleio.adapter
        self.adapter.name = table.NAME
        self.service = Service(UUID(table.SERVICE))
        self.add(table.READ, _READ, initial_value=b"hello")
        store = self.add(
            table.STORE, _READ | _WRITE, max_length=512, user_description=table.DESCRIPTION
        )
        Descriptor.add_to_characteristic(
            store, UUID(table.NOTE), initial_value=b"note", max_length=30
        )
        self.add(table.COMMAND, _READ | _SILENT, max_length=512)
        self.told = {
            4: self.add(table.NOTIFY, _READ | _NOTIFY, max_length=200),
            5: self.add(table.INDICATE, _INDICATE, max_length=200),
            6: self.add(table.BOTH, _NOTIFY | _INDICATE, max_length=200),
        }
        self.add(
            table.ENCRYPTED,
            _READ | _WRITE,
            read_perm=_ENCRYPT,
            write_perm=_ENCRYPT,
            initial_value=b"secret",
        )
        self.add(table.LONG, _READ, max_length=512, initial_value=table.LONG_VALUE)
        self.add(table.SAME, _READ, initial_value=b"one")
        self.add(table.SAME, _READ, initial_value=b"two")
        self.add(table.FIXED, _WRITE, max_length=4, fixed_length=True)
        control = self.add(table.CONTROL, _WRITE, max_length=100)
        self.commands = _bleio.PacketBuffer(control, buffer_size=16)
        for value in (b"\x01", b"\x02"):
            self.service = Service(UUID(table.TWICE))
            self.add(table.OF_TWICE, _READ, initial_value=value)

    def add(self, uuid, properties, **options):
        return Characteristic.add_to_service(
            self.service, UUID(uuid), properties=properties, **options
        )

    def serve(self, ended=lambda: False):
        """Advertise whenever there is no link, and obey."""
        packet = bytearray(100)
        while not ended():
            if not self.adapter.connected and not self.adapter.advertising:
                self.adapter.start_advertising(
                    table.ADVERTISED, scan_response=table.ANSWERED, interval=0.03
                )
            length = self.commands.readinto(packet)
            if length:
                with contextlib.suppress(_bleio.BluetoothError):  # the link has gone meanwhile
                    self.obey(bytes(packet[:length]))
            time.sleep(POLL_S)

    def obey(self, command):
        if command[0] == table.END_LINK:
            for connection in self.adapter.connections:
                connection.disconnect()
        elif command[0] == table.TELL:
            self.told[command[1]].value = command[2:]
        elif command[0] == table.MANY:
            for number in range(command[2]):
                self.told[command[1]].value = number.to_bytes(4, "little")


if __name__ == "__main__":
    Peripheral().serve()
