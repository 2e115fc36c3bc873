"""Proxies that cannot be used: one sentence that says why, and what to do."""

from __future__ import annotations

import socket

import pytest

pytest.importorskip("bleak_esphome", reason="the libraries for ESPHome need Python 3.11 or newer")

from aioesphomeapi import api_pb2 as pb, host_resolver, reconnect_logic

from bleio.backends.os.esphome import fleet as fleets, proxy as proxies
from bleio.backends.os.esphome.places import Place
from bleio.errors import ControllerLost
from support.esphome.building import KEY, Building, OpenFleet, place_of
from support.esphome.hostile import BadProxy, Line
from support.esphome.server import ALL_FEATURES, Feature
from support.hci.engine import asynchronous, until
from support.patience import PATIENCE_S

pytestmark = pytest.mark.interop

OTHER_KEY = "A" * 43 + "="


async def problem_of(place: Place, key: str | None = None) -> str:
    """Open a fleet of one proxy. Returns: why it cannot be used."""
    fleet = OpenFleet([place], {} if key is None else {place: key})
    try:
        with pytest.raises(ControllerLost) as error:
            await fleet.open()
    finally:
        await fleet.backend.close()
    begin = f"The ESPHome proxy {place} cannot be used: "
    assert str(error.value).startswith(begin)
    return str(error.value).removeprefix(begin)


@asynchronous
async def test_nothing_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        place = Place("127.0.0.1", bound.getsockname()[1])
        assert (await problem_of(place)).startswith("nothing listens at its port; see that it is")


@asynchronous
async def test_a_name_that_nobody_knows() -> None:
    wanted = "its name is not known here; check it, or write its IP address"
    assert await problem_of(Place("no-such-host.invalid")) == wanted


@asynchronous
async def test_a_key_is_missing_wrong_or_too_much() -> None:
    async with Building() as building:
        plain, encrypted = await building.two_proxies()
        missing = await problem_of(place_of(encrypted))
        assert missing.startswith("it wants an encryption key; set BLEIO_ESPHOME_KEY, or write")
        wrong = await problem_of(place_of(encrypted), OTHER_KEY)
        assert wrong.startswith("it has another encryption key; set BLEIO_ESPHOME_KEY, or write a")
        too_much = await problem_of(place_of(plain), KEY)
        assert too_much.startswith("it has no encryption, but there is a key for it; remove one")


@pytest.mark.parametrize(
    ("features", "problem"),
    [
        (0, "it is no Bluetooth proxy; give it `bluetooth_proxy:` in ESPHome"),
        (
            ALL_FEATURES & ~Feature.RAW_ADVERTISEMENTS,
            "its ESPHome 2026.1.0 is too old to pass on what it hears; install 2023.6 or newer",
        ),
    ],
)
@asynchronous
async def test_what_a_proxy_must_have(features: int, problem: str) -> None:
    async with Building() as building:
        proxy = await building.proxy("kitchen", features=features)
        assert await problem_of(place_of(proxy)) == problem


@asynchronous
async def test_an_old_api() -> None:
    async with Building() as building:
        proxy = await building.proxy("kitchen", api_version=(1, 8))  # with its old form of features
        assert "too old to pass on what it hears" in await problem_of(place_of(proxy))


@asynchronous
async def test_an_api_of_the_future() -> None:
    async with Building() as building:
        proxy = await building.proxy("kitchen", api_version=(3, 0))
        problem = await problem_of(place_of(proxy))
        assert problem.startswith("what answers there does not speak ESPHome's API as it should")
        assert "Incompatible" in problem


@asynchronous
async def test_two_names_for_one_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("OPEN_S", "OTHERS_S"):
        monkeypatch.setattr(fleets, limit, PATIENCE_S)
    async with Building() as building:
        proxy = await building.proxy("kitchen")
        fleet = OpenFleet([place_of(proxy), Place("localhost", proxy.port)], {})
        try:
            await fleet.open()
            (bad,) = [each for each in fleet.system.proxies if each.session is None]
            assert bad.problem is not None
            assert "cannot be used: it is the same device as " in bad.problem
        finally:
            await fleet.backend.close()


@asynchronous
async def test_of_several_that_cannot_be_used_each_is_named() -> None:
    async with Building() as building:
        one = await building.proxy("kitchen", features=0)
        other = await building.proxy("hall", key=KEY)
        fleet = OpenFleet([place_of(one), place_of(other)], {})
        with pytest.raises(ControllerLost) as error:
            await fleet.open()
        await fleet.backend.close()
        assert "it is no Bluetooth proxy" in str(error.value)
        assert "it wants an encryption key" in str(error.value)


@asynchronous
async def test_one_that_can_be_used_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    async with Building() as building:
        good, bad = await building.two_proxies()
        bad.features = 0
        await building.fleet(good, bad)
        (said,) = [each for each in caplog.messages if "cannot be used" in each]
        assert f"127.0.0.1:{bad.port} cannot be used: it is no Bluetooth proxy" in said


@asynchronous
async def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleets, "OPEN_S", 0.2)

    async def say_nothing(line: Line) -> None:
        await line.reader.read()

    async with BadProxy(say_nothing) as bad:
        problem = await problem_of(Place("127.0.0.1", bad.port))
        assert problem.startswith("it does not answer; see that it is switched on, in this network")


@asynchronous
async def test_another_program_listens_to_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with Building() as building:
        proxy = await building.proxy("kitchen")
        await building.fleet(proxy)
        await until(lambda: proxy.subscriber is not None)
        monkeypatch.setattr(proxies, "HEARS_S", 0.1)
        await building.fleet(proxy)
        await until(lambda: caplog.messages)
        (said,) = caplog.messages
        assert f"127.0.0.1:{proxy.port} passes nothing on that it hears: another program" in said


@asynchronous
async def test_no_device_address() -> None:
    async def introduce(line: Line) -> None:
        await line.introduce(bluetooth_mac_address="hci0", mac_address="")
        await line.reader.read()

    async with BadProxy(introduce) as bad:
        problem = await problem_of(Place("127.0.0.1", bad.port))
        assert problem == "it says that it has no device address; install ESPHome on it anew"


@asynchronous
async def test_another_protocol() -> None:
    async def speak_http(line: Line) -> None:
        line.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await line.reader.read()

    async with BadProxy(speak_http) as bad:
        for key in (None, KEY):
            problem = await problem_of(Place("127.0.0.1", bad.port), key)
            assert problem.startswith("what answers there does not speak ESPHome's API") or (
                key and problem.startswith("encryption fails")
            )


@asynchronous
async def test_a_proxy_that_goes_while_it_says_what_it_is() -> None:
    async def go(line: Line) -> None:
        await line.wait_for(pb.HelloRequest)
        await line.send(pb.HelloResponse(api_version_major=1, api_version_minor=12, name="bad"))
        await line.wait_for(pb.DeviceInfoRequest)

    async with BadProxy(go) as bad:
        assert await problem_of(Place("127.0.0.1", bad.port))


@asynchronous
async def test_a_lookup_that_takes_long_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It ends the mDNS by which the library listens for proxies that come back."""
    fleet = OpenFleet([Place("kitchen.local", 6053)], {})

    def is_listening() -> bool:
        (proxy,) = fleet.system.proxies
        return proxy._logic._zc_wake._listening

    async def look_up(*_: object) -> None:
        await until(is_listening)
        raise TimeoutError

    monkeypatch.setattr(reconnect_logic, "ZC_LISTEN_DELAY", 0)
    monkeypatch.setattr(host_resolver, "_async_resolve_host", look_up)
    with pytest.raises(ControllerLost, match="kitchen"):
        await fleet.open()
    await fleet.backend.close()
    assert "failed" not in caplog.text
