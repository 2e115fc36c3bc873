"""What commands share: exit codes, texts of others, JSON."""

from __future__ import annotations

import json

import pytest

from bleio import errors
from bleio.api import UUID, Address
from bleio.cli.shared.exits import Exit, as_failure, code_of
from bleio.cli.shared.fields import address_fields, uuid_fields
from bleio.cli.shared.output import new_table, print_json, print_table, shown


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.AttError(0x02), Exit.REFUSED),
        (errors.AttError(0x05), Exit.REFUSED),
        (errors.AttError(0x80), Exit.REFUSED),
        (errors.AttError(0x0A), Exit.NOT_FOUND),
        (errors.PairingFailed(5), Exit.REFUSED),
        (errors.KeysLost(), Exit.REFUSED),
        (errors.LinkLost(8), Exit.GONE),
        (errors.TransactionTimeout(), Exit.GONE),
        (errors.ConnectTimeout(), Exit.NOT_FOUND),
        (errors.ControllerLost("no adapter"), Exit.NO_ADAPTER),
        (errors.CallerError("no"), Exit.WRONG_ARGUMENTS),
        (errors.ControllerError(0x0C), Exit.FAILED),
    ],
)
def test_each_error_of_the_library_has_a_code(error: errors.InnerError, code: int) -> None:
    assert code_of(error) == code
    assert code_of(errors.public_error(error)) == code


def test_errors_that_have_no_inner_one_have_a_code_too() -> None:
    assert code_of(errors.SecurityError("no")) == Exit.REFUSED
    assert code_of(errors.ConnectionError("gone")) == Exit.GONE
    assert code_of(errors.BluetoothError("no")) == Exit.FAILED
    assert code_of(NotImplementedError("macOS cannot")) == Exit.FAILED


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("x"), OSError(5, "x")])
def test_a_bug_is_no_failure(error: Exception) -> None:
    assert as_failure(error) is None


def test_a_failure_says_the_notes_of_the_error() -> None:
    failure = as_failure(errors.public_error(errors.AttError(0x05), "reading", "of x"))
    assert failure is not None
    assert failure.exit_code == Exit.REFUSED
    assert failure.message.startswith("Insufficient authentication\nATT error")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Thermometer", "Thermometer"),
        ("Jürgens Föhn 温度計", "Jürgens Föhn 温度計"),
        ("\x1b[2J\x1b]0;x\x07", r"\x1b[2J\x1b]0;x\x07"),
        ("two\nlines\r", r"two\nlines\r"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("[red]no[/]", "[red]no[/]"),
        ("Z" + "\u0300" * 500, "Z\u0300\u0300"),
        ("x" * 100, "x" * 61 + "..."),
    ],
)
def test_texts_of_others_do_no_harm(text: str, what: str) -> None:
    assert shown(text) == what


def test_json_is_one_line_of_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "Föhn\n\x1b", "octets": b"\x01\xff".hex()})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.isascii()
    assert json.loads(out) == {"name": "Föhn\n\x1b", "octets": "01ff"}


def test_numbers_that_json_has_not_are_refused() -> None:
    with pytest.raises(ValueError):
        print_json({"rate": float("nan")})


def test_addresses_and_uuids_in_json() -> None:
    address = Address(bytes.fromhex("665544332211"), Address.PUBLIC)
    assert address_fields(address) == {"address": "11:22:33:44:55:66", "address_type": "public"}
    static = Address(bytes.fromhex("6655443322f1"), Address.RANDOM_STATIC)
    assert address_fields(static)["address_type"] == "random_static"
    assert uuid_fields(UUID(0x180D)) == {
        "uuid": "0000180d-0000-1000-8000-00805f9b34fb",
        "name": "Heart Rate",
    }
    assert uuid_fields(bytes(16)) == {"uuid": "00000000-0000-0000-0000-000000000000"}


def test_a_table_in_a_pipe_is_whole_and_plain(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    table = new_table("Address", "Name")
    table.add_row("11:22:33:44:55:66", "x" * 300)
    print_table(table)
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["Address", "Name"]
    assert row == "11:22:33:44:55:66  " + "x" * 300
