"""Private addresses: how they are made and resolved, and the commands that they take."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import pytest
from bumble.hci import Address
from bumble.smp import AddressResolver

from bleio.backends.base import AdvertisingParameters, ScanParameters
from bleio.backends.hci import HciBackend
from bleio.backends.hci.bonds.store import Bond, MemoryBondStore
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.gap import resolving
from bleio.backends.hci.gap.identity import private_address
from bleio.backends.hci.gap.resolving import Resolver, WatchedBonds
from bleio.backends.hci.own_device import OwnDevice
from bleio.core.address import AddressType, DeviceAddress
from bleio.core.hci import LeEvent
from bleio.core.pairing import SecuritySettings
from bleio.errors import ConnectTimeout, ControllerError
from support.hci.engine import Engine, until
from support.hci.script import ScriptedController, le_event
from support.hci.simulated import simulated
from support.hci.world import VirtualWorld

IRK = bytes(range(16))
PEER = DeviceAddress(b"\x01\x02\x03\x04\x05\xc6", random=True)

# The specification's sample data, Vol 3, Part H, D.7; there most significant octet first.
SAMPLE_IRK = bytes.fromhex("ec0234a357c8ad05341010a60a397d9b")[::-1]
SAMPLE = DeviceAddress(bytes.fromhex("7081940dfbaa")[::-1], random=True)


def bonded(*peers: tuple[DeviceAddress, bytes | None]) -> MemoryBondStore:
    store = MemoryBondStore()
    for peer, irk in peers:
        store.save(Bond(peer, bytes(16), irk=irk), central=True)
    return store


def owning(bonds: MemoryBondStore) -> OwnDevice:
    own = OwnDevice()
    own.bonds = bonds
    return own


def numbered(number: int) -> DeviceAddress:
    return DeviceAddress(bytes((number, 2, 3, 4, 5, 0xC6)), random=True)


# Making and resolving


def test_the_sample_address_resolves() -> None:
    assert Resolver(owning(bonded((PEER, SAMPLE_IRK)))).identity_of(SAMPLE) == PEER
    other = bytes(reversed(SAMPLE_IRK))
    assert Resolver(owning(bonded((PEER, other)))).identity_of(SAMPLE) == SAMPLE


def test_addresses_are_new_each_time_and_resolve() -> None:
    resolver = Resolver(owning(bonded((numbered(1), bytes(15) + b"\x01"), (PEER, IRK))))
    made = [private_address(IRK) for _ in range(100)]
    assert len(set(made)) > 97  # 22 bits are random; two alike are rare
    assert {each.type for each in made} == {AddressType.RANDOM_PRIVATE_RESOLVABLE}
    assert {resolver.identity_of(each) for each in made} == {PEER}
    theirs = AddressResolver([(IRK, Address(PEER.octets, Address.RANDOM_DEVICE_ADDRESS))])
    shown = Address(made[0].octets, Address.RANDOM_DEVICE_ADDRESS)
    assert bytes(theirs.resolve(shown)) == PEER.octets


@pytest.mark.parametrize(
    "address",
    [
        DeviceAddress(SAMPLE.octets, random=False),
        PEER,
        DeviceAddress(SAMPLE.octets[:5] + bytes((SAMPLE.octets[5] & 0x3F,)), random=True),
    ],
)
def test_only_resolvable_private_addresses_are_resolved(address: DeviceAddress) -> None:
    assert Resolver(owning(bonded((numbered(9), SAMPLE_IRK)))).identity_of(address) is address


@pytest.mark.parametrize(
    ("identity", "irk"),
    [(PEER, None), (PEER, bytes(16)), (private_address(IRK), IRK)],
    ids=["no key", "zeros", "identity is private"],
)
def test_bonds_that_resolve_nothing(identity: DeviceAddress, irk: bytes | None) -> None:
    assert Resolver(owning(bonded((identity, irk)))).keys == {}


def test_what_is_kept_is_bounded() -> None:
    resolver = Resolver(owning(bonded((PEER, SAMPLE_IRK))))
    for number in range(2 * resolving.MAX_CACHED):
        strange = DeviceAddress(number.to_bytes(5, "little") + b"\x40", random=True)
        resolver.identity_of(strange)
        resolver.heard(strange, strange)
    assert len(resolver._resolved) == resolving.MAX_CACHED
    assert not resolver._heard
    assert resolver.identity_of(SAMPLE) == PEER


def test_more_bonds_than_keys() -> None:
    many = {numbered(number): bytes((number + 1,)) * 16 for number in range(200)}

    class Generous(MemoryBondStore):
        def all(self) -> list[tuple[bool, Bond]]:
            return [(True, Bond(peer, bytes(16), irk=irk)) for peer, irk in many.items()]

    resolver = Resolver(owning(Generous()))
    assert list(resolver.keys) == list(many)[-resolving.MAX_KEYS :]


def test_changes_of_bonds_are_told() -> None:
    told: list[bool] = []
    own = owning(bonded((PEER, IRK)))
    resolver = Resolver(own)

    class Watcher:
        def bonds_changed(self) -> None:
            told.append(resolver.refresh())

    watched = WatchedBonds(own, Watcher())
    address = private_address(IRK)
    assert resolver.identity_of(address) == PEER
    watched.save(Bond(PEER, b"\x01" * 16, irk=IRK), central=True)
    watched.save(Bond(PEER, bytes(16), irk=SAMPLE_IRK), central=False)
    assert resolver.identity_of(address) == address
    assert resolver.identity_of(SAMPLE) == PEER
    watched.erase()
    assert resolver.identity_of(SAMPLE) == SAMPLE
    assert told == [False, True, True]
    assert watched.irk() == own.bonds.irk()


def test_how_a_peer_was_last_heard() -> None:
    resolver = Resolver(owning(bonded((PEER, IRK))))
    assert resolver.is_private(PEER)
    assert resolver.identity_of(resolver.target(PEER)) == PEER
    resolver.heard(PEER, PEER)
    assert not resolver.is_private(PEER)
    address = private_address(IRK)
    resolver.heard(PEER, address)
    assert resolver.is_private(PEER)
    assert resolver.target(PEER) == address
    resolver.heard(PEER, None)
    assert resolver.is_private(PEER)
    assert not resolver.is_private(numbered(8))


# Commands


class Fixture:
    """Our host, private, on a scripted controller."""

    def __init__(
        self, controller: ScriptedController, bonds: MemoryBondStore | None = None
    ) -> None:
        self.controller = controller
        self.engine = Engine()
        self.bonds = bonds or MemoryBondStore()
        self.backend = HciBackend(
            controller.transport,
            lambda _: numbered(0),
            bonds=lambda _: self.bonds,
            command_timeout_s=5,
        )
        self.backend.settings = SecuritySettings(private_address=True)

    async def __aenter__(self) -> Fixture:
        await self.backend.open(self.engine.server, "host", self.engine)
        self.controller.commands.clear()
        return self

    async def __aexit__(self, *args: Any) -> None:
        await self.backend.close()

    @property
    def parts(self) -> Any:
        return self.backend._open

    @property
    def sent(self) -> list[int]:
        return [code for code, _ in self.controller.commands]

    def save(self, identity: DeviceAddress, irk: bytes) -> None:
        self.parts.security.shared.bonds.save(Bond(identity, bytes(16), irk=irk), central=True)

    async def settle(self) -> None:
        await until(lambda: not self.parts.peers.in_controller.outdated)
        async with self.parts.privacy.lock:
            pass


def with_resolving_list(controller: ScriptedController, size: int = 8) -> ScriptedController:
    """Let it say that it has the feature and the commands."""
    supported = controller.answers[0x1002](b"")
    features = controller.answers[0x2003](b"")
    assert supported is not None
    assert features is not None
    bits = bytearray(supported)
    bits[1 + 39] |= 1 << 2
    (mask,) = struct.unpack("<Q", features[1:])
    controller.answers |= {
        0x1002: lambda _: bytes(bits),
        0x2003: lambda _: b"\x00" + struct.pack("<Q", mask | 1 << 6),
        0x202A: lambda _: bytes((0, size)),
    }
    return controller


@simulated
async def test_an_old_controller_changes_its_address_between_stop_and_start() -> None:
    async with ScriptedController(unix=True) as controller, Fixture(controller) as host:
        await host.backend.start_advertising(AdvertisingParameters(b"\x02\x01\x06"))
        await host.backend.start_scan(ScanParameters())
        first = controller.sent(Opcode.LE_SET_RANDOM_ADDRESS)
        assert len(first) == 1
        assert controller.sent(Opcode.LE_SET_ADVERTISING_PARAMETERS)[0][5] == 1
        controller.commands.clear()
        await host.parts.privacy.renew()
        assert controller.commands[:2] == [
            (Opcode.LE_SET_SCAN_ENABLE, b"\x00\x00"),
            (Opcode.LE_SET_ADVERTISING_ENABLE, b"\x00"),
        ]
        assert host.sent[2:] == [
            Opcode.LE_SET_RANDOM_ADDRESS,
            Opcode.LE_SET_ADVERTISING_PARAMETERS,
            Opcode.LE_SET_ADVERTISING_ENABLE,
            Opcode.LE_SET_SCAN_PARAMETERS,
            Opcode.LE_SET_SCAN_ENABLE,
        ]
        assert controller.sent(Opcode.LE_SET_RANDOM_ADDRESS) != first
        controller.commands.clear()
        await host.backend.stop_advertising()
        await host.backend.stop_scan()
        await host.parts.privacy.renew()
        assert host.sent[2:] == [Opcode.LE_SET_RANDOM_ADDRESS]


@simulated
async def test_advertising_that_cannot_go_on_has_ended() -> None:
    async with ScriptedController(unix=True) as controller, Fixture(controller) as host:
        await host.backend.start_advertising(AdvertisingParameters(b""))
        await host.backend.start_scan(ScanParameters())
        controller.answers[Opcode.LE_SET_ADVERTISING_PARAMETERS] = lambda _: b"\x0c"
        controller.answers[Opcode.LE_SET_SCAN_PARAMETERS] = lambda _: b"\x0c"
        await host.parts.privacy.renew()
        assert host.engine.log == ["advertising ended"]
        assert not host.parts.scanner.on_air
        controller.answers.clear()
        await host.backend.start_advertising(AdvertisingParameters(b""))
        await host.backend.start_scan(ScanParameters())


@simulated
async def test_an_initiation_that_cannot_go_on_fails() -> None:
    async with ScriptedController(unix=True) as controller, Fixture(controller) as host:
        cancelled = le_event(LeEvent.CONNECTION_COMPLETE, b"\x02" + bytes(17))

        def cancel(_: bytes) -> bytes:
            asyncio.get_running_loop().call_soon(controller.send, cancelled)
            return b"\x00"

        controller.answers[Opcode.LE_CREATE_CONNECTION_CANCEL] = cancel
        connecting = asyncio.ensure_future(host.backend.connect(PEER, 0))
        await until(lambda: controller.sent(Opcode.LE_CREATE_CONNECTION))
        await host.parts.privacy.renew()
        assert len(controller.sent(Opcode.LE_CREATE_CONNECTION)) == 2
        assert not connecting.done()
        controller.answers[Opcode.LE_CREATE_CONNECTION] = lambda _: b"\x09"
        await host.parts.privacy.renew()
        with pytest.raises(ControllerError):
            await connecting


@simulated
async def test_the_list_is_kept_like_the_bonds_while_advertising() -> None:
    async with (
        with_resolving_list(ScriptedController(unix=True)) as controller,
        Fixture(controller, bonded((PEER, IRK))) as host,
    ):
        assert host.parts.peers.in_controller.holds(PEER)
        await host.backend.start_advertising(AdvertisingParameters(b""))
        controller.commands.clear()
        other = numbered(7)
        host.save(other, SAMPLE_IRK)
        await host.settle()
        peer = b"\x01" + other.octets
        assert controller.commands[:4] == [
            (Opcode.LE_SET_ADVERTISING_ENABLE, b"\x00"),
            (Opcode.LE_SET_ADDRESS_RESOLUTION_ENABLE, b"\x00"),
            (Opcode.LE_ADD_DEVICE_TO_RESOLVING_LIST, peer + SAMPLE_IRK + host.bonds.irk()),
            (Opcode.LE_SET_PRIVACY_MODE, peer + b"\x01"),
        ]
        assert controller.commands[4] == (Opcode.LE_SET_ADDRESS_RESOLUTION_ENABLE, b"\x01")
        assert controller.commands[-1] == (Opcode.LE_SET_ADVERTISING_ENABLE, b"\x01")
        controller.commands.clear()
        host.save(other, SAMPLE_IRK)  # no other key
        await host.settle()
        assert not controller.commands
        await host.backend.erase_bonds()
        await host.settle()
        removed = controller.sent(Opcode.LE_REMOVE_DEVICE_FROM_RESOLVING_LIST)
        assert removed == [b"\x01" + PEER.octets, peer]
        enabled = controller.sent(Opcode.LE_SET_ADDRESS_RESOLUTION_ENABLE)
        assert enabled == [b"\x00"]
        assert host.parts.advertiser.active


@simulated
async def test_a_new_time_goes_to_the_controller() -> None:
    async with (
        with_resolving_list(ScriptedController(unix=True)) as controller,
        Fixture(controller, bonded((PEER, IRK))) as host,
    ):
        host.backend.settings = SecuritySettings(private_address=True, rotation_s=60)
        await host.settle()
        timeout = controller.sent(Opcode.LE_SET_RESOLVABLE_PRIVATE_ADDRESS_TIMEOUT)
        assert timeout == [b"\x3c\x00"]


@simulated
async def test_a_small_list_holds_the_newest() -> None:
    store = bonded((numbered(1), IRK), (numbered(2), SAMPLE_IRK), (numbered(3), IRK[::-1]))
    async with (
        with_resolving_list(ScriptedController(unix=True), size=2) as controller,
        Fixture(controller, store) as host,
    ):
        held = [host.parts.peers.in_controller.holds(numbered(n)) for n in (1, 2, 3)]
        assert held == [False, True, True]


@pytest.mark.parametrize(
    ("opcode", "answer"),
    [
        *((opcode, b"\x0c") for opcode in (0x2027, 0x202A, 0x202D, 0x204E)),
        (0x202A, b"\x00"),  # the status alone, without a size
    ],
)
@simulated
async def test_a_controller_that_refuses_counts_as_one_without_a_list(
    opcode: int, answer: bytes
) -> None:
    async with with_resolving_list(ScriptedController(unix=True)) as controller:
        controller.answers[opcode] = lambda _: answer
        async with Fixture(controller, bonded((PEER, IRK))) as host:
            assert not host.parts.peers.in_controller.holds(PEER)
            assert not host.parts.peers.in_controller.outdated
            host.save(numbered(7), SAMPLE_IRK)
            await host.settle()
            assert not controller.commands
            connecting = asyncio.ensure_future(host.backend.connect(PEER, 0.3))
            await until(lambda: controller.sent(Opcode.LE_SET_SCAN_ENABLE) == [b"\x01\x00"])
            assert not controller.sent(Opcode.LE_CREATE_CONNECTION)
            with pytest.raises(ConnectTimeout):
                await connecting
            assert controller.sent(Opcode.LE_SET_SCAN_ENABLE)[-1] == b"\x00\x00"


@pytest.mark.parametrize("cancelled", [True, False])
@simulated
async def test_a_scan_for_a_peer_that_cannot_be_stopped(cancelled: bool) -> None:
    """The connect ends as it would; a refusal is nobody's error, and left with no task."""
    async with (
        ScriptedController(unix=True) as controller,
        Fixture(controller, bonded((PEER, IRK))) as host,
    ):
        connecting = asyncio.ensure_future(host.backend.connect(PEER, 5))
        await until(lambda: controller.sent(Opcode.LE_SET_SCAN_ENABLE) == [b"\x01\x00"])
        controller.answers[Opcode.LE_SET_SCAN_ENABLE] = lambda _: b"\x0c"
        if cancelled:
            connecting.cancel()
        with pytest.raises(asyncio.CancelledError if cancelled else ConnectTimeout):
            await connecting
        assert controller.sent(Opcode.LE_SET_SCAN_ENABLE)[-1] == b"\x00\x00"


# What controllers report


def enhanced(peer_type: int, peer: DeviceAddress, local: bytes, on_air: bytes) -> bytes:
    head = struct.pack("<BHBB6s6s6s", 0, 0x40, 1, peer_type, peer.octets, local, on_air)
    return le_event(0x0A, head + struct.pack("<HHHB", 24, 0, 400, 0))


@pytest.mark.parametrize("by_controller", [True, False])
@simulated
async def test_a_link_has_an_identity_and_addresses_on_air(by_controller: bool) -> None:
    async with (
        ScriptedController(unix=True) as controller,
        Fixture(controller, bonded((PEER, IRK))) as host,
    ):
        shown, own = private_address(IRK), private_address(host.bonds.irk())
        if by_controller:
            controller.send(enhanced(3, PEER, own.octets, shown.octets))
        else:
            controller.send(enhanced(1, shown, own.octets, bytes(6)))
        await until(lambda: host.engine.links)
        (link,) = host.parts.links.links.values()
        assert link.peer == PEER
        assert link.security.has_keys is False  # the bond is for the other role
        assert (link._security.own_address, link._security.peer.on_air) == (own, shown)


@simulated
async def test_an_identity_that_the_controller_did_not_resolve() -> None:
    """A type of 3 without the address on air: the peer used its identity."""
    async with (
        ScriptedController(unix=True) as controller,
        Fixture(controller, bonded((PEER, IRK))) as host,
    ):
        controller.send(enhanced(3, PEER, bytes(6), bytes(6)))
        await until(lambda: host.engine.links)
        (link,) = host.parts.links.links.values()
        assert (link.peer, link.peer_on_air) == (PEER, PEER)


def report(kind: int, address: DeviceAddress, address_type: int) -> bytes:
    return le_event(
        LeEvent.ADVERTISING_REPORT,
        struct.pack("<BBB6sBb", 1, kind, address_type, address.octets, 0, -40),
    )


@simulated
async def test_reports_show_identities() -> None:
    async with (
        ScriptedController(unix=True) as controller,
        Fixture(controller, bonded((PEER, IRK))) as host,
    ):
        await host.backend.start_scan(ScanParameters())
        shown, strange = private_address(IRK), private_address(bytes(15) + b"\x09")
        controller.send(report(0, shown, 1))
        controller.send(report(4, shown, 1))
        controller.send(report(0, PEER, 3))
        controller.send(report(0, strange, 1))
        reports = await until(lambda: host.engine.reports[3:] and host.engine.reports)
        assert [each.address for each in reports] == [PEER, PEER, PEER, strange]
        assert all(each.connectable for each in reports)


@simulated
async def test_bonds_that_change_while_the_list_waits_are_one_update() -> None:
    """A peer may cause bonds to be saved as fast as it likes; the list takes commands, in turns."""
    async with VirtualWorld() as world:
        device = await world.device()
        opened: Any = device.backend._open
        await opened.privacy.lock.acquire()
        before = len(asyncio.all_tasks())
        for number in range(30):
            opened.bonds.save(
                Bond(numbered(number), bytes(16), irk=IRK[1:] + bytes((number,))), True
            )
        assert len(asyncio.all_tasks()) == before + 1
        opened.privacy.lock.release()
        await until(lambda: all(opened.peers.in_controller.holds(numbered(n)) for n in range(30)))
        assert len(asyncio.all_tasks()) == before
