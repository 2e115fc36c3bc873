"""Every security mode against every kind of access over every kind of link, as ATT answers it."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from bleio.core.codes import AttErrorCode, Properties, SecurityMode
from bleio.core.security import LinkSecurity
from bleio.core.uuid import uuid16
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService
from bleio.gatt.table import AttributeTable
from support.bearers import Wired, published

# How the link got its security. Results: `ok`; an ATT error code; `no`, nothing happens (a command
# that is refused, a notification that is not sent). Rows with several modes or accesses hold for
# each of them.
TABLE = """
mode                     access                         plain  JW-legacy JW-SC MITM-legacy MITM-SC

NO_ACCESS                read,long-read,read-multiple   02     02        02    02          02
NO_ACCESS                write,prepared-write           03     03        03    03          03
NO_ACCESS                command,signed                 no     no        no    no          no
NO_ACCESS                notify,indicate                no     no        no    no          no
NO_ACCESS                cccd,descriptor-write          03     03        03    03          03
NO_ACCESS                descriptor-read                02     02        02    02          02

OPEN                     read,long-read,read-multiple   ok     ok        ok    ok          ok
OPEN                     write,prepared-write,command   ok     ok        ok    ok          ok
OPEN                     notify,indicate,cccd           ok     ok        ok    ok          ok
OPEN                     descriptor-read                ok     ok        ok    ok          ok
OPEN                     descriptor-write               ok     ok        ok    ok          ok
OPEN                     signed                         no     no        no    no          no

ENCRYPT_NO_MITM          read,long-read,read-multiple   05     ok        ok    ok          ok
ENCRYPT_NO_MITM          write,prepared-write,cccd      05     ok        ok    ok          ok
ENCRYPT_NO_MITM          descriptor-read                05     ok        ok    ok          ok
ENCRYPT_NO_MITM          descriptor-write               05     ok        ok    ok          ok
ENCRYPT_NO_MITM          command,notify,indicate        no     ok        ok    ok          ok
ENCRYPT_NO_MITM          signed                         no     no        no    no          no

ENCRYPT_WITH_MITM        read,long-read,read-multiple   05     05        05    ok          ok
ENCRYPT_WITH_MITM        write,prepared-write,cccd      05     05        05    ok          ok
ENCRYPT_WITH_MITM        descriptor-read                05     05        05    ok          ok
ENCRYPT_WITH_MITM        descriptor-write               05     05        05    ok          ok
ENCRYPT_WITH_MITM        command,notify,indicate        no     no        no    ok          ok
ENCRYPT_WITH_MITM        signed                         no     no        no    no          no

LESC_ENCRYPT_WITH_MITM   read,long-read,read-multiple   05     05        05    05          ok
LESC_ENCRYPT_WITH_MITM   write,prepared-write,cccd      05     05        05    05          ok
LESC_ENCRYPT_WITH_MITM   descriptor-read                05     05        05    05          ok
LESC_ENCRYPT_WITH_MITM   descriptor-write               05     05        05    05          ok
LESC_ENCRYPT_WITH_MITM   command,notify,indicate        no     no        no    no          ok
LESC_ENCRYPT_WITH_MITM   signed                         no     no        no    no          no

SIGNED_NO_MITM           read,long-read,read-multiple   05     ok        ok    ok          ok
SIGNED_NO_MITM           write,prepared-write,cccd      05     ok        ok    ok          ok
SIGNED_NO_MITM           descriptor-read                05     ok        ok    ok          ok
SIGNED_NO_MITM           descriptor-write               05     ok        ok    ok          ok
SIGNED_NO_MITM           command,notify,indicate        no     ok        ok    ok          ok
SIGNED_NO_MITM           signed                         ok     no        no    no          no

SIGNED_WITH_MITM         read,long-read,read-multiple   05     05        05    ok          ok
SIGNED_WITH_MITM         write,prepared-write,cccd      05     05        05    ok          ok
SIGNED_WITH_MITM         descriptor-read                05     05        05    ok          ok
SIGNED_WITH_MITM         descriptor-write               05     05        05    ok          ok
SIGNED_WITH_MITM         command,notify,indicate        no     no        no    ok          ok
SIGNED_WITH_MITM         signed                         no     no        no    no          no
"""

LINKS = {
    "plain": LinkSecurity(),
    "JW-legacy": LinkSecurity(True, False, False, True, 16),
    "JW-SC": LinkSecurity(True, False, True, True, 16),
    "MITM-legacy": LinkSecurity(True, True, False, True, 16),
    "MITM-SC": LinkSecurity(True, True, True, True, 16),
}
ALL = (
    Properties.READ
    | Properties.WRITE
    | Properties.WRITE_WITHOUT_RESPONSE
    | Properties.NOTIFY
    | Properties.INDICATE
    | Properties.AUTHENTICATED_SIGNED_WRITES
)
HANDLE, CCCD, DESCRIPTOR = "12 00", "13 00", "14 00"
OLD, NEW = b"before", b"after"
ACCESSES = {
    "read", "long-read", "read-multiple", "write", "prepared-write", "command", "signed", "notify",
    "indicate", "cccd", "descriptor-read", "descriptor-write",
}  # fmt: skip


class Cell(NamedTuple):
    mode: SecurityMode
    access: str
    link: str
    expected: str


def cells() -> list[Cell]:
    head, *rows = (line.split() for line in TABLE.splitlines() if line)
    return [
        Cell(SecurityMode[modes], access, link, expected)
        for modes, accesses, *results in rows
        for access in accesses.split(",")
        for link, expected in zip(head[2:], results, strict=True)
    ]


class Unauthenticated:
    """A signer whose signatures are all good, by a key of Just Works."""

    def sign(self, message: bytes) -> bytes | None:
        return bytes(12)

    def verify(self, message: bytes, signature: bytes) -> bool | None:
        return False


class Bench:
    """One characteristic with everything, its mode for all that there is, and one client."""

    def __init__(self, mode: SecurityMode, security: LinkSecurity) -> None:
        server = published("Test")
        service = LocalService(uuid16(0xA000))
        server.add_service(service)
        self.value = LocalCharacteristic(uuid16(0xA001), ALL, mode, mode, 64, value=OLD)
        self.descriptor = LocalDescriptor(uuid16(0x2901), mode, mode, value=OLD)
        self.value.descriptors.append(self.descriptor)
        server.add_characteristic(service, self.value)
        assert (self.value.handle, self.value.cccd_handle) == (0x12, 0x13)
        assert self.descriptor.handle == 0x14
        self.wired = Wired(server, security, Unauthenticated())

    def request(self, pdu: str) -> str:
        """Send a request. Returns: `ok` or the error's code."""
        answer = bytes.fromhex(self.wired.ask(pdu))
        if answer[0] == 0x01:
            assert answer[1] == int(pdu[:2], 16)
            return f"{answer[4]:02x}"
        assert answer[0] == int(pdu[:2], 16) + 1
        return "ok"

    def command(self, pdu: str) -> str:
        assert self.wired.ask(pdu) == ""
        return "ok" if self.value.value == NEW else "no"

    def access(self, kind: str) -> str:
        new = NEW.hex()
        match kind:
            case "read":
                return self.request(f"0a {HANDLE}")
            case "long-read":
                return self.request(f"0c {HANDLE} 02 00")
            case "read-multiple":
                results = {self.request(f"{each} {HANDLE} 03 00") for each in ("0e", "20")}
                assert len(results) == 1
                return results.pop()
            case "write":
                return self.request(f"12 {HANDLE} {new}")
            case "prepared-write":
                prepared = self.request(f"16 {HANDLE} 00 00 {new}")
                assert self.request("18 01") == "ok"
                assert (self.value.value == NEW) == (prepared == "ok")
                return prepared
            case "command":
                return self.command(f"52 {HANDLE} {new}")
            case "signed":
                return self.command(f"d2 {HANDLE} {new} {bytes(12).hex()}")
            case "notify":
                self.wired.bearer.teller.notify(0x12, NEW)
                return "ok" if self.wired.sent == [bytes.fromhex(f"1b {HANDLE} {new}")] else "no"
            case "indicate":
                self.wired.bearer.teller.indicate(0x12, NEW, lambda error: None)
                return "ok" if self.wired.sent == [bytes.fromhex(f"1d {HANDLE} {new}")] else "no"
            case "cccd":
                return self.request(f"12 {CCCD} 01 00")
            case "descriptor-read":
                return self.request(f"0a {DESCRIPTOR}")
        return self.request(f"12 {DESCRIPTOR} {new}")


def test_the_table_has_every_cell() -> None:
    found = [(cell.mode, cell.access, cell.link) for cell in cells()]
    assert len(set(found)) == len(found) == len(SecurityMode) * len(ACCESSES) * len(LINKS)
    assert {access for _, access, _ in found} == ACCESSES


@pytest.mark.parametrize(
    "cell", cells(), ids=lambda cell: f"{cell.mode.name}-{cell.access}-{cell.link}"
)
def test_cell(cell: Cell) -> None:
    bench = Bench(cell.mode, LINKS[cell.link])
    assert bench.access(cell.access) == cell.expected
    if cell.expected != "ok":  # nothing was changed on the way
        assert (bench.value.value, bench.descriptor.value) == (OLD, OLD)


@pytest.mark.parametrize("access", sorted(ACCESSES - {"signed", "cccd"}))
def test_keys_that_are_there_but_not_in_use_ask_for_encryption(access: str) -> None:
    bench = Bench(SecurityMode.ENCRYPT_NO_MITM, LinkSecurity(has_keys=True))
    expected = "no" if access in ("command", "notify", "indicate") else "0f"
    assert bench.access(access) == expected


@pytest.mark.parametrize("access", sorted(ACCESSES - {"signed"}))
def test_a_key_that_is_too_short(access: str) -> None:
    bench = Bench(SecurityMode.ENCRYPT_NO_MITM, LinkSecurity(True, True, True, True, 15))
    AttributeTable.of(bench.wired.server).min_key_octets = 16
    expected = "no" if access in ("command", "notify", "indicate") else "0c"
    assert bench.access(access) == expected
    AttributeTable.of(bench.wired.server).min_key_octets = 15  # in force at once
    assert bench.access(access) == "ok"


def test_a_prepared_write_is_checked_again_when_it_is_executed() -> None:
    security = LinkSecurity(True, True, True, True, 16)
    bench = Bench(SecurityMode.ENCRYPT_NO_MITM, security)
    assert bench.request(f"16 {HANDLE} 00 00 {NEW.hex()}") == "ok"
    security.encrypted = False  # the bond was erased meanwhile
    assert bench.request("18 01") == f"{AttErrorCode.INSUFFICIENT_ENCRYPTION:02x}"
    assert bench.value.value == OLD
