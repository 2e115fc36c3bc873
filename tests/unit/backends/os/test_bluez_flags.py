"""Properties and permissions as BlueZ's flags, and what is refused."""

from __future__ import annotations

import pytest

from bleio.backends.os.bluez import flags
from bleio.core.codes import Properties as P, SecurityMode as M
from bleio.core.uuid import uuid16
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService

UUID = uuid16(0xA001)


@pytest.mark.parametrize(
    ("properties", "read_perm", "write_perm", "expected"),
    [
        (P.READ, M.OPEN, M.OPEN, "read"),
        (P.READ, M.ENCRYPT_NO_MITM, M.OPEN, "encrypt-read"),
        (P.READ, M.ENCRYPT_WITH_MITM, M.OPEN, "encrypt-authenticated-read"),
        (P.READ, M.LESC_ENCRYPT_WITH_MITM, M.OPEN, "secure-read"),
        (P.READ, M.NO_ACCESS, M.OPEN, "read"),
        (P.WRITE, M.OPEN, M.OPEN, "write"),
        (P.WRITE, M.OPEN, M.NO_ACCESS, "write"),
        (P.WRITE, M.OPEN, M.ENCRYPT_NO_MITM, "encrypt-write"),
        (P.WRITE, M.OPEN, M.ENCRYPT_WITH_MITM, "encrypt-authenticated-write"),
        (P.WRITE, M.OPEN, M.LESC_ENCRYPT_WITH_MITM, "secure-write"),
        (P.WRITE_WITHOUT_RESPONSE, M.OPEN, M.OPEN, "write-without-response"),
        (
            P.WRITE_WITHOUT_RESPONSE,
            M.OPEN,
            M.ENCRYPT_NO_MITM,
            "write-without-response encrypt-write",
        ),
        (P.AUTHENTICATED_SIGNED_WRITES, M.OPEN, M.OPEN, "authenticated-signed-writes"),
        (P.NOTIFY, M.OPEN, M.OPEN, "notify"),
        (P.NOTIFY, M.ENCRYPT_NO_MITM, M.OPEN, "encrypt-notify"),
        (P.INDICATE, M.LESC_ENCRYPT_WITH_MITM, M.OPEN, "secure-indicate"),
        (P.READ | P.NOTIFY | P.INDICATE, M.OPEN, M.OPEN, "read notify indicate"),
        (P.BROADCAST | P.READ, M.OPEN, M.OPEN, "broadcast read"),
        (P(0), M.OPEN, M.ENCRYPT_NO_MITM, "read encrypt-write"),
        (P(0), M.NO_ACCESS, M.NO_ACCESS, "read"),
    ],
)
def test_flags_of_characteristics(
    properties: P, read_perm: int, write_perm: int, expected: str
) -> None:
    made = LocalCharacteristic(UUID, properties, read_perm, write_perm)
    flags.check_characteristic(made, "BlueZ")
    assert flags.of_characteristic(made) == expected.split()


@pytest.mark.parametrize(
    ("read_perm", "write_perm", "expected"),
    [
        (M.OPEN, M.OPEN, "read write"),
        (M.ENCRYPT_NO_MITM, M.NO_ACCESS, "encrypt-read"),
        (M.NO_ACCESS, M.LESC_ENCRYPT_WITH_MITM, "secure-write"),
        (M.NO_ACCESS, M.NO_ACCESS, "read"),
    ],
)
def test_flags_of_descriptors(read_perm: int, write_perm: int, expected: str) -> None:
    made = LocalDescriptor(UUID, read_perm, write_perm)
    assert flags.of_descriptor(made) == expected.split()


@pytest.mark.parametrize("mode", [M.SIGNED_NO_MITM, M.SIGNED_WITH_MITM])
def test_signatures_cannot_be_demanded(mode: int) -> None:
    made = LocalCharacteristic(UUID, P.AUTHENTICATED_SIGNED_WRITES, write_perm=mode)
    with pytest.raises(NotImplementedError, match=r"BlueZ 5\.66 cannot demand signed writes"):
        flags.check_characteristic(made, "BlueZ 5.66")


@pytest.mark.parametrize("uuid", [0x2900, 0x2902])
def test_descriptors_that_bluez_makes_itself(uuid: int) -> None:
    made = LocalCharacteristic(UUID, P.READ, descriptors=[LocalDescriptor(uuid16(uuid))])
    with pytest.raises(NotImplementedError, match=f"the descriptor {uuid:04x}.*hci:"):
        flags.check_characteristic(made, "BlueZ")


@pytest.mark.parametrize("uuid", [0x1800, 0x1801])
def test_services_that_bluez_has_itself(uuid: int) -> None:
    with pytest.raises(NotImplementedError, match=f"cannot serve {uuid:04x}"):
        flags.check_service(LocalService(uuid16(uuid)), "BlueZ")
