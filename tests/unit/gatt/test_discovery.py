"""Discovery against our own server, and against peers that lie."""

from __future__ import annotations

import pytest

from bleio.core.codes import Properties
from bleio.core.uuid import expand, uuid16
from bleio.errors import AttError, ProtocolViolation
from bleio.gatt import discovery
from bleio.gatt.model import LocalDescriptor, RemoteService
from bleio.gatt.server import LocalServer
from support.bearers import Loop, Outcome, Wired, add_characteristic, add_service, published

READ, NOTIFY = Properties.READ, Properties.NOTIFY
UART = bytes.fromhex("9ecadc240ee5a9e093f3a3b50100406e")


def show(service: RemoteService) -> str:
    parts = [f"{service.handle}-{service.end_handle} {service.uuid.hex()}"]
    for found in service.characteristics:
        handles = f"{found.declaration_handle}/{found.handle}-{found.end_handle}"
        parts.append(f"{handles} {found.uuid.hex()} {found.properties:d}")
        parts += [f"+{item.handle} {item.uuid.hex()}" for item in found.descriptors]
    return ", ".join(parts)


@pytest.fixture
def server() -> LocalServer:
    server = published("Peer")
    battery = add_service(server, 0x180F)
    level = add_characteristic(server, battery, 0x2A19, READ | NOTIFY)
    server.add_descriptor(level, LocalDescriptor(uuid16(0x2901)))
    server.add_descriptor(level, LocalDescriptor(bytes(range(16))))
    server.add_descriptor(level, LocalDescriptor(uuid16(0x2904)))
    uart = add_service(server, UART)
    add_characteristic(server, uart, UART, Properties.WRITE)
    add_characteristic(server, uart, 0x2A37, READ)
    add_service(server, 0x1812, secondary=True)
    add_service(server, 0x180F)
    add_service(server, expand(uuid16(0x180F)))
    return server


def test_all_that_is_there(server: LocalServer) -> None:
    loop = Loop(server)
    gap, gatt, *user = loop.run(loop.gatt.discover(None))
    assert show(gap) == "1-5 0018, 2/3-3 002a 2, 4/5-5 012a 2"
    assert show(gatt).startswith("6-15 0118, 7/8-9 052a 32, +9 0229, 10/11-11 292b 10")
    assert [show(service) for service in user] == [
        "16-22 0f18, 17/18-22 192a 18, +19 0229, +20 0129, "
        "+21 000102030405060708090a0b0c0d0e0f, +22 0429",
        f"23-27 {UART.hex()}, 24/25-25 {UART.hex()} 8, 26/27-27 372a 2",
        "29-29 0f18",
        f"30-30 {expand(uuid16(0x180F)).hex()}",
    ]


def test_by_uuid_in_the_order_asked_with_every_instance_and_both_sizes(
    server: LocalServer,
) -> None:
    loop = Loop(server)
    wanted = [UART, uuid16(0x1899), expand(uuid16(0x180F)), uuid16(0x180F), UART]
    found = loop.run(loop.gatt.discover(wanted))
    assert [service.handle for service in found] == [23, 16, 29, 30]
    assert len(found[0].characteristics) == 2
    assert loop.run(loop.gatt.discover([uuid16(0x1812)])) == []  # secondary


def _battery(size: int) -> Loop:
    """Return a peer that stores the battery service, all of it, in one of the two sizes."""
    spell = expand if size == 128 else bytes
    server = published()
    service = add_service(server, spell(uuid16(0x180F)))
    level = add_characteristic(server, service, spell(uuid16(0x2A19)), READ)
    server.add_descriptor(level, LocalDescriptor(spell(uuid16(0x2904))))
    add_characteristic(server, service, UART, READ)
    return Loop(server)


@pytest.mark.parametrize("stored", [16, 128])
@pytest.mark.parametrize("asked", ["all", "16", "128"])
def test_the_size_of_what_is_found_depends_on_what_was_asked(stored: int, asked: str) -> None:
    short, spelled_out = uuid16(0x180F), expand(uuid16(0x180F))
    loop = _battery(stored)
    uuids = {"all": None, "16": [short], "128": [spelled_out]}[asked]
    service = loop.run(loop.gatt.discover(uuids))[-1]
    level = uuid16(0x2A19)
    assert service.uuid == (short if stored == 16 else spelled_out)  # as it is on air
    assert [each.uuid for each in service.characteristics] == [
        expand(level) if asked == "128" else level,
        UART,
    ]
    (descriptor,) = service.characteristics[0].descriptors
    assert descriptor.uuid == uuid16(0x2904)


def test_an_assigned_uuid_in_a_service_of_ones_own() -> None:
    server = published()
    add_characteristic(server, add_service(server, UART), expand(uuid16(0x2A19)), READ)
    loop = Loop(server)
    (service,) = loop.run(loop.gatt.discover([UART]))
    assert service.characteristics[0].uuid == uuid16(0x2A19)


def test_asking_for_nothing_asks_nothing(server: LocalServer) -> None:
    loop = Loop(server)
    assert loop.run(loop.gatt.discover([])) == []
    assert loop.trace == []


def test_a_peer_with_nothing() -> None:
    peer = Script("01 06 01 00 0a", "01 10 01 00 0a")
    assert peer.discover().result == []


def test_each_call_makes_new_objects(server: LocalServer) -> None:
    loop = Loop(server)
    first, second = (loop.run(loop.gatt.discover(None)) for _ in range(2))
    assert list(map(show, first)) == list(map(show, second))
    assert not {id(service) for service in first} & {id(service) for service in second}


class Script:
    """A peer that answers what was written down for it, whatever the request."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.wired = Wired()

    def run(self, procedure: object) -> Outcome:
        outcome = self.wired.start(procedure)
        while outcome.pending:
            assert self.answers, f"no answer to {self.wired.sent[-1].hex(' ')}"
            self.wired.feed(self.answers.pop(0))
        return outcome

    def discover(self) -> Outcome:
        return self.run(self.wired.bearer.client.discover(None))


NO_GATT = "01 06 01 00 0a"
ONE_SERVICE = "11 06 01 00 ff ff 0f 18"  # handles 1 to 0xffff
NO_INCLUDES = "01 08 01 00 0a"
LIES = {
    "service that ends before it starts": ["11 06 05 00 04 00 0f 18"],
    "service before where we asked": [
        "11 06 01 00 05 00 0f 18",
        "11 06 05 00 06 00 0f 18",
    ],
    "services in reverse": ["11 06 05 00 06 00 0f 18 01 00 02 00 0f 18"],
    "service at 0": ["11 06 00 00 06 00 0f 18"],
    "no entries": ["11 06"],
    "no length": ["11"],
    "length 0": ["11 00 01 00 02 00 0f 18"],
    "length that does not fit": ["11 06 01 00 02 00 0f 18 03"],
    "length of no UUID": ["11 08 01 00 02 00 0f 18 00 00"],
    "characteristic outside its service": [
        "11 06 01 00 05 00 0f 18",
        "01 10 06 00 0a",
        NO_INCLUDES,
        "09 07 02 00 02 06 00 19 2a",
    ],
    "value before its declaration": [ONE_SERVICE, NO_INCLUDES, "09 07 05 00 02 05 00 19 2a"],
    "the same characteristic for ever": [
        ONE_SERVICE,
        NO_INCLUDES,
        "09 07 02 00 02 03 00 19 2a",
        "09 07 02 00 02 03 00 19 2a",
    ],
    "characteristic of no length": [ONE_SERVICE, NO_INCLUDES, "09 05 02 00 02 03 00"],
    "descriptor outside": [
        ONE_SERVICE,
        NO_INCLUDES,
        "09 07 02 00 02 03 00 19 2a",
        "01 08 04 00 0a",
        "05 01 03 00 02 29",
    ],
    "the same descriptor for ever": [
        ONE_SERVICE,
        NO_INCLUDES,
        "09 07 02 00 02 03 00 19 2a",
        "01 08 04 00 0a",
        "05 01 04 00 02 29",
        "05 01 04 00 02 29",
    ],
    "no descriptors at all": [
        ONE_SERVICE,
        NO_INCLUDES,
        "09 07 02 00 02 03 00 19 2a",
        "01 08 04 00 0a",
        "05 01",
    ],
    "descriptors of unknown form": [
        ONE_SERVICE,
        NO_INCLUDES,
        "09 07 02 00 02 03 00 19 2a",
        "01 08 04 00 0a",
        "05 03 04 00 02 29",
    ],
    "descriptors cut short": [
        ONE_SERVICE,
        NO_INCLUDES,
        "09 07 02 00 02 03 00 19 2a",
        "01 08 04 00 0a",
        "05 02 04 00 02 29",
    ],
    "includes in a circle": [
        ONE_SERVICE,
        "09 08 02 00 10 00 20 00 0f 18",
        "09 08 02 00 10 00 20 00 0f 18",
    ],
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_end_in_a_violation(lie: str) -> None:
    peer = Script(NO_GATT, *LIES[lie])
    assert isinstance(peer.discover().error, ProtocolViolation)
    assert peer.answers == []
    assert not peer.wired.bearer.dead


@pytest.mark.parametrize(
    "answer", ["07", "07 01 00", "07 00 00 05 00", "07 05 00 04 00", "07 01 00 05 00 06"]
)
def test_lies_about_the_gatt_service(answer: str) -> None:
    assert isinstance(Script(answer).discover().error, ProtocolViolation)


def _whole_discovery(code: str) -> list[str]:
    """Return answers in which each list has an entry and ends with an error."""
    return [
        f"01 06 01 00 {code}",
        "11 06 01 00 05 00 0f 18",
        f"01 10 06 00 {code}",
        "09 08 02 00 10 00 20 00 12 18",
        f"01 08 03 00 {code}",
        "09 07 03 00 02 04 00 19 2a",
        # No more characteristics fit; the descriptors are next.
        f"01 04 05 00 {code}",
    ]


@pytest.mark.parametrize("code", ["01", "02", "06", "0a", "0e", "80", "ff"])
def test_whatever_error_ends_a_list_what_was_found_stands(code: str) -> None:
    peer = Script(*_whole_discovery(code))
    (service,) = peer.discover().result
    assert show(service) == "1-5 0f18, 3/4-5 192a 2"
    assert [include.uuid for include in service.included] == [uuid16(0x1812)]
    assert peer.answers == []


@pytest.mark.parametrize("code", ["05", "08", "0c", "0f"])
@pytest.mark.parametrize("step", [2, 6], ids=["services", "descriptors"])
def test_an_error_that_asks_for_security_ends_discovery(code: str, step: int) -> None:
    answers = _whole_discovery("0a")
    answers[step] = answers[step].removesuffix("0a") + code
    error = Script(*answers).discover().error
    assert isinstance(error, AttError) and error.code == int(code, 16)


def test_a_peer_that_lists_services_without_end() -> None:
    wired = Wired()
    outcome = wired.start(wired.bearer.client.discover(None))
    wired.feed(NO_GATT)
    handle = 1
    while outcome.pending:
        start = wired.sent.pop()[1:3]
        assert int.from_bytes(start, "little") == handle
        wired.bearer.received(b"\x11\x06" + start * 2 + b"\x0f\x18")
        handle += 1
    assert isinstance(outcome.error, ProtocolViolation)
    assert handle == discovery.MAX_FOUND + 2


def test_includes_are_known_but_not_services() -> None:
    peer = Script(
        NO_GATT,
        "11 06 01 00 05 00 0f 18 06 00 06 00 10 18",
        "01 10 07 00 0a",
        "09 08 02 00 10 00 20 00 12 18",
        "09 06 03 00 30 00 40 00",
        "01 08 04 00 0a",
        "0b " + UART.hex(),  # the 128-bit UUID has to be read
        "01 08 02 00 0a",
    )
    first, second = peer.discover().result
    assert [(item.uuid, item.handle, item.end_handle) for item in first.included] == [
        (uuid16(0x1812), 0x10, 0x20),
        (UART, 0x30, 0x40),
    ]
    assert second.included == [] and peer.answers == []


def test_a_peer_that_refuses_to_list_includes_has_none() -> None:
    peer = Script(
        NO_GATT, "11 06 01 00 05 00 0f 18", "01 10 06 00 0a", "01 08 01 00 02", "01 08 02 00 0a"
    )
    assert [service.included for service in peer.discover().result] == [[]]


def test_steps_have_a_limit_of_their_own() -> None:
    assert discovery.STEP_LIMIT_S == 20
