"""What users type for a device."""

from __future__ import annotations

import click
import pytest

from bleio.cli.devices import Target, parse_target

OCTETS = bytes.fromhex("c01122aabbcc")[::-1]
ADDRESSES = {
    "C0:11:22:AA:BB:CC": None,
    "c0:11:22:aa:bb:cc": None,
    "C0-11-22-aa-bb-cc": None,
    "c01122aabbcc": None,
    "c011.22aa.bbcc": None,
    " c0:11:22:aa:bb:cc ": None,
    "<Address c0:11:22:aa:bb:cc>": None,
    "c0:11:22:aa:bb:cc/random": True,
    "c0:11:22:aa:bb:cc/public": False,
    "c0:11:22:aa:bb:cc (random)": True,
    "c0:11:22:aa:bb:cc random": True,
    "C0:11:22:AA:BB:CC,public": False,
    "random:c0:11:22:aa:bb:cc": True,
    "public c0:11:22:aa:bb:cc": False,
    "c0:11:22:aa:bb:cc random_static": True,
    "c0:11:22:aa:bb:cc/Random_Private_Resolvable": True,
}


@pytest.mark.parametrize("text", ADDRESSES)
def test_addresses_in_all_usual_forms(text: str) -> None:
    target = parse_target(text)
    assert (target.octets, target.random) == (OCTETS, ADDRESSES[text])


NAMES = ["Pulse", "c0ffee", "My: device", "dead-beef", "a:b", "Straße 1", "12:30 alarm", "-1"]


@pytest.mark.parametrize("text", NAMES)
def test_names(text: str) -> None:
    assert parse_target(text) == Target(text)


BROKEN = [
    "c0:11:22:aa:bb",
    "c0:11:22:aa:bb:c",
    "c0:11:22:aa:bb:cc:dd",
    "c0:11:22:aa:bb:",
    "c0-11-22-aa-bb",
    "c0:11:22:aa:bb:cc/wrong",
]


@pytest.mark.parametrize("text", BROKEN)
def test_an_address_that_is_none_is_no_name(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no whole address: write six octets"):
        parse_target(text)


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_name(text: str) -> None:
    with pytest.raises(click.BadParameter, match="empty"):
        parse_target(text)


RANKS = {"Pulse": 0, "pulse": 1, "PULSE": 1, "Pulse 2": 2, "pulsar": None, "Puls": None, "": None}


@pytest.mark.parametrize("name", RANKS)
def test_whole_names_come_before_beginnings(name: str) -> None:
    assert parse_target("Pulse").rank(name) == RANKS[name]


def test_twelve_digits_may_be_a_name_and_are_no_beginning_of_one() -> None:
    target = parse_target("c01122aabbcc")
    assert (target.rank("c01122aabbcc"), target.rank("c01122aabbcc2")) == (0, None)
