"""Pairing on BlueZ: what its agent is asked, and what comes of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bleio.backends.base import Link, OobData
from bleio.backends.os.backend import OsBackend
from bleio.backends.os.bluez import agent as agent_module
from bleio.backends.os.bluez.bus import BusError, Call
from bleio.backends.os.bluez.objects import DEVICE
from bleio.core.address import DeviceAddress, parse_address
from bleio.core.pairing import IoCapability, PairingMethod, PairingQuestion
from bleio.errors import LinkLost, PairingFailed
from support.bluez.loops import in_loop
from support.bluez.remote import PEER, Refusal, Remote, peer, remote, settled, until
from support.bluez.stand_in import device_path
from support.patience import PATIENCE_S

PATH = device_path(PEER)
AUTHENTICATION_FAILED = Refusal("org.bluez.Error.AuthenticationFailed", "Authentication Failed")


class Person:
    """A PairingAgent that answers what it is told to, and writes down what it is asked."""

    has_oob = False

    def __init__(self, io_capability: IoCapability = IoCapability.KEYBOARD_DISPLAY) -> None:
        self.io_capability = io_capability
        self.log: list[Any] = []
        self.accepts, self.same, self.passkey = True, True, 123456
        self.thinks = False

    async def _think(self) -> None:
        if self.thinks:
            await asyncio.get_running_loop().create_future()

    async def accept(self, request: PairingQuestion) -> bool:
        self.log.append(("accept", request.method))
        return self.accepts

    async def display_passkey(self, request: PairingQuestion, passkey: int) -> None:
        self.log.append(("display", passkey))

    async def enter_passkey(self, request: PairingQuestion) -> int | None:
        self.log.append("enter")
        await self._think()
        return self.passkey

    async def compare(self, request: PairingQuestion, number: int) -> bool:
        self.log.append(("compare", number))
        await self._think()
        return self.same

    async def peer_oob(self, peer: DeviceAddress) -> OobData | None:
        return None

    def ended(self, request: PairingQuestion, reason: str | None) -> None:
        self.log.append(("ended", reason))


async def linked(daemon: Remote, backend: OsBackend, person: Person | None) -> Link:
    backend.agent = person
    daemon.know()
    await settled(backend)
    return await backend.connect(peer(), PATIENCE_S)


def asks(daemon: Remote, member: str, signature: str, *body: Any) -> Any:
    """Return what asks the agent of the connection that pairs."""

    async def pairing(sender: str, path: str) -> None:
        try:
            answer = await daemon.ask(sender, member, signature, path, *body)
        except Refusal:
            raise AUTHENTICATION_FAILED from None
        daemon.answered = answer  # type: ignore[attr-defined]

    return pairing


@in_loop
async def test_the_agent_is_there_from_the_start_and_no_default() -> None:
    async with remote() as (daemon, backend, _):
        assert [capability for _, capability in daemon.agents.values()] == ["NoInputNoOutput"]
        backend.agent = Person(IoCapability.DISPLAY_YES_NO)
        await until(lambda: "DisplayYesNo" in [each for _, each in daemon.agents.values()])
        assert daemon.called("RequestDefaultAgent") == []
        await backend.close()
        assert not daemon.agents


@in_loop
async def test_without_a_delegate_it_is_just_works() -> None:
    async with remote() as (daemon, backend, _):
        link = await linked(daemon, backend, None)
        assert not link.security.has_keys
        await asyncio.gather(link.pair(), link.pair())
        assert len(daemon.called("Pair")) == 1
        assert (link.security.encrypted, link.security.authenticated) == (True, False)
        await link.pair()
        assert len(daemon.called("Pair")) == 1
        await backend.erase_bonds()
        assert not link.security.has_keys


@in_loop
async def test_the_last_that_waits_cancels_the_pairing() -> None:
    async with remote() as (daemon, backend, _):
        link = await linked(daemon, backend, None)
        goes_on = asyncio.Event()

        async def pairing(sender: str, path: str) -> None:
            await goes_on.wait()

        daemon.pairing = pairing
        first, second = (asyncio.ensure_future(link.pair()) for _ in range(2))
        await until(lambda: daemon.called("Pair"))
        first.cancel()
        await asyncio.wait({first})
        await settled(backend)
        assert daemon.called("CancelPairing") == []
        goes_on.set()
        await second
        assert link.security.encrypted
        await backend.erase_bonds()
        goes_on.clear()
        link = await linked(daemon, backend, None)
        both = {asyncio.ensure_future(link.pair()) for _ in range(2)}
        await until(lambda: len(daemon.called("Pair")) == 2)
        for waiting in both:
            waiting.cancel()
        await until(lambda: daemon.called("CancelPairing"))
        await asyncio.wait(both)
        assert daemon.called("CancelPairing") == [[]]
        goes_on.set()


@in_loop
async def test_numbers_are_compared() -> None:
    async with remote() as (daemon, backend, _):
        person = Person()
        link = await linked(daemon, backend, person)
        daemon.pairing = asks(daemon, "RequestConfirmation", "ou", 42)
        await link.pair()
        method = PairingMethod.NUMERIC_COMPARISON
        assert person.log == [("accept", method), ("compare", 42), ("ended", None)]
        assert link.security.authenticated
        assert link.security.secure_connections


@in_loop
async def test_passkeys_are_shown_and_entered() -> None:
    async with remote() as (daemon, backend, _):
        person = Person()
        link = await linked(daemon, backend, person)
        daemon.pairing = asks(daemon, "RequestPasskey", "o")
        await link.pair()
        assert daemon.answered == [123456]  # type: ignore[attr-defined]
        assert link.security.authenticated
        await backend.erase_bonds()
        person.log.clear()
        link = await linked(daemon, backend, person)

        async def shown(sender: str, path: str) -> None:
            for digits in range(3):
                await daemon.ask(sender, "DisplayPasskey", "ouq", path, 7, digits)
            await until(lambda: ("display", 7) in person.log)

        daemon.pairing = shown
        await link.pair()
        assert person.log == [
            ("accept", PairingMethod.PASSKEY_ENTRY),
            ("display", 7),
            ("ended", None),
        ]


@pytest.mark.parametrize("refuses", ["accept", "compare"])
@in_loop
async def test_a_program_that_refuses(refuses: str) -> None:
    async with remote() as (daemon, backend, _):
        person = Person()
        person.accepts, person.same = refuses != "accept", refuses != "compare"
        link = await linked(daemon, backend, person)
        daemon.pairing = asks(daemon, "RequestConfirmation", "ou", 42)
        with pytest.raises(PairingFailed):
            await link.pair()
        assert person.log[-1] == ("ended", "the pairing was refused")
        assert not link.security.has_keys


@in_loop
async def test_another_passkey_is_of_another_pairing() -> None:
    async with remote() as (daemon, backend, _):
        person = Person()
        await linked(daemon, backend, person)
        (sender,) = daemon.agents
        for passkey in (111111, 222222):
            for digits in range(3):
                await daemon.ask(sender, "DisplayPasskey", "ouq", PATH, passkey, digits)
            await until(lambda: ("display", passkey) in person.log)  # noqa: B023
        accept = ("accept", PairingMethod.PASSKEY_ENTRY)
        again = ("ended", "another pairing has begun")
        assert person.log == [accept, ("display", 111111), again, accept, ("display", 222222)]


@in_loop
async def test_each_pairing_asks_anew() -> None:
    async with remote() as (daemon, backend, _):
        person = Person()
        await linked(daemon, backend, person)
        (sender,) = daemon.agents
        for person.accepts in (False, True, False, True):
            asked = daemon.ask(sender, "RequestConfirmation", "ou", PATH, 42)
            if person.accepts:
                await asked
            else:
                with pytest.raises(Refusal):
                    await asked
        accept = ("accept", PairingMethod.NUMERIC_COMPARISON)
        refused, compare = ("ended", "the pairing was refused"), ("compare", 42)
        again = ("ended", "another pairing has begun")
        first = [accept, refused, accept, compare]
        assert person.log == [*first, again, *first]


@in_loop
async def test_an_answer_of_which_no_bond_comes_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(agent_module, "BOND_S", 0.01)
    async with remote() as (daemon, backend, _):
        person = Person()
        link = await linked(daemon, backend, person)
        (sender,) = daemon.agents
        await daemon.ask(sender, "RequestAuthorization", "o", PATH)
        ended = ("ended", "no bond has come of it")
        await until(lambda: person.log[-1] == ended)
        person.accepts = False
        with pytest.raises((PairingFailed, LinkLost)):
            await link.pair()
        accept = ("accept", PairingMethod.JUST_WORKS)
        assert person.log == [accept, ended, accept, ("ended", "the pairing was refused")]


@in_loop
async def test_refusals_gather_nothing() -> None:
    async with remote() as (daemon, backend, _):
        await settled(backend)
        ((path, _),) = daemon.agents.values()
        system: Any = backend._system
        servant, other = system.objects.bus._servants[path], device_path("C0:00:00:00:00:09")
        raised = []
        for _ in range(2):
            with pytest.raises(BusError) as refusal:
                servant(Call(path, "org.bluez.Agent1", "RequestAuthorization", [other]))
            raised.append(refusal.value)
        assert raised[0] is not raised[1]


@in_loop
async def test_just_works_that_is_refused_afterwards_is_forgotten() -> None:
    async with remote() as (daemon, backend, engine):
        person = Person()
        person.accepts = False
        link = await linked(daemon, backend, person)
        with pytest.raises((PairingFailed, LinkLost)):
            await link.pair()
        assert daemon.called("RemoveDevice") == [[PATH]]
        assert person.log == [
            ("accept", PairingMethod.JUST_WORKS),
            ("ended", "the pairing was refused"),
        ]
        await until(lambda: "link closed" in engine.log)


@in_loop
async def test_a_question_that_is_cancelled() -> None:
    async with remote() as (daemon, backend, _):
        person = Person()
        person.thinks = True
        link = await linked(daemon, backend, person)

        async def gives_up(sender: str, path: str) -> None:
            asked = asyncio.ensure_future(daemon.ask(sender, "RequestConfirmation", "ou", path, 42))
            await until(lambda: ("compare", 42) in person.log)
            await daemon.ask(sender, "Cancel", "")
            with pytest.raises(Refusal):
                await asked
            raise Refusal("org.bluez.Error.AuthenticationCanceled", "Authentication Canceled")

        daemon.pairing = gives_up
        with pytest.raises(PairingFailed):
            await link.pair()
        assert person.log[-1] == ("ended", "the other device has ended the pairing")


@in_loop
async def test_a_pairing_that_another_began_is_waited_for() -> None:
    """The peer, or BlueZ itself because a value needed it; the questions come all the same."""
    async with remote() as (daemon, backend, _):
        person = Person()
        link = await linked(daemon, backend, person)
        daemon.refusals["Pair"] = [Refusal("org.bluez.Error.InProgress", "In Progress")] * 1000
        waiting = asyncio.ensure_future(link.pair())
        await until(lambda: daemon.called("Pair"))
        (sender,) = daemon.agents
        await daemon.ask(sender, "RequestAuthorization", "o", PATH)
        daemon.change(PATH, DEVICE, Paired=True)
        await waiting
        assert person.log == [("accept", PairingMethod.JUST_WORKS), ("ended", None)]
        assert link.security.encrypted


@pytest.mark.parametrize("accepts", [True, False])
@in_loop
async def test_a_pairing_that_bluez_begins_while_we_connect(accepts: bool) -> None:
    """As with a keyboard, whose values BlueZ itself reads as soon as it has found them."""
    async with remote() as (daemon, backend, _):
        person = Person()
        person.accepts, backend.agent = accepts, person
        daemon.know()
        await settled(backend)
        await until(lambda: "KeyboardDisplay" in [each for _, each in daemon.agents.values()])
        daemon.resolves = False
        connecting = asyncio.ensure_future(backend.connect(peer(), PATIENCE_S))
        await until(lambda: daemon.objects[PATH][DEVICE]["Connected"].value)
        (sender,) = daemon.agents
        asking = asyncio.ensure_future(daemon.ask(sender, "RequestAuthorization", "o", PATH))
        await until(lambda: person.log)
        assert person.log[0] == ("accept", PairingMethod.JUST_WORKS)
        if accepts:
            await asking
            daemon.change(PATH, DEVICE, Paired=True)
        else:
            with pytest.raises(Refusal):
                await asking
        daemon.resolves = True
        daemon.change(PATH, DEVICE, ServicesResolved=True)
        link = await connecting
        assert link.security.encrypted == accepts


@in_loop
async def test_a_pairing_that_bluez_is_about_to_tell_of() -> None:
    """It has paired for a value, and answers no `Pair` that comes in the same moment."""
    async with remote() as (daemon, backend, _):
        link = await linked(daemon, backend, None)
        daemon.silent = {"Pair"}
        pairing = asyncio.ensure_future(link.pair())
        await until(lambda: daemon.called("Pair"))
        daemon.change(PATH, DEVICE, Paired=True)
        await asyncio.wait_for(pairing, PATIENCE_S)
        assert link.security.encrypted


@in_loop
async def test_what_is_not_asked_of_a_link_of_ours_is_refused() -> None:
    async with remote() as (daemon, backend, _):
        person = Person()
        await linked(daemon, backend, person)
        (sender,) = daemon.agents
        other = device_path("C0:00:00:00:00:09")
        for member, signature, body in (
            ("RequestConfirmation", "ou", (other, 42)),
            ("RequestAuthorization", "o", (other,)),
            ("DisplayPasskey", "ouq", (other, 1, 0)),
            ("RequestPinCode", "o", (PATH,)),
            ("AuthorizeService", "os", (PATH, "180f")),
            ("RequestConfirmation", "", ()),
            ("SomethingElse", "", ()),
        ):
            with pytest.raises(Refusal):
                await daemon.ask(sender, member, signature, *body)
        assert person.log == []


@in_loop
async def test_the_end_of_the_link_ends_the_pairing() -> None:
    async with remote() as (daemon, backend, _):
        person = Person()
        person.thinks = True
        link = await linked(daemon, backend, person)
        daemon.pairing = asks(daemon, "RequestPasskey", "o")
        pairing = asyncio.ensure_future(link.pair())
        await until(lambda: "enter" in person.log)
        daemon.connected(PATH, False)
        with pytest.raises(LinkLost):
            await pairing
        assert person.log[-1] == ("ended", "the link has ended")


@in_loop
async def test_a_bonded_phone_is_known_by_its_identity_on_an_object_of_another_address() -> None:
    async with remote() as (daemon, backend, engine):
        path, identity = device_path("4A:00:00:00:00:01"), "AA:00:00:00:00:99"
        states = {"Connected": True, "Paired": True, "ServicesResolved": True}
        daemon.add(path, DEVICE, Address=identity, AddressType="public", Alias="phone", **states)
        await settled(backend)
        backend.peer_connected(DeviceAddress(parse_address(identity)))
        (link,) = engine.links
        (sender,) = daemon.agents
        await daemon.ask(sender, "RequestAuthorization", "o", path)
        daemon.change(path, DEVICE, Paired=False)
        await settled(backend)
        assert not link.security.has_keys
