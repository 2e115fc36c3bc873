"""What real pairings open, access by access; the whole table is in security/test_permission_matrix.

Each access is tried on a value of each mode; the open one comes last, and when its effect is there
so are those of the others.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import _bleio
import pytest
from _bleio import UUID, Attribute, Characteristic, CharacteristicBuffer, Descriptor

from bleio.api import IoCapability
from support.pair import Pair, connect, current, make, until
from support.pairing import CENTRAL, PERIPHERAL, Desk, Person, only_legacy

pytestmark = pytest.mark.interop

TABLE = """
mode                     plain  JW-legacy  JW-SC  MITM-legacy  MITM-SC

LESC_ENCRYPT_WITH_MITM   no     no         no     no           yes
ENCRYPT_WITH_MITM        no     no         no     yes          yes
SIGNED_WITH_MITM         no     no         no     yes          yes
ENCRYPT_NO_MITM          no     yes        yes    yes          yes
SIGNED_NO_MITM           no     yes        yes    yes          yes
OPEN                     yes    yes        yes    yes          yes
"""
HEAD, *ROWS = (line.split() for line in TABLE.splitlines() if line)
LINKS = HEAD[1:]
MODES = [row[0] for row in ROWS]
OLD, LONG = b"before", b"more than fits one PDU" * 23


class Value(NamedTuple):
    """What there is for one mode, as the server or as the client has it."""

    value: Any
    indicated: Any
    commanded: Any
    descriptor: Any


def serve(mode: str) -> Value:
    security = getattr(Attribute, mode)
    both = {"read_perm": security, "write_perm": security}
    service = _bleio.Service(UUID(0xA100 + MODES.index(mode)))
    properties = Characteristic.READ | Characteristic.WRITE | Characteristic.NOTIFY
    value = make(service, 0xA001, properties=properties, max_length=512, initial_value=OLD, **both)
    descriptor = Descriptor.add_to_characteristic(
        value, UUID(0x2901), max_length=20, initial_value=OLD, **both
    )
    indicated = make(service, 0xA002, properties=Characteristic.INDICATE, **both)
    commanded = make(service, 0xA003, properties=Characteristic.WRITE_NO_RESPONSE, **both)
    return Value(value, indicated, commanded, descriptor)


def find(connection: _bleio.Connection, mode: str) -> Value:
    uuid = UUID(0xA100 + MODES.index(mode))
    (service,) = connection.discover_remote_services((uuid,))
    value, indicated, commanded = service.characteristics
    (descriptor,) = (each for each in value.descriptors if each.uuid == UUID(0x2901))
    return Value(value, indicated, commanded, descriptor)


class Bench:
    """Both ends of a link. Each access gives the modes whose values it has reached."""

    def __init__(self, link: Pair, served: dict[str, Value]) -> None:
        self.incoming = link.incoming
        self.served = served
        self.found = {mode: find(link.outgoing, mode) for mode in MODES}

    def read(self) -> set[str]:
        return self._allowed(lambda found: found.value.value == OLD)

    def write(self) -> set[str]:
        return self._written(b"written")

    def prepared_write(self) -> set[str]:
        return self._written(LONG)

    def command(self) -> set[str]:
        for found in self.found.values():
            found.commanded.value = b"done"
        until(lambda: self.served["OPEN"].commanded.value == b"done")
        return {mode for mode, each in self.served.items() if each.commanded.value == b"done"}

    def read_descriptor(self) -> set[str]:
        return self._allowed(lambda found: found.descriptor.value == OLD)

    def write_descriptor(self) -> set[str]:
        written = self._allowed(lambda found: not setattr(found.descriptor, "value", b"written"))
        assert written == {
            mode for mode, each in self.served.items() if each.descriptor.value == b"written"
        }
        return written

    def subscribe(self) -> set[str]:
        return self._allowed(lambda found: not found.value.set_cccd(notify=True))

    def notify(self) -> set[str]:
        return self._heard("value", 1)

    def indicate(self) -> set[str]:
        return self._heard("indicated", 2)

    def _allowed(self, access: Any) -> set[str]:
        allowed = set()
        for mode, found in self.found.items():
            try:
                assert access(found)
            except _bleio.SecurityError:
                continue
            allowed.add(mode)
        return allowed

    def _written(self, value: bytes) -> set[str]:
        written = self._allowed(lambda found: not setattr(found.value, "value", value))
        assert written == {mode for mode, each in self.served.items() if each.value.value == value}
        return written

    def _heard(self, name: str, bits: int) -> set[str]:
        """As if the client had subscribed to all of them: each value's own mode decides."""
        buffers = {
            mode: CharacteristicBuffer(getattr(found, name)) for mode, found in self.found.items()
        }
        served = [getattr(each, name) for each in self.served.values()]
        connection: Any = self.incoming
        bearer = connection._link.bearer
        configured = {each._end.model.cccd_handle: bits for each in served}
        connection._session.engine.run(bearer.restore, configured)
        for each in served:
            each.value = b"news"
        until(lambda: buffers["OPEN"].in_waiting)
        return {mode for mode, buffer in buffers.items() if buffer.in_waiting}


ACCESSES = (
    Bench.read,
    Bench.read_descriptor,
    Bench.write,
    Bench.prepared_write,
    Bench.write_descriptor,
    Bench.command,
    Bench.subscribe,
    Bench.notify,
    Bench.indicate,
)


@pytest.mark.parametrize("kind", LINKS)
def test_what_a_pairing_opens(kind: str, central: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if "legacy" in kind:
        only_legacy(monkeypatch)
    peripheral = _bleio.Adapter("virtual")
    with current(peripheral):
        served = {mode: serve(mode) for mode in MODES}
    try:
        if "MITM" in kind:
            desk = Desk()
            central.pairing_delegate = Person(desk, CENTRAL, IoCapability.KEYBOARD_ONLY)
            peripheral.pairing_delegate = Person(desk, PERIPHERAL, IoCapability.DISPLAY_ONLY)
        link = connect(central, peripheral)
        if kind != "plain":
            link.outgoing.pair()
            until(lambda: link.incoming.paired)
        bench = Bench(link, served)
        results = {access.__name__: access(bench) for access in ACCESSES}
    finally:
        peripheral.enabled = False
    opened = {mode for mode, *cells in ROWS if cells[LINKS.index(kind)] == "yes"}
    assert results == {access.__name__: opened for access in ACCESSES}
