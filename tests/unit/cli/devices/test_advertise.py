"""`bleio advertise`: what is sent, and that who connects is told."""

from __future__ import annotations

import os
import signal
import sys
import threading

import pytest
from _bleio import Adapter, Address

from bleio.core.advertising_fields import parse
from support.patience import PATIENCE_S
from support.schemas import checked_lines

from .commands import Ended, bleio

ON = ("--adapter", "virtual")
SHORT = ("--timeout", "100ms", "--json")


def advertise(*arguments: str) -> Ended:
    return bleio("advertise", *arguments, *ON)


def sent(*arguments: str) -> tuple[bytes, bytes]:
    """Return what is advertised, and told to scanners that ask."""
    ended = advertise(*arguments, *SHORT)
    assert (ended.code, ended.err) == (0, "")
    started, end = checked_lines("advertise", ended.out)
    assert (started["event"], end["reason"]) == ("started", "time")
    return bytes.fromhex(started["octets"]), bytes.fromhex(started["scan_response_octets"])


def test_fields(central: Adapter) -> None:
    data, response = sent(
        *("--name", "Beacon", "--service", "heart rate", "--service", "180f"),
        *("--manufacturer", "0xffff:0102", "--service-data", "180f:u8:87"),
    )
    assert response == b""
    fields = parse(data)
    assert (fields.flags, fields.complete_name) == (6, "Beacon")
    assert fields.services == (b"\x0d\x18", b"\x0f\x18")
    assert fields.manufacturer_data == ((0xFFFF, b"\x01\x02"),)
    assert fields.service_data == ((b"\x0f\x18", b"\x57"),)


def test_the_name_goes_where_there_is_room(central: Adapter) -> None:
    data, response = sent("--name", "A long name", "--manufacturer", "0xffff:" + "00" * 15)
    assert parse(data).complete_name is None
    assert parse(response).complete_name == "A long name"
    data, response = sent(
        "--name", "A long name", "--manufacturer", "0xffff:" + "00" * 40, "--extended"
    )
    assert (parse(data).complete_name, response) == ("A long name", b"")


def test_by_default_it_has_the_adapters_name(central: Adapter) -> None:
    data, _ = sent()
    assert str(parse(data).complete_name).startswith("CIRCUITPY")
    data, _ = sent("--no-name")
    assert data == b"\x02\x01\x06"


def test_octets_as_they_are(central: Adapter) -> None:
    assert sent("--data", "020106", "--scan-response", "0x0209 41") == (
        b"\x02\x01\x06",
        b"\x02\x09\x41",
    )
    assert sent("--data", "", "--not-connectable") == (b"", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="there os.kill ends the process")
def test_who_connects_is_told_and_it_advertises_again(central: Adapter) -> None:
    def heard() -> Address:
        entries = central.start_scan()
        address = next(each.address for each in entries if b"Twice" in each.advertisement_bytes)
        central.stop_scan()
        return address

    def connect_twice() -> None:
        try:
            for _ in range(2):
                central.connect(heard(), timeout=PATIENCE_S).disconnect()
            heard()  # again, so that the second link was told, too
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=connect_twice)
    thread.start()
    try:
        ended = advertise("--name", "Twice", "--interval", "20", "--json")
    finally:
        thread.join()
    lines = checked_lines("advertise", ended.out)
    events = [line["event"] for line in lines]
    assert events == ["started", *["connected", "disconnected"] * 2, "ended"]
    assert lines[1]["device"]["address"] == central.address.address_bytes[::-1].hex(":")
    assert lines[2]["reason_name"] == "Remote User Terminated Connection"
    assert (lines[-1]["connections"], lines[-1]["reason"]) == (2, "interrupted")


WRONG = {
    "no hex": (["--data", "0201061"], "'0201061' is not hexadecimal."),
    "no service": (["--service", "hart rate"], "did you mean 'Heart Rate'"),
    "no company": (["--manufacturer", "aple:00"], "'aple' is no company, nor a number"),
    "several": (["--manufacturer", "electronics:00"], "companies have 'electronics' in their"),
    "no value": (["--manufacturer", "0x004c"], "says no value: write such as 0x004c:0215."),
    "wrong value": (["--service-data", "180f:u8:999"], "999 is not from 0 to 255"),
    "too long": (["--manufacturer", "0xffff:" + "00" * 40], "That is 47 octets, and 31 fit"),
    "far too long": (["--manufacturer", "0xffff:" + "00" * 250, "--extended"], "and 238 fit"),
    "long name": (["--name", "x" * 40], "The name has 40 octets, and a packet has room for 29"),
    "both": (["--data", "00", "--name", "x"], "--data is all that is advertised"),
    "no data": (["--scan-response", "00"], "--scan-response goes with --data"),
    "two names": (["--name", "x", "--no-name"], "Take either --name or --no-name."),
    "interval": (["--interval", "5"], "'--interval'"),
    "nan": (["--interval", "nan"], "'nan' is no number"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_advertised(case: str) -> None:
    arguments, sentence = WRONG[case]
    ended = advertise(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert sentence in ended.err
