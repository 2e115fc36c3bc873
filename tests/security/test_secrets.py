"""No key in a log or a repr, whatever the pairing and however much is logged."""

from __future__ import annotations

import gc
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bleio.backends.base import OobData
from bleio.backends.hci import entropy
from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.security.smp import secure_connections
from bleio.core.address import DeviceAddress
from bleio.core.pairing import IoCapability
from support.hci.engine import asynchronous, until
from support.hci.world import Device, ListenWorld, VirtualWorld, World, connected_pair
from support.pairing import GENERATIONS, only_legacy
from support.victim import Asked


def traces(secret: bytes) -> list[str]:
    """How octets may look in text."""
    forms = []
    for octets in (secret, secret[::-1]):
        forms += [
            octets.hex(),
            octets.hex(" "),
            octets.hex("-"),
            octets.hex(":"),
            repr(octets)[2:-1],
        ]
        forms += [str(list(octets))[1:-1]]
    return [form.lower() for form in forms]


def found(secrets: set[bytes], passkeys: set[int], text: str) -> bool:
    """Whether a text gives a secret away."""
    lower = text.lower()
    if any(trace in lower for secret in secrets for trace in traces(secret)):
        return True
    return any(re.search(rf"\b0*{passkey}\b", text) for passkey in passkeys)


def test_the_search_finds_what_it_must() -> None:
    key = bytes(range(100, 116))
    for text in (key.hex().upper(), f"LTK={key!r}", f"{key[::-1].hex()}", f"{list(key)}"):
        assert found({key}, set(), text)
    assert found(set(), {1234}, "passkey 001234")
    assert not found({key}, {1234}, "nothing of 51234")


class Ours(Asked):
    """An agent that knows the passkey that the other one shows."""

    other: Ours

    async def enter_passkey(self, request: Any) -> int | None:
        await until(lambda: self.other.passkeys())
        return max(self.other.passkeys())

    def passkeys(self) -> set[int]:
        return {shown for what, *_, shown in self.questions if what == "display"}


class Carried(Ours):
    """An agent to whom the other one's data was carried out of band."""

    has_oob = True

    def __init__(self, data: OobData) -> None:
        super().__init__(IoCapability.NO_INPUT_NO_OUTPUT)
        self.data = data

    async def peer_oob(self, peer: DeviceAddress) -> OobData | None:
        return self.data


class Spy:
    """Knows all the secrets, and looks at reprs when there are most of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, generation: str) -> None:
        self.secrets: set[bytes] = set()
        self.leaks: list[str] = []
        self.looked = 0
        self._watch(monkeypatch, "f5", lambda result: result)
        self._watch(monkeypatch, "_shared_secret", lambda result: [result])
        random = entropy.token_bytes

        def token_bytes(count: int) -> bytes:
            octets = random(count)
            if count == 16 and generation == "legacy":  # keys, and nonces that lead to them
                self.secrets.add(octets)
            return octets

        monkeypatch.setattr(entropy, "token_bytes", token_bytes)

    def _watch(
        self, monkeypatch: pytest.MonkeyPatch, name: str, pick: Callable[[Any], Any]
    ) -> None:
        real = getattr(secure_connections, name)

        def watched(*args: Any) -> Any:
            result = real(*args)
            self.secrets.update(pick(result))
            self.look()
            return result

        monkeypatch.setattr(secure_connections, name, watched)

    def look(self) -> None:
        """Look at the repr of each object of ours that is alive, but for those that are frozen."""
        for thing in gc.get_objects():
            module = type(thing).__module__  # of compiled functions it is no text
            if isinstance(module, str) and module.startswith("bleio."):
                self.looked += 1
                text = repr(thing)
                if found(self.secrets, set(), text):
                    self.leaks.append(text)

    def learn(self, device: Device) -> None:
        assert device.backend._open is not None
        bonds = device.backend._open.security.shared.bonds
        self.secrets.add(bonds.irk())
        for _, bond in bonds.all():
            self._learn_bond(bond)

    def carry(self, to: Device, other: Device) -> Carried:
        """Carry out-of-band data from one to the other, and read it on the way."""
        assert to.backend._open is not None and other.backend._open is not None
        data = other.backend._open.security.shared.own_oob.data()
        # LE legacy pairing has one temporary key for both sides.
        key = min(data.temporary_key, to.backend._open.security.shared.own_oob.data().temporary_key)
        self.secrets |= {data.random, data.temporary_key, key}
        return Carried(replace(data, temporary_key=key))

    def _learn_bond(self, bond: Bond) -> None:
        for key in (bond.ltk, bond.irk):
            if key is not None:
                self.secrets.add(key)
        for signing in (bond.own_signing, bond.peer_signing):
            if signing is not None:
                self.secrets.add(signing.csrk)


@pytest.mark.parametrize("make_world", [VirtualWorld, ListenWorld])
@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    ("central_io", "peripheral_io", "oob"),
    [
        (IoCapability.NO_INPUT_NO_OUTPUT, IoCapability.NO_INPUT_NO_OUTPUT, False),
        (IoCapability.KEYBOARD_ONLY, IoCapability.DISPLAY_ONLY, False),
        (IoCapability.DISPLAY_YES_NO, IoCapability.DISPLAY_YES_NO, False),
        (IoCapability.NO_INPUT_NO_OUTPUT, IoCapability.NO_INPUT_NO_OUTPUT, True),
    ],
    ids=["no input", "passkey", "comparison", "out of band"],
)
@asynchronous
async def test_a_pairing_logs_no_secret(
    make_world: Callable[[], World],
    generation: str,
    central_io: IoCapability,
    peripheral_io: IoCapability,
    oob: bool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """With everything at DEBUG, ours, asyncio's and bumble's."""
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(("bleio", "bumble", "asyncio")):
            caplog.set_level(logging.DEBUG, name)
    if generation == "legacy":
        only_legacy(monkeypatch)
    spy = Spy(monkeypatch, generation)
    request.addfinalizer(gc.unfreeze)
    gc.freeze()  # there may be millions of objects of other tests, and pairing has time limits
    agents: tuple[Ours, Ours] = Ours(central_io), Ours(peripheral_io)
    agents[0].other, agents[1].other = agents[1], agents[0]
    async with make_world() as world:
        central, peripheral, link, incoming = await connected_pair(world)
        if oob:
            agents = spy.carry(central, peripheral), spy.carry(peripheral, central)
        central.backend.agent, peripheral.backend.agent = agents
        await link.pair()
        assert link.security.authenticated or not oob
        await until(lambda: incoming.security.has_keys)
        spy.learn(central)
        spy.learn(peripheral)
        spy.look()
        await link.disconnect()  # and encryption with stored keys
        await until(lambda: not peripheral.engine.links)
        await peripheral.advertise()
        again, _ = await central.connect(peripheral)
        await until(lambda: again.security.encrypted)
    passkeys = {key for agent in agents for key in agent.passkeys()}
    assert bool(passkeys) == (IoCapability.KEYBOARD_ONLY in (central_io, peripheral_io))
    formatter = logging.Formatter("%(name)s %(message)s")
    logged = [formatter.format(record) for record in caplog.records]
    assert len(spy.secrets) >= 6
    assert spy.looked > 100
    assert not spy.leaks
    assert not [text for text in logged if found(spy.secrets, passkeys, text)]
