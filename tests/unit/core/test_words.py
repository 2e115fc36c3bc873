"""Codes in words: every code of the specification has its name, every other a number."""

from __future__ import annotations

import pytest
from bumble.hci import HCI_ErrorCode

from bleio.backends.hci.security.smp.pdu import Reason
from bleio.core.codes import AttErrorCode, HciErrorCode
from bleio.core.words import att_error, hci_error, pairing_reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (att_error(0x05), "Insufficient Authentication"),
        (att_error(0x0A), "Attribute Not Found"),
        (att_error(0x80), "Application Error 0x80"),
        (att_error(0x9F), "Application Error 0x9F"),
        (att_error(0xE0), "Common Profile Error 0xE0"),
        (att_error(0x20), "Reserved Error 0x20"),
        (pairing_reason(0x04), "Confirm Value Failed"),
        (pairing_reason(0x77), "Reserved Reason 0x77"),
        (hci_error(0x00), "Success"),
        (hci_error(0x08), "Connection Timeout"),
        (hci_error(0x3D), "Connection Terminated Due To MIC Failure"),
        (hci_error(0xEE), "Reserved Error 0xEE"),
    ],
)
def test_words(text: str, words: str) -> None:
    assert text == words


def test_all_that_we_name_has_words() -> None:
    for words, codes in (
        (att_error, AttErrorCode),
        (pairing_reason, Reason),
        (hci_error, HciErrorCode),
    ):
        assert [code for code in codes if "0x" in words(code)] == []


def test_all_that_bumble_knows_of_hci_has_words() -> None:
    named = [code for code in HCI_ErrorCode if code.name != "RESERVED_FOR_FUTURE_USE"]
    assert [code for code in named if "0x" in hci_error(code)] == []
