"""Every security mode against every kind of link."""

import pytest

from bleio.att.permissions import lacking
from bleio.core.codes import AttErrorCode, SecurityMode
from bleio.core.security import LinkSecurity

DENIED = AttErrorCode.WRITE_NOT_PERMITTED
LINKS = {
    "plain": LinkSecurity(),
    "keys": LinkSecurity(has_keys=True),
    "just works": LinkSecurity(True, False, False, True, 16),
    "just works sc": LinkSecurity(True, False, True, True, 16),
    "mitm": LinkSecurity(True, True, False, True, 16),
    "mitm sc": LinkSecurity(True, True, True, True, 16),
    "short key": LinkSecurity(True, True, True, True, 6),
}
# One column per link above.
TABLE = {
    SecurityMode.NO_ACCESS: "03 03 03 03 03 03 03",
    SecurityMode.OPEN: "00 00 00 00 00 00 00",
    SecurityMode.ENCRYPT_NO_MITM: "05 0f 00 00 00 00 0c",
    SecurityMode.ENCRYPT_WITH_MITM: "05 0f 05 05 00 00 0c",
    SecurityMode.LESC_ENCRYPT_WITH_MITM: "05 0f 05 05 05 00 0c",
    SecurityMode.SIGNED_NO_MITM: "05 0f 00 00 00 00 0c",
    SecurityMode.SIGNED_WITH_MITM: "05 0f 05 05 00 00 0c",
}


@pytest.mark.parametrize("mode", TABLE, ids=lambda mode: mode.name)
def test_what_is_lacking(mode: SecurityMode) -> None:
    got = bytes(lacking(mode, link, DENIED) for link in LINKS.values())
    assert got.hex(" ") == TABLE[mode]


def test_every_mode_is_in_the_table() -> None:
    assert set(TABLE) == set(SecurityMode)


def test_a_mode_that_does_not_exist_grants_nothing() -> None:
    assert lacking(0x99, LINKS["mitm sc"], AttErrorCode.READ_NOT_PERMITTED) == 0x02


def test_longer_keys_can_be_demanded() -> None:
    link = LinkSecurity(True, True, True, True, 15)
    assert lacking(SecurityMode.ENCRYPT_NO_MITM, link, DENIED, min_key_octets=15) == 0
    assert lacking(SecurityMode.ENCRYPT_NO_MITM, link, DENIED, min_key_octets=16) == 0x0C
