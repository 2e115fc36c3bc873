"""AD structures and the prefixes that filter them: catalogue 4.2."""

from __future__ import annotations

import pytest

from bleio.core.advertising import Prefixes, structures

FLAGS, NAME = b"\x02\x01\x06", b"\x05\x09desk"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (FLAGS, [b"\x01\x06"]),
        (FLAGS + NAME, [b"\x01\x06", b"\x09desk"]),
        (FLAGS + b"\0" + NAME, [b"\x01\x06"]),
        (b"\0" + NAME, []),
        (b"\x05\x09d", [b"\x09d"]),
        (FLAGS + b"\x05", [b"\x01\x06"]),
        (b"\x01\x09" * 2, [b"\x09", b"\x09"]),
    ],
)
def test_structures(data: bytes, expected: list[bytes]) -> None:
    assert list(structures(data)) == expected


@pytest.mark.parametrize(
    ("prefixes", "data", "any_matches", "all_match"),
    [
        (b"", FLAGS, True, True),
        (b"", b"", True, True),
        (b"\x01\x01", b"", False, False),
        (b"\x01\x01", FLAGS + NAME, True, True),
        (b"\x02\x01\x06", FLAGS, True, True),
        (b"\x03\x01\x06\x00", FLAGS, False, False),
        (b"\x01\x09\x01\x01", FLAGS + NAME, True, True),
        (b"\x01\x09\x01\xff", FLAGS + NAME, True, False),
        (b"\x01\xff\x01\x09", FLAGS + NAME, True, False),
        (b"\x00", FLAGS, True, True),
        (b"\x00", b"\x00", False, False),
        (b"\x00", b"", False, False),
        (b"\x02\x01", FLAGS, False, False),  # cut by the end of the prefixes
        (b"\x05", FLAGS, False, False),
        (b"\x01\x01\x05", FLAGS, True, False),
        (b"\x03\x09de", b"\x05\x09d", False, False),  # longer than what is left of a structure
        (b"\x02\x09d", b"\x05\x09d", True, True),
    ],
)
def test_prefixes(prefixes: bytes, data: bytes, any_matches: bool, all_match: bool) -> None:
    filter_ = Prefixes(prefixes)
    assert filter_.match_any(data) is any_matches
    assert filter_.match_all(data) is all_match
