"""The search for a device: what is found, and what is said if nothing is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import _bleio
import pytest
from _bleio import Adapter

from bleio.cli.devices import find, finding, parse_target
from bleio.cli.devices.finding import MOST_DEVICES, Search, commands_for, likely_first
from bleio.cli.devices.problems import NotFound
from bleio.testing import World
from support.awaiting import in_loop
from support.patience import PATIENCE_S

MakeAdvertiser = Callable[..., Adapter]
NEVER_S = 1.5


def text_of(adapter: Adapter) -> str:
    return adapter.address.address_bytes[::-1].hex(":")


@pytest.fixture(autouse=True)
def typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bleio", "read", "Puls", "Battery Level"])


@in_loop
async def test_by_address_with_and_without_type(
    central: Adapter, advertiser: MakeAdvertiser
) -> None:
    other = advertiser("Pulse")
    for text in (text_of(other), text_of(other).upper(), text_of(other) + "/random"):
        found = await find(central, parse_target(text), timeout_s=PATIENCE_S)
        assert found.address == other.address


@in_loop
async def test_of_another_type_it_is_another_device(
    central: Adapter, advertiser: MakeAdvertiser
) -> None:
    other = advertiser("Pulse")
    with pytest.raises(NotFound, match=r"\(public\) was heard within 1\.5 s on virtual") as caught:
        await find(central, parse_target(text_of(other) + "/public"), timeout_s=NEVER_S)
    assert text_of(other) in str(caught.value).splitlines()[1]


@in_loop
async def test_by_name_in_any_case_and_by_its_beginning(
    central: Adapter, advertiser: MakeAdvertiser
) -> None:
    other = advertiser("Pulse 1")
    advertiser("Another")
    for text in ("Pulse 1", "pulse 1", "PUL"):
        found = await find(central, parse_target(text), timeout_s=PATIENCE_S)
        assert (found.address, found.name) == (other.address, "Pulse 1")


@in_loop
async def test_a_name_in_the_scan_response(central: Adapter, peripheral: Adapter) -> None:
    peripheral.start_advertising(b"\x02\x01\x06", scan_response=b"\x06\x09Pulse")
    found = await find(central, parse_target("pulse"), timeout_s=PATIENCE_S)
    assert found.address == peripheral.address


@in_loop
async def test_the_whole_name_wins_over_longer_ones(
    central: Adapter, advertiser: MakeAdvertiser
) -> None:
    advertiser("Pulse 2")
    other = advertiser("Pulse")
    found = await find(central, parse_target("Pulse"), timeout_s=PATIENCE_S)
    assert found.address == other.address


@in_loop
async def test_two_that_fit_are_listed_as_commands(
    central: Adapter, advertiser: MakeAdvertiser
) -> None:
    both = [advertiser("Pulse 1"), advertiser("Pulse 2")]
    with pytest.raises(NotFound) as caught:
        await find(central, parse_target("Puls"), timeout_s=PATIENCE_S)
    first, *lines = str(caught.value).splitlines()
    assert first == "2 devices that virtual hears fit 'Puls'; take one of them:"
    for adapter in both:
        assert any(f"bleio read {text_of(adapter)} 'Battery Level'  # " in each for each in lines)
    assert caught.value.exit_code == 3


@in_loop
async def test_in_vain_it_says_what_was_heard_near_names_first(
    central: Adapter, advertiser: MakeAdvertiser
) -> None:
    advertiser("Thermometer")
    near = advertiser("Pulse")
    with pytest.raises(NotFound) as caught:
        await find(central, parse_target("Pusle"), timeout_s=NEVER_S)
    first, second, third = str(caught.value).splitlines()
    assert first == "No device called 'Pusle' was heard within 1.5 s on virtual. What was:"
    assert second.startswith(f'  bleio explore {text_of(near)}  # "Pulse", -')
    assert '"Thermometer", -' in third


@in_loop
async def test_nothing_was_heard_at_all(
    central: Adapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # where no other radio runs
    with pytest.raises(
        NotFound, match=r"on virtual\. Nothing is heard on 'virtual', which is a radio of this"
    ):
        await find(central, parse_target("Pulse"), timeout_s=0.2)


@in_loop
async def test_a_beacon_takes_no_links(central: Adapter, advertiser: MakeAdvertiser) -> None:
    advertiser("Pulse", connectable=False)
    with pytest.raises(NotFound, match="takes no connections now"):
        await find(central, parse_target("Pulse"), timeout_s=PATIENCE_S)


@in_loop
async def test_hostile_names_are_escaped(central: Adapter, advertiser: MakeAdvertiser) -> None:
    advertiser("\x1b[31mred\n\u202e[bold]")
    with pytest.raises(NotFound) as caught:
        await find(central, parse_target("Pulse"), timeout_s=NEVER_S)
    assert str(caught.value).isascii()
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2


class Entry:
    """A packet of one of many devices."""

    rssi, connectable = -50, True

    def __init__(self, number: int, name: bytes) -> None:
        from _bleio import Address

        self.address = Address(number.to_bytes(5, "little") + b"\xc0", Address.RANDOM_STATIC)
        self.advertisement_bytes = bytes([len(name) + 1, 9]) + name


def test_ten_thousand_advertisers_are_counted_and_not_kept() -> None:
    search = Search(parse_target("Pulse"))
    for number in range(10_000):
        search.add(Entry(number, b"Device %d" % number))  # type: ignore[arg-type]
    assert len(search.devices) == MOST_DEVICES
    search.add(Entry(10_001, b"Pulse"))  # type: ignore[arg-type]
    assert [each.name for each in search.best()] == ["Pulse"]
    lines = commands_for(likely_first(search.devices.values(), search.target), search.target, 1)
    assert len(lines.splitlines()) == 9
    assert lines.endswith("and at least 4088 more, which bleio scan shows")


@in_loop
async def test_one_that_advertises_more_than_a_legacy_packet_holds(
    central: Adapter, advertiser: MakeAdvertiser
) -> None:
    advertiser("a name that is a good deal longer than legacy packets have room for")
    target = parse_target("a name that is a good deal longer than")
    found = await find(central, target, timeout_s=PATIENCE_S)
    assert found.connectable


def test_the_time_is_for_hearing_however_long_an_adapter_takes_to_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_now, found = finding.open_now, []

    async def slowly(adapter: Adapter) -> None:
        await asyncio.sleep(5)
        await open_now(adapter)

    async def look() -> None:
        found.append(await find(_bleio.adapter, parse_target("Lamp"), timeout_s=2))

    monkeypatch.setattr(finding, "open_now", slowly)
    with World(seed=1) as world:
        world.add(
            source="import time, _bleio\n"
            "_bleio.adapter.start_advertising(b'\\x05\\x09Lamp')\n"
            "time.sleep(100)\n"
        )
        looking = world.add(look)
        world.run(until=lambda: not looking.running)
    assert found[0].name == "Lamp"
