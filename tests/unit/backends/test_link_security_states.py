"""The security of a link, whatever is under way, takes everything that can happen to it.

`link_security_states.txt` is the table: for each state all inputs, with what they make the link
send, what the controller is told, what those that wait get, what is counted, and the state after;
inputs with the same outcome share a line. A pairing is played by a generator, so that none of its
keys matter here. To write the table anew, after looking at what has changed, in the folder `tests`:
`python -m unit.backends.test_link_security_states`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bleio.backends.hci.bonds.store import Bond, MemoryBondStore
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.counters import HciCounters
from bleio.backends.hci.security.link_pairing import PairingUnderWay, Settling
from bleio.backends.hci.security.link_security import Security
from bleio.backends.hci.security.link_states import (
    Encrypting,
    Idle,
    LinkState,
    SecurityRequested,
    Silent,
)
from bleio.backends.hci.security.manager import SecurityManager
from bleio.backends.hci.security.peer import LinkPeer
from bleio.backends.hci.security.shared import Attempts
from bleio.backends.hci.security.smp import pdu
from bleio.backends.hci.security.smp.basis import Ask, Encrypt, Failure, Receive
from bleio.backends.hci.security.smp.methods import Choice
from bleio.backends.hci.security.smp.pairing import Pairing
from bleio.backends.hci.security.smp.pdu import Reason
from bleio.core.address import DeviceAddress
from bleio.core.hci import Event, LeEvent
from bleio.core.pairing import IoCapability, PairingMethod, SecuritySettings
from bleio.errors import ControllerError, InnerError
from support.hci.simulated import SimulatedLoop

TABLE = Path(__file__).with_name("link_security_states.txt")
HANDLE = b"\x40\0"
OWN, PEER, IDENTITY = (DeviceAddress(bytes((n, 0, 0, 0, 0, 0xC0)), random=True) for n in (1, 2, 3))
RAND, EDIV = b"bondrand", b"\x34\x12"
NO_RAND, NO_EDIV = bytes(8), bytes(2)
BOND = Bond(PEER, b"bond" * 4, 0x1234, RAND, secure_connections=False)
KEY = b"made" * 4
WORDS: dict[type[LinkState], str] = {
    Idle: "idle",
    SecurityRequested: "asked",
    Encrypting: "encrypting",
    PairingUnderWay: "pairing",
    Settling: "settling",
    Silent: "silent",
}
WEAKER, WRONG, NO_BOND = b"\1" * 16, b"\2" * 16, b"\3" * 16  # what the played pairing goes by
SMP_LIMITS_S = (30.0, 2.0)


def played(pairing: Pairing, request: bytes = b"") -> Iterator[Any]:
    """A pairing in four steps. Its generator is what `Pairing.run` returns."""
    agent: Any = pairing.agent
    pairing.choice = Choice(agent.method)
    pairing.secure_connections = pairing.agreed = True
    if agent.has_oob:
        yield Ask(agent.never)
    if pairing.ends.is_central:
        pairing.send(bytes((pdu.PAIRING_REQUEST,)))
        yield Receive(pdu.PAIRING_RESPONSE)
    else:
        pairing.send(bytes((pdu.PAIRING_RESPONSE,)))
    check = yield Receive(pdu.PAIRING_CONFIRM)
    if check in (WEAKER, WRONG):
        raise Failure(Reason.CONFIRM_VALUE_FAILED, weaker=check == WEAKER)
    yield Encrypt(KEY)
    irk = yield Receive(pdu.IDENTITY_INFORMATION)
    pairing.send(bytes((pdu.SIGNING_INFORMATION,)))
    return None if irk == NO_BOND else Bond(IDENTITY, KEY, authenticated=True)


class Agent:
    has_oob = False
    io_capability = IoCapability.NO_INPUT_NO_OUTPUT
    method = PairingMethod.NUMERIC_COMPARISON  # of the pairings that are played

    def __init__(self, log: list[str]) -> None:
        self._log = log

    async def never(self) -> None:
        """Think for ever."""
        await asyncio.get_running_loop().create_future()

    def ended(self, request: Any, reason: str | None) -> None:
        self._log.append(f"the agent is told: {reason}")

    def bond_used(self, peer: Any, authenticated: bool) -> None:
        """That is in the log anyway."""


class OwnAdapter:
    address = OWN
    settings = SecuritySettings()

    def __init__(self, agent: Any) -> None:
        self.agent = agent


class Timer:
    def __init__(self, limit_s: float, callback: Callable[[], None], log: list[Timer]) -> None:
        self.limit_s, self.callback, self._log = limit_s, callback, log
        log.append(self)

    def cancel(self) -> None:
        if self in self._log:
            self._log.remove(self)


class Controller:
    """In the layer's place: commands wait for `refuse` or for ever."""

    def __init__(self, log: list[str]) -> None:
        self.handlers: dict[Event | LeEvent, Callable[[bytes], None]] = {}
        self.counters = HciCounters()
        self.shielded = partial(HciLayer.shielded, self)
        self.starting: list[asyncio.Future[bytes]] = []
        self._log = log

    def on_event(self, code: Event | LeEvent, handler: Callable[[bytes], None]) -> None:
        self.handlers[code] = handler

    async def request(self, opcode: Opcode, parameters: bytes = b"") -> bytes:
        key = {KEY: "the pairing's", BOND.ltk: "the bond's"}.get(parameters[-16:], "no")
        self._log.append(f"{opcode.text} ({key} key)")
        if opcode is not Opcode.LE_ENABLE_ENCRYPTION:
            return b""
        self.starting.append(asyncio.get_running_loop().create_future())
        return await self.starting[-1]

    def reply(self, opcode: Opcode, conn_handle: int, parameters: bytes = b"") -> None:
        key = {KEY: "the pairing's", BOND.ltk: "the bond's"}.get(parameters, "no")
        self._log.append(f"{opcode.text} ({key} key)")

    def refuse(self) -> None:
        for each in self.starting:
            if not each.done():
                each.set_exception(ControllerError(0x0C, "LE Enable Encryption"))


class Bench:
    """One link's security with everything around it played; `log` is what it does."""

    def __init__(self, is_central: bool) -> None:
        self.log: list[str] = []
        self.timers: list[Timer] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.draining: list[asyncio.Future[None]] = []
        self.waiting: list[asyncio.Task[None]] = []
        self.controller = Controller(self.log)
        self.bonds = MemoryBondStore()
        self.agent = Agent(self.log)
        self.closed = False
        self._make(is_central)

    def _make(self, is_central: bool) -> None:
        layer: Any = self.controller
        self.manager = SecurityManager(layer, self.bonds, OwnAdapter(self.agent), self.spawn)
        self.shared = self.manager.shared
        self._link(is_central)

    def _link(self, is_central: bool) -> None:
        peer = LinkPeer(self.shared, is_central, PEER, PEER)
        self.security = Security(self.shared, 0x40, is_central, OWN, peer, self, self)
        self.manager.add(self.security)

    # What the link's security has around it

    def spawn(self, work: Any) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    def send(self, octets: bytes) -> None:
        self.log.append(f"sends {octets.hex()}")

    async def drained(self) -> None:
        self.draining.append(asyncio.get_running_loop().create_future())
        await self.draining[-1]

    def secured(self, bond: Bond) -> None:
        self.log.append(f"secured by {'the' if bond.identity == PEER else 'a new'} bond")

    def call_later(self, limit_s: float, callback: Callable[[], None]) -> Any:
        assert limit_s in SMP_LIMITS_S
        return Timer(limit_s, callback, self.timers)

    # What happens to it

    def happens(self, name: str) -> None:
        INPUTS[name](self)

    def bonded(self) -> None:
        """There was a bond before the link came up."""
        is_central = self.security.is_central
        self.bonds.save(BOND, is_central)
        self._link(is_central)

    def pair(self) -> None:
        self.waiting.append(asyncio.ensure_future(self._pair()))

    async def _pair(self) -> None:
        try:
            await self.security.pair()
        except InnerError as error:
            reason = getattr(error, "reason", None)
            text = type(error).__name__ + (f" {reason:#x}" if isinstance(reason, int) else "")
        else:
            text = "all is well"
        self.log.append(f"one that waits gets: {text}")

    def encryption(self, status: int, enabled: int = 1, key_octets: int = 16) -> None:
        event = bytes((status,)) + HANDLE + bytes((enabled, key_octets))
        self.controller.handlers[Event.ENCRYPTION_CHANGE_V2](event)

    def key_asked(self, rand: bytes, ediv: bytes) -> None:
        self.controller.handlers[LeEvent.LONG_TERM_KEY_REQUEST](HANDLE + rand + ediv)

    def time_out(self) -> None:
        for timer in tuple(self.timers):
            self.timers.remove(timer)
            timer.callback()

    def sent_all(self) -> None:
        for each in self.draining:
            if not each.done():
                each.set_result(None)

    def close(self, reason: int = 0x13) -> None:
        if not self.closed:
            self.closed = True
            self.manager.remove(self.security, reason)
            self.security.finished()

    def fail_often(self) -> None:
        for _ in range(12):
            self.shared.failed(PEER)

    # What can be seen of it

    async def settle(self) -> None:
        for _ in range(6):
            await asyncio.sleep(0)
        for task in self.tasks:
            if task.done() and not task.cancelled():
                task.result()

    async def seen(self) -> list[str]:
        """Its state in words."""
        link = self.security.link
        values = asyncio.ensure_future(self.security.encryption.under_way())
        await asyncio.sleep(0)
        waits = not values.done()
        values.cancel()
        parts = [
            self._state(),
            f"{sum(not each.done() for each in self.waiting)} wait",
            *(f"{each.limit_s:g} s left" for each in self.timers),
            "values wait" if waits else "",
            f"{held} held" if (held := len(self.security.encryption.held)) else "",
            "encrypted" if link.encrypted else "",
            "authenticated" if link.authenticated else "",
            "secure connections" if link.secure_connections else "",
            f"{link.key_size} octets" if link.key_size else "",
            "has keys" if link.has_keys else "",
            "keys lost" if self.security.keys_lost else "",
            "" if self.security.encryption.keys_fit else "keys do not fit",
            "peer known" if self.security.peer.address == IDENTITY else "",
        ]
        return [part for part in parts if part and part != "0 wait"]

    def _state(self) -> str:
        return WORDS[type(self.security.state)]

    def counted(self) -> dict[str, int]:
        return {
            "stray": self.controller.counters.smp_stray,
            "malformed": self.controller.counters.malformed,
        }


def receive(octets: bytes) -> Callable[[Bench], None]:
    return lambda bench: bench.security.received(octets)


def smp(opcode: int, payload: bytes = b"") -> Callable[[Bench], None]:
    payload = payload or bytes(pdu.LENGTHS[opcode] - 1)
    return receive(bytes((opcode,)) + payload)


INPUTS: dict[str, Callable[[Bench], None]] = {
    "pair": Bench.pair,
    "an empty PDU": receive(b""),
    "a PDU of a wrong length": receive(b"\x01\0"),
    "an unknown PDU": receive(b"\x1f\0"),
    "Pairing Request": smp(pdu.PAIRING_REQUEST),
    "Pairing Response": smp(pdu.PAIRING_RESPONSE),
    "Pairing Confirm": smp(pdu.PAIRING_CONFIRM),
    "Pairing Confirm, wrong": smp(pdu.PAIRING_CONFIRM, WRONG),
    "Pairing Confirm, weaker": smp(pdu.PAIRING_CONFIRM, WEAKER),
    "Pairing Failed": smp(pdu.PAIRING_FAILED, b"\x08"),
    "Identity Information": smp(pdu.IDENTITY_INFORMATION),
    "Identity Information, no bond": smp(pdu.IDENTITY_INFORMATION, NO_BOND),
    "Security Request": smp(pdu.SECURITY_REQUEST, b"\x01"),
    "Security Request, MITM": smp(pdu.SECURITY_REQUEST, b"\x05"),
    "Keypress Notification": smp(pdu.KEYPRESS_NOTIFICATION),
    "the bond's key asked": lambda bench: bench.key_asked(RAND, EDIV),
    "a pairing's key asked": lambda bench: bench.key_asked(NO_RAND, NO_EDIV),
    "an unknown key asked": lambda bench: bench.key_asked(RAND, NO_EDIV),
    "encrypted": lambda bench: bench.encryption(0),
    "encrypted, 7 octets": lambda bench: bench.encryption(0, 1, 7),
    "encryption off": lambda bench: bench.encryption(0, 0),
    "encryption refused, key missing": lambda bench: bench.encryption(0x06),
    "encryption refused": lambda bench: bench.encryption(0x3D),
    "the controller refuses to encrypt": lambda bench: bench.controller.refuse(),
    "held for long enough": lambda bench: bench.security.encryption.held.release(),
    "time is up": Bench.time_out,
    "all is sent": Bench.sent_all,
    "bonds erased": lambda bench: bench.manager.erase_bonds(),
    "link closed": Bench.close,
    "link closed, other keys": lambda bench: bench.close(0x3D),
    "link closed, not authenticated": lambda bench: bench.close(0x05),
    "link closed, no key": lambda bench: bench.close(0x06),
    "link closed, silence": lambda bench: bench.close(0x08),
}

# How each state is reached; these only prepare, and are no inputs.
PREPARED: dict[str, Callable[[Bench], None]] = {
    "bonded": Bench.bonded,
    "encrypt if bonded": lambda bench: bench.security.encrypt_if_bonded(),  # on a new link
    "without its keys": lambda bench: bench.shared.without_keys.add(PEER),
    "its agent can authenticate": lambda bench: setattr(
        bench.agent, "io_capability", IoCapability.KEYBOARD_DISPLAY
    ),
    "its agent has to be asked": lambda bench: setattr(bench.agent, "has_oob", True),
    "its pairings authenticate nobody": lambda bench: setattr(
        bench.agent, "method", PairingMethod.JUST_WORKS
    ),
    "its peer failed often": Bench.fail_often,
}
PAIRED_BY_CENTRAL = ["pair", "Pairing Response", "Pairing Confirm", "encrypted"]
PAIRED_BY_PERIPHERAL = ["Pairing Request", "Pairing Confirm", "a pairing's key asked", "encrypted"]
STATES: dict[str, list[str]] = {
    "central: idle": [],
    "central: idle, bonded": ["bonded"],
    "central: idle, its peer failed often": ["its peer failed often"],
    "central: idle, keys lost": ["bonded", "encrypt if bonded", "encryption refused, key missing"],
    "central: idle, keys did not fit": ["bonded", "without its keys", "encrypt if bonded"],
    "central: idle, encrypted": ["bonded", "pair", "encrypted"],
    "central: idle, encrypted, could be better": [
        *("bonded", "pair", "encrypted", "its agent can authenticate"),
    ],
    "central: idle, time was up while encrypting": ["bonded", "pair", "time is up"],
    "central: idle, its controller did not encrypt": [
        *("bonded", "pair", "the controller refuses to encrypt"),
    ],
    "central: idle, paired": [*PAIRED_BY_CENTRAL, "Identity Information", "all is sent"],
    "central: idle, paired by Just Works, can authenticate": [
        *("its pairings authenticate nobody", *PAIRED_BY_CENTRAL, "Identity Information"),
        *("all is sent", "its agent can authenticate"),
    ],
    "central: encrypting": ["bonded", "pair"],
    "central: encrypting, nobody waits": ["bonded", "encrypt if bonded"],
    "central: encrypting, bonds erased": ["bonded", "pair", "bonds erased"],
    "central: pairing": ["pair"],
    "central: pairing, asking its agent": ["its agent has to be asked", "pair"],
    "central: pairing, keys lost": ["bonded", "pair", "encryption refused, key missing"],
    "central: pairing, asked by the peer": ["Security Request"],
    "central: pairing, encrypting": ["pair", "Pairing Response", "Pairing Confirm"],
    "central: pairing, distributing keys": PAIRED_BY_CENTRAL,
    "central: pairing, keys before the report": [*PAIRED_BY_CENTRAL[:-1], "Identity Information"],
    "central: settling, keys before the report": [
        *(*PAIRED_BY_CENTRAL[:-1], "Identity Information", "encrypted"),
    ],
    "central: settling": [*PAIRED_BY_CENTRAL, "Identity Information"],
    "central: settling without a bond": [*PAIRED_BY_CENTRAL, "Identity Information, no bond"],
    "central: silent": ["pair", "time is up"],
    "central: silent, bonded": [
        *("bonded", "pair", "encryption refused, key missing", "time is up"),
    ],
    "central: closed": ["bonded", "pair", "link closed"],
    "peripheral: idle": [],
    "peripheral: idle, its peer failed often": ["its peer failed often"],
    "peripheral: idle, bonded": ["bonded"],
    "peripheral: idle, the peer encrypts": ["bonded", "the bond's key asked"],
    "peripheral: idle, keys lost": ["an unknown key asked"],
    "peripheral: idle, encrypted": ["bonded", "the bond's key asked", "encrypted"],
    "peripheral: idle, encrypted, could be better": [
        *("bonded", "the bond's key asked", "encrypted", "its agent can authenticate"),
    ],
    "peripheral: idle, encrypted though keys were lost": [
        *("bonded", "an unknown key asked", "the bond's key asked", "encrypted"),
    ],
    "peripheral: idle, paired since keys were lost": [
        *("an unknown key asked", *PAIRED_BY_PERIPHERAL, "Identity Information", "all is sent"),
    ],
    "peripheral: idle, paired": [*PAIRED_BY_PERIPHERAL, "Identity Information", "all is sent"],
    "peripheral: asked": ["pair"],
    "peripheral: asked, can authenticate": ["its agent can authenticate", "pair"],
    "peripheral: asked, keys lost": ["pair", "an unknown key asked"],
    "peripheral: asked, the peer encrypts": ["bonded", "pair", "the bond's key asked"],
    "peripheral: pairing": ["Pairing Request"],
    "peripheral: pairing, somebody waits": ["pair", "Pairing Request"],
    "peripheral: pairing, keys lost": ["pair", "an unknown key asked", "Pairing Request"],
    "peripheral: pairing, the peer encrypts by the bond": [
        *("bonded", "pair", "Pairing Request", "the bond's key asked"),
    ],
    "peripheral: pairing, waiting for encryption": ["Pairing Request", "Pairing Confirm"],
    "peripheral: pairing, encrypting": PAIRED_BY_PERIPHERAL[:-1],
    "peripheral: pairing, keys before the report": [
        *PAIRED_BY_PERIPHERAL[:-1],
        "Identity Information",
    ],
    "peripheral: pairing, distributing keys": ["pair", *PAIRED_BY_PERIPHERAL],
    "peripheral: settling": ["pair", *PAIRED_BY_PERIPHERAL, "Identity Information"],
    "peripheral: pairing while another settles": [
        *PAIRED_BY_PERIPHERAL,
        *("Identity Information", "Pairing Request"),
    ],
    "peripheral: silent": ["Pairing Request", "time is up"],
    "peripheral: silent, bonded": ["bonded", "Pairing Request", "time is up"],
    "peripheral: closed": ["bonded", "pair", "link closed"],
}


@contextmanager
def playing(bench_of: list[Bench], patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Play pairings, count attempts, and keep SMP's time for the bench in hand."""
    loop = asyncio.get_running_loop()
    real = loop.call_later

    def call_later(limit_s: float, callback: Any, *args: Any, **kwargs: Any) -> Any:
        if limit_s in SMP_LIMITS_S:
            return bench_of[-1].call_later(limit_s, callback)
        return real(limit_s, callback, *args, **kwargs)

    def counted(name: str) -> Callable[..., None]:
        original = getattr(Attempts, name)

        def count(attempts: Attempts, *args: Any) -> None:
            bench_of[-1].log.append(f"a pairing {name}")
            original(attempts, *args)

        return count

    patch.setattr(loop, "call_later", call_later)
    patch.setattr(Pairing, "run", played)
    patch.setattr(Attempts, "failed", counted("failed"))
    patch.setattr(Attempts, "succeeded", counted("succeeded"))
    yield


async def outcome(bench: Bench, name: str) -> str:
    """Let something happen. Returns: what it did and the state after; empty for nothing."""
    before, counted = await bench.seen(), bench.counted()
    bench.log.clear()
    bench.happens(name)
    await bench.settle()
    for counter, count in bench.counted().items():
        if count != counted[counter]:
            bench.log.append(f"one is {counter}")
    after = await bench.seen()
    if after != before:
        bench.log.append(f"=> {', '.join(after)}")
    return "; ".join(bench.log)


async def reached(name: str, benches: list[Bench]) -> Bench:
    """Make the security of a link that is in a state."""
    bench = Bench(name.startswith("central"))
    benches.append(bench)
    for each in STATES[name]:
        (INPUTS.get(each) or PREPARED[each])(bench)
        await bench.settle()
    return bench


async def abandon(bench: Bench) -> None:
    bench.close()
    for task in (*bench.tasks, *bench.waiting):
        task.cancel()
    await asyncio.gather(*bench.tasks, *bench.waiting, return_exceptions=True)


async def rows(state: str) -> list[str]:
    """The part of the table for one state."""
    benches: list[Bench] = []
    with pytest.MonkeyPatch.context() as patch, playing(benches, patch):
        bench = await reached(state, benches)
        lines = [f"{state}: {', '.join(await bench.seen())}"]
        await abandon(bench)
        inputs_of: dict[str, list[str]] = {}
        for name in INPUTS:
            bench = await reached(state, benches)
            result = await outcome(bench, name)
            await abandon(bench)
            inputs_of.setdefault(result or "nothing", []).append(name)
        return [
            *lines,
            *(f"    {' | '.join(inputs)}: {each}" for each, inputs in inputs_of.items()),
        ]


def written(state: str) -> list[str]:
    """The same, in time that stands still: no wait ends because the machine is busy."""
    loop = SimulatedLoop()
    try:
        return loop.run_until_complete(rows(state))
    finally:
        loop.close()


def recorded() -> dict[str, list[str]]:
    parts = TABLE.read_text(encoding="utf-8").strip().split("\n\n")
    return {part.split(": ")[0] + ": " + part.split(": ")[1]: part.split("\n") for part in parts}


@pytest.mark.parametrize("state", STATES)
def test_everything_that_can_happen(state: str) -> None:
    assert written(state) == recorded()[state]


def test_the_table_has_all_states() -> None:
    assert set(recorded()) == set(STATES)


@pytest.mark.parametrize("state", [each for each in STATES if not each.endswith("closed")])
def test_nobody_waits_for_ever(state: str) -> None:
    """Whatever the state, those that wait get an answer once the link is closed."""

    async def close() -> None:
        benches: list[Bench] = []
        with pytest.MonkeyPatch.context() as patch, playing(benches, patch):
            bench = await reached(state, benches)
            bench.close()
            await bench.settle()
            assert all(each.done() for each in bench.waiting)
            assert not bench.timers
            await abandon(bench)

    asyncio.run(close())


if __name__ == "__main__":
    parts = ["\n".join(written(state)) for state in STATES]
    TABLE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    sys.stdout.write(f"{TABLE}: {len(STATES)} states, {len(INPUTS)} inputs\n")
