"""docs/security.md names each attack's test, and no test that is not there."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "security.md"
ELSEWHERE = {"test_documented.py", "test_permission_matrix.py"}
NO_ATTACKS = {
    "test_the_search_finds_what_it_must",
    "test_the_mac_is_that_of_rfc_4493",
    "test_what_is_to_be_signed_is_signed_on_the_next_plain_link_too",
    "test_our_client_signs_where_the_link_is_not_encrypted",
    "test_a_peer_that_wants_no_bond_gets_none",
    "test_a_capture_is_read_with_and_without_keys",
    "test_a_capture_into_what_the_program_was_given",
    "test_a_word_that_does_not_say_whether_keys_are_captured",
}


def test_the_table_of_attacks_is_that_of_the_tests() -> None:
    tests = {
        name
        for file in HERE.glob("test_*.py")
        if file.name not in ELSEWHERE
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
    }
    documented = re.findall(r"`(test_\w+)`", DOCUMENT.read_text("utf-8"))
    assert len(documented) == len(set(documented))
    assert set(documented) == tests - NO_ATTACKS
