"""`bleio read` and `bleio write`: each form of a value, and each way in which they fail."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from support.schemas import checked

from .commands import Ended, bleio, repeating
from .conftest import Strap

ON = ("--adapter", "virtual")
SECRET = "6e400001-b5a3-f393-e0a9-e50e24dcca00"
BOTH, COMMAND, SHUT = (SECRET.replace("0001", f"000{each}") for each in "234")
SCALED, TWICE = (SECRET.replace("0001", f"000{each}") for each in "67")


def read(*arguments: str) -> Ended:
    return bleio("read", "strap", *arguments, *ON)


def write(*arguments: str, input: bytes | None = None) -> Ended:
    return bleio("write", "strap", *arguments, *ON, input=input)


NAMES = [
    "Battery Level",
    "battery_level",
    "BATTERY",
    "2a19",
    "0x2A19",
    "00002a19-0000-1000-8000-00805f9b34fb",
    "00002A1900001000800000805F9B34FB",
    "180f/2a19",
    "battery_service/battery level",
    "Battery/Battery",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_characteristic_by_any_name(strap: Strap, name: str) -> None:
    assert read(name) == (0, "87 %  (57)\n", "")


def test_by_handle_and_descriptors(strap: Strap) -> None:
    from bleio import aio

    handle = aio.handle(strap.level)
    assert read(f"handle:{handle}").out == "87 %  (57)\n"
    strap.advertise()
    assert read(f"handle:0x{handle:04x}").out == "87 %  (57)\n"
    for name in ("2a19/2902", "180f/2a19/2902", "battery_level/client"):
        strap.advertise()
        ended = read(name)
        assert ended.out == "none  (00 00)\n", ended


def test_by_a_format_that_the_device_has_published(strap: Strap) -> None:
    assert read(SCALED).out == "100 period (beats per minute)  (10 27)\n"


def test_octets_alone(strap: Strap) -> None:
    assert read("2a19", "--hex").out == "57\n"
    strap.advertise()
    assert read("2a19", "--raw").out == "W"


def test_json(strap: Strap) -> None:
    value = checked("read", read("2a19", "--json").out)
    assert value["device"]["name"] == "Strap"
    assert value["characteristic"]["name"] == "Battery Level"
    assert (value["octets"], value["decoded"], value["unit"]) == ("57", 87, "%")
    strap.advertise()
    value = checked("read", read("2a19/2902", "--json").out)
    assert value["descriptor"]["name"] == "Client Characteristic Configuration"


def test_a_value_that_its_decoder_rejects_is_shown_as_octets(strap: Strap) -> None:
    strap.level.value = b"\xff"
    assert read("2a19").out.startswith("ff  (not decoded: Invalid percentage: 255")
    strap.advertise()
    value = checked("read", read("2a19", "--json").out)
    assert "Invalid percentage" in value["problem"]
    assert "decoded" not in value


REFUSED = {
    "wrong name": (["batery level"], 3, "no characteristic 'batery level'. It has:"),
    "which is near": (["batery level"], 3, "  bleio read strap battery_level --adapter virtual  #"),
    "near its beginning": (["hart rate"], 3, "It has:\n  bleio read strap heart_rate_measurement"),
    "no such UUID": (["2aff"], 3, "The device has no characteristic '2aff'. It has:"),
    "no word": ([""], 3, "The device has no characteristic ''. It has:"),
    "no word, nor a service": (["/"], 3, "The device has no characteristic '/'. It has:"),
    "no such handle": (["handle:9999"], 3, "no characteristic 'handle:9999'"),
    "no such service": (["1809/2a19"], 3, "no characteristic '1809/2a19'"),
    "two of them": ([TWICE], 3, f"2 values fit '{TWICE}'; take one of them:"),
    "each of them": ([TWICE], 3, "  bleio read strap handle:0x"),
    "not readable": (["2a37"], 6, "cannot be read (it has notify). It sends its values"),
    "not permitted": ([SHUT], 6, "Read Not Permitted"),
    "two forms": (["2a19", "--hex", "--json"], 2, "Take one of --hex, --raw and --json."),
    "encrypted": ([SECRET], 6, f"bleio read strap {SECRET} --adapter virtual --pair\n"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read(strap: Strap, case: str) -> None:
    arguments, code, sentence = REFUSED[case]
    ended = read(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err
    assert "Traceback" not in ended.err


def test_pairing_makes_it_readable(strap: Strap) -> None:
    assert read(SECRET, "--pair") == (0, '"secret"\n', "")


def test_a_bond_whose_keys_do_not_fit(
    strap: Strap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for state in ("one", "other"):  # of the same computer: the second bond replaces the first
        monkeypatch.setenv("BLEIO_STATE_DIR", str(tmp_path / state))
        assert read("2a19", "--pair").code == 0
        strap.advertise()
    monkeypatch.setenv("BLEIO_STATE_DIR", str(tmp_path / "one"))
    with repeating(
        lambda: strap.adapter.advertising or strap.adapter.connected or strap.advertise()
    ):
        ended = read("2a19")
        assert (ended.code, ended.out) == (6, "")
        assert "has lost the keys of its bond with this computer" in ended.err
        assert "  bleio read strap 2a19 --adapter virtual --pair\n" in ended.err
        assert "  bleio bonds forget " in ended.err
        assert read("2a19", "--pair") == (0, "87 %  (57)\n", "")


def test_no_such_device(strap: Strap) -> None:
    ended = bleio("read", "trap", "2a19", "--timeout", "1.5", *ON)
    assert ended.code == 3
    assert ended.err.startswith("Error: No device called 'trap' was heard within 1.5 s on virtual.")
    assert ' 2a19 --timeout 1.5 --adapter virtual  # "Strap"' in ended.err


def test_no_thread_is_left_that_loads(strap: Strap, monkeypatch: pytest.MonkeyPatch) -> None:
    may_end = threading.Event()
    monkeypatch.setattr("bleio.values.load", lambda: may_end.wait(0.5))
    assert read("2a19").code == 0
    assert not [each for each in threading.enumerate() if each.name == "bleio-values"]


def test_a_wrong_address_is_a_wrong_argument() -> None:
    ended = bleio("read", "c0:11:22:33:44", "2a19")
    assert (ended.code, ended.out) == (2, "")
    assert "write six octets, such as c0:11:22:33:44:55" in ended.err


# Writing


WRITTEN = {
    "hex": (["0a0b"], b"\x0a\x0b"),
    "text": (["hello"], b"hello"),
    "typed": (["u16:1000,u8:1"], b"\xe8\x03\x01"),
    "long": (["hex:" + "ab" * 400], b"\xab" * 400),
    "negative": (["--", "-5"], b"-5"),
    "with": (["01", "--response"], b"\x01"),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_values_in_each_form(strap: Strap, case: str) -> None:
    arguments, octets = WRITTEN[case]
    ended = bleio("write", *ON, "strap", BOTH, *arguments)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Wrote {len(octets)} octet")
    assert strap.both.value == octets


def test_without_response(strap: Strap) -> None:
    ended = write(BOTH, "02", "--no-response")
    assert ended.out.startswith(f"Sent 1 octet to {BOTH} (02), without response: whether")
    strap.advertise()
    assert write(COMMAND, "03").out.startswith("Sent 1 octet")
    assert (strap.both.value, strap.command.value) == (b"\x02", b"\x03")


def test_from_a_file_and_standard_input(strap: Strap, tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_bytes(b"\x00\xff\n")
    assert write(BOTH, "--file", str(file)).code == 0
    assert strap.both.value == b"\x00\xff\n"
    strap.advertise()
    assert write(BOTH, "--file", "-", input=b"piped").code == 0
    assert strap.both.value == b"piped"


def test_json_of_a_write(strap: Strap) -> None:
    value = checked("write", write(BOTH, "0a", "--json").out)
    assert (value["octets"], value["with_response"]) == ("0a", True)


NOT_WRITTEN = {
    "no value": ([BOTH], 2, "Write either a VALUE or --file FILE."),
    "two values": ([BOTH, "01", "--file", "x"], 2, "Write either a VALUE or --file FILE."),
    "no number": ([BOTH, "u8:999"], 2, "999 is not from 0 to 255, as u8 is."),
    "no file": ([BOTH, "--file", "/no/such"], 2, "Cannot read '/no/such': No such file"),
    "too long": ([BOTH, "--file", "-"], 2, "it has more than 512 octets"),
    "read-only": (["2a38", "01"], 6, "cannot be written (it has read)."),
    "no response": ([COMMAND, "01", "--response"], 6, "take --no-response"),
    "longer than a packet": ([COMMAND, "00" * 512], 1, "too long for a write without response"),
    "CCCD": (["2a19/2902", "ff"], 6, "Invalid Attribute Value Length"),
}


@pytest.mark.parametrize("case", NOT_WRITTEN)
def test_what_cannot_be_written(strap: Strap, case: str) -> None:
    arguments, code, sentence = NOT_WRITTEN[case]
    ended = write(*arguments, input=bytes(513))
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err
    assert "Traceback" not in ended.err
