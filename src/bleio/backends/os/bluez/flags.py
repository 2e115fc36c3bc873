"""Properties and permissions of local values, as the flags in which BlueZ has both.

BlueZ has one list of flags for a characteristic, of which each is a property, or a property with
what a link needs for it. So a permission can be said only together with its property:

- What has a property and NO_ACCESS as its permission gets the property's plain flag, and is
  refused when a client comes (`application`).
- A permission without its property is not said: no client can use it. Programs that declare no
  properties at all mean their permissions alone to decide, as on nRF boards; BlueZ does not know
  such values, so they get the properties read and write where their permissions allow it.
- An encrypted write has the flag `encrypt-write` or the like, which BlueZ shows as the property
  Write, also where only Write Without Response was declared.

Some things cannot be said at all, and are refused when they are published: modes that ask for
signatures, GAP and GATT services, and the descriptors that BlueZ makes itself.
"""

from __future__ import annotations

from bleio.backends.capabilities import OWN_CONTROLLER_CAN
from bleio.core.codes import GattUuid, Properties, SecurityMode
from bleio.core.uuid import expand, to_text, uuid16
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService

_READ = {
    SecurityMode.OPEN: "read",
    SecurityMode.ENCRYPT_NO_MITM: "encrypt-read",
    SecurityMode.ENCRYPT_WITH_MITM: "encrypt-authenticated-read",
    SecurityMode.LESC_ENCRYPT_WITH_MITM: "secure-read",
    SecurityMode.NO_ACCESS: "read",  # each read is refused
}

_SYSTEMS_SERVICES = {
    expand(uuid16(each)) for each in (GattUuid.GENERIC_ACCESS, GattUuid.GENERIC_ATTRIBUTE)
}
_SYSTEMS_DESCRIPTORS = {
    expand(uuid16(each))
    for each in (
        GattUuid.CHARACTERISTIC_EXTENDED_PROPERTIES,
        GattUuid.CLIENT_CHARACTERISTIC_CONFIGURATION,
    )
}


def check_service(service: LocalService, platform: str) -> None:
    """Check that BlueZ can have a service with all it holds.

    Raises: NotImplementedError with a sentence.
    """
    if expand(service.uuid) in _SYSTEMS_SERVICES:
        raise NotImplementedError(
            f"{platform} cannot serve {to_text(service.uuid)}, which it has itself;"
            f" {OWN_CONTROLLER_CAN}"
        )
    for characteristic in service.characteristics:
        check_characteristic(characteristic, platform)


def check_characteristic(characteristic: LocalCharacteristic, platform: str) -> None:
    """Check that BlueZ can have a characteristic with its descriptors.

    Raises: NotImplementedError with a sentence.
    """
    _check_modes(characteristic, platform)
    for descriptor in characteristic.descriptors:
        check_descriptor(descriptor, platform)


def check_descriptor(descriptor: LocalDescriptor, platform: str) -> None:
    """Check that BlueZ can have a descriptor. Raises: NotImplementedError with a sentence."""
    if expand(descriptor.uuid) in _SYSTEMS_DESCRIPTORS:
        raise NotImplementedError(
            f"{platform} cannot serve the descriptor {to_text(descriptor.uuid)}, which it makes"
            f" itself; {OWN_CONTROLLER_CAN}"
        )
    _check_modes(descriptor, platform)


def _check_modes(value: LocalCharacteristic | LocalDescriptor, platform: str) -> None:
    for mode in (value.read_perm, value.write_perm):
        if mode not in _READ:
            raise NotImplementedError(
                f"{platform} cannot demand signed writes; {OWN_CONTROLLER_CAN}"
            )


def of_characteristic(characteristic: LocalCharacteristic) -> list[str]:
    """Return its flags. BlueZ refuses an empty list, so there is always one."""
    declared = characteristic.properties or _by_permissions(characteristic)
    flags = ["broadcast"] if declared & Properties.BROADCAST else []
    if declared & Properties.READ:
        flags.append(_READ[SecurityMode(characteristic.read_perm)])
    if declared & Properties.WRITE_WITHOUT_RESPONSE:
        flags.append("write-without-response")
    if declared & Properties.AUTHENTICATED_SIGNED_WRITES:
        flags.append("authenticated-signed-writes")
    writes = declared & (
        Properties.WRITE
        | Properties.WRITE_WITHOUT_RESPONSE
        | Properties.AUTHENTICATED_SIGNED_WRITES
    )
    is_open = characteristic.write_perm in (SecurityMode.OPEN, SecurityMode.NO_ACCESS)
    if declared & Properties.WRITE or (writes and not is_open):
        flags.append(_flag("write", characteristic.write_perm))
    # Who may be told a value is who may read it.
    if declared & Properties.NOTIFY:
        flags.append(_flag("notify", characteristic.read_perm))
    if declared & Properties.INDICATE:
        flags.append(_flag("indicate", characteristic.read_perm))
    return flags or ["read"]


def of_descriptor(descriptor: LocalDescriptor) -> list[str]:
    """Return its flags, at least one."""
    flags = []
    if descriptor.read_perm != SecurityMode.NO_ACCESS:
        flags.append(_flag("read", descriptor.read_perm))
    if descriptor.write_perm != SecurityMode.NO_ACCESS:
        flags.append(_flag("write", descriptor.write_perm))
    return flags or ["read"]


def _flag(kind: str, mode: int) -> str:
    return _READ[SecurityMode(mode)].replace("read", kind)


def _by_permissions(characteristic: LocalCharacteristic) -> Properties:
    found = Properties(0)
    if characteristic.read_perm != SecurityMode.NO_ACCESS:
        found |= Properties.READ
    if characteristic.write_perm != SecurityMode.NO_ACCESS:
        found |= Properties.WRITE
    return found


def is_told(characteristic: LocalCharacteristic) -> bool:
    """Whether clients can subscribe to it, so that it has a CCCD."""
    return bool(characteristic.properties & (Properties.NOTIFY | Properties.INDICATE))
