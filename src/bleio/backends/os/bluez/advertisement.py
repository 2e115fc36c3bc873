"""Advertising data as BlueZ takes it: octets of a program into properties of LEAdvertisement1.

BlueZ is told fields and makes the octets itself: it chooses their order, and it puts the name into
the scan response and all the rest into the advertising data. So the two packets of a program are
taken as one set of fields, of which each is on the air afterwards, in one packet or the other. That
is what a system without `Capability.RAW_ADVERTISING` promises.

What would be another field on the air, or none, is refused with a sentence. Four things are said in
other words than the program's, since they mean the same or are what the system knows better:

- Incomplete lists of services become complete ones: BlueZ has no others, and nobody can tell by a
  list which services a device leaves out.
- The flag "BR/EDR not supported" is set as the adapter has it, also where there are no flags.
- A transmit power is what the controller says that it is, not what the program says.
- Where the data has a name and the scan response has the radio's own, the data's is sent: libraries
  such as adafruit_ble add the radio's to every scan response. Any other two names are refused.

The last two are told in `Wording.remarks`, for the log. So is what the kernel does with
advertisements that nobody can connect to: they come from an address that it makes up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dbus_fast import Variant

from bleio.backends.base import AdvertisingParameters
from bleio.backends.capabilities import OWN_CONTROLLER_CAN
from bleio.core.advertising import structures
from bleio.core.advertising_fields import AdType, AdvertisingFields, build, parse
from bleio.core.uuid import shorten, to_text
from bleio.errors import InvalidParameter

LEGACY_OCTETS = 31
NO_APPEARANCE = 0xFFFF  # BlueZ takes it for none
LONGEST_S = 0xFFFF

_LIMITED, _GENERAL, _NO_BREDR = 0x01, 0x02, 0x04
_POWER_OCTETS = 3
_POWERS_DBM = range(-127, 21)

# What BlueZ refuses in `Data`, since it has properties for it or makes it itself.
_OWN_TYPES = frozenset(AdType) | {0x0D}


@dataclass(frozen=True, slots=True)
class Limits:
    """What this BlueZ and its controller can. Lengths in octets."""

    data_octets: int = LEGACY_OCTETS
    field_octets: int = LEGACY_OCTETS
    response_octets: int = LEGACY_OCTETS
    includes: frozenset[str] = frozenset()
    sets_power: bool = False
    sets_interval: bool = True


def limits_of(manager: Mapping[str, Any], long_fields: bool) -> Limits:
    """Return the limits that the properties of an LEAdvertisingManager1 tell.

    Args: `long_fields`: whether one field may be longer than a legacy packet.
    """
    found = manager.get("SupportedCapabilities")
    capabilities = found if isinstance(found, dict) else {}
    # Before there were extended commands, BlueZ named the length of its own buffers.
    extended = "1M" in manager.get("SupportedSecondaryChannels", ())
    data = int(capabilities.get("MaxAdvLen", LEGACY_OCTETS))
    response = int(capabilities.get("MaxScnRspLen", LEGACY_OCTETS))
    return Limits(
        data if extended else min(data, LEGACY_OCTETS),
        data if extended and long_fields else LEGACY_OCTETS,
        response if extended else min(response, LEGACY_OCTETS),
        frozenset(manager.get("SupportedIncludes", ())),
        "CanSetTxPower" in manager.get("SupportedFeatures", ()),
        "SupportedCapabilities" in manager,
    )


@dataclass(frozen=True, slots=True)
class Wording:
    """What is said: the properties, and remarks on what was said in other words."""

    properties: dict[str, Variant]
    remarks: tuple[str, ...] = ()


def wording(
    parameters: AdvertisingParameters, limits: Limits, platform: str, own_name: str = ""
) -> Wording:
    """Say an advertisement in properties. Args: `own_name`: the radio's.

    Raises: InvalidParameter if it is too long, or its transmit power impossible;
        NotImplementedError with a sentence for what cannot be said.
    """
    for octets, name in ((parameters.data, "data"), (parameters.scan_response, "scan response")):
        if len(octets) > limits.data_octets:
            raise InvalidParameter(
                f"{platform} advertises at most {limits.data_octets} octets with this adapter,"
                f" and the {name} has {len(octets)}"
            )
    if parameters.tx_power_dbm not in _POWERS_DBM:
        raise InvalidParameter("A transmit power is between -127 and 20 dBm")
    remarks: list[str] = []
    if not limits.sets_interval:
        remarks.append(
            f"{platform} advertises at its own interval, 1.28 s in most cases; started with"
            " --experimental, bluetoothd takes the program's"
        )
    if not parameters.connectable:
        remarks.append(
            f"{platform} advertises from an address of its own making where nobody can connect"
        )
    fields = _merged(parameters, platform, own_name, remarks)
    properties = {
        "Type": Variant("s", "peripheral" if parameters.connectable else "broadcast"),
        **_timing(parameters.interval_us),
        **_flags(fields.flags, parameters.connectable, platform),
        **_services(fields, platform),
        **_data(fields, platform),
        **_name(fields, limits, platform),
    }
    _check_length(fields, limits, platform)
    properties |= _powers(fields, parameters.tx_power_dbm, limits, remarks)
    return Wording(properties, tuple(remarks))


def _merged(
    parameters: AdvertisingParameters, platform: str, own_name: str, remarks: list[str]
) -> AdvertisingFields:
    """Take both packets as one set of fields. Equal ones count once, as a receiver takes them."""
    first, second = parse(parameters.data), parse(parameters.scan_response)
    if first.cut or second.cut:
        raise _refusal(platform, "data that ends within a field")
    if first.shortened_name is not None or second.shortened_name is not None:
        raise _refusal(platform, "a shortened name")
    names = [each for each in (first.complete_name, second.complete_name) if each is not None]
    if len(set(names)) == 2:
        if names[1] != own_name:
            raise _refusal(platform, "two names, {!r} and {!r}".format(*names))
        remarks.append(
            f"{platform} advertises one name: {names[0]!r} of the data is sent, and {names[1]!r}"
            " of the scan response is not"
        )
    return replace(
        first,
        flags=_one("flags", first.flags, second.flags, platform),
        services=_together(
            first.services + first.more_services, second.services + second.more_services
        ),
        more_services=(),
        solicited=_together(first.solicited, second.solicited),
        service_data=_together(first.service_data, second.service_data),
        manufacturer_data=_together(first.manufacturer_data, second.manufacturer_data),
        appearance=_one("appearances", first.appearance, second.appearance, platform),
        tx_power_dbm=second.tx_power_dbm if first.tx_power_dbm is None else first.tx_power_dbm,
        complete_name=names[0] if names else None,
        others=_together(first.others, second.others),
    )


def _one(what: str, first: int | None, second: int | None, platform: str) -> int | None:
    if None not in (first, second) and first != second:
        raise _refusal(platform, f"two {what}")
    return second if first is None else first


def _together(first: tuple[Any, ...], second: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(first + second))


def _timing(interval_us: int) -> dict[str, Variant]:
    """A BlueZ that does not take them ignores these properties."""
    interval = Variant("u", max(round(interval_us / 1000), 20))
    return {"MinInterval": interval, "MaxInterval": interval}


def _flags(flags: int | None, connectable: bool, platform: str) -> dict[str, Variant]:
    if flags is None:
        return {}
    if flags & ~(_LIMITED | _GENERAL | _NO_BREDR) or (flags & _LIMITED and flags & _GENERAL):
        raise _refusal(platform, f"the flags 0x{flags:02x}")
    if not connectable:
        raise _refusal(platform, "flags in an advertisement that nobody can connect to")
    if not flags & (_LIMITED | _GENERAL):
        # BlueZ has changed its mind about what it makes of Discoverable=False.
        raise _refusal(platform, f"the flags 0x{flags:02x}, without discoverable mode")
    discoverable = {"Discoverable": Variant("b", True)}
    if flags & _LIMITED:
        discoverable["DiscoverableTimeout"] = Variant("q", LONGEST_S)
    return discoverable


def _services(fields: AdvertisingFields, platform: str) -> dict[str, Variant]:
    properties = {}
    if fields.services:
        properties["ServiceUUIDs"] = Variant("as", _texts(fields.services, platform))
    if fields.solicited:
        properties["SolicitUUIDs"] = Variant("as", _texts(fields.solicited, platform))
    return properties


def _texts(uuids: Iterable[bytes], platform: str) -> list[str]:
    found = []
    for uuid in uuids:
        if len(uuid) == 16 and len(shorten(uuid)) != 16:
            raise _refusal(platform, f"{to_text(shorten(uuid))} in its long form")
        found.append(to_text(uuid))
    return found


def _data(fields: AdvertisingFields, platform: str) -> dict[str, Variant]:
    properties = {}
    companies = _unique(fields.manufacturer_data, platform, "data of one company")
    if companies:
        by_company = {company: Variant("ay", data) for company, data in companies}
        properties["ManufacturerData"] = Variant("a{qv}", by_company)
    services = _unique(fields.service_data, platform, "data of one service")
    if services:
        texts = _texts((uuid for uuid, _ in services), platform)
        by_service = {
            text: Variant("ay", data) for text, (_, data) in zip(texts, services, strict=True)
        }
        properties["ServiceData"] = Variant("a{sv}", by_service)
    others = _unique([(each[0], each[1:]) for each in fields.others], platform, "one AD type")
    for ad_type, _ in others:
        if ad_type in _OWN_TYPES:
            raise _refusal(platform, f"AD type 0x{ad_type:02x} in that form")
    if others:
        by_type = {ad_type: Variant("ay", data) for ad_type, data in others}
        properties["Data"] = Variant("a{yv}", by_type)
    if fields.appearance is not None:
        if fields.appearance == NO_APPEARANCE:
            raise _refusal(platform, "the appearance 0xffff")
        properties["Appearance"] = Variant("q", fields.appearance)
    return properties


def _unique(
    pairs: Iterable[tuple[Any, bytes]], platform: str, what: str
) -> list[tuple[Any, bytes]]:
    found = list(pairs)
    if len({key for key, _ in found}) < len(found):
        raise _refusal(platform, f"{what} twice")
    return found


def _name(fields: AdvertisingFields, limits: Limits, platform: str) -> dict[str, Variant]:
    name = fields.complete_name
    if name is None:
        return {}
    if not name or "\0" in name:
        raise _refusal(platform, "a name without characters, or with zeros")
    if len(name.encode()) > limits.response_octets - 2:
        raise InvalidParameter(
            f"{platform} sends the name in a scan response, where it has at most"
            f" {limits.response_octets - 2} octets, and {name!r} has {len(name.encode())}"
        )
    return {"LocalName": Variant("s", name)}


def _check_length(fields: AdvertisingFields, limits: Limits, platform: str) -> None:
    octets = _data_octets(fields)
    if octets > limits.data_octets:
        raise InvalidParameter(
            f"{platform} puts all but the name into the data, which has at most"
            f" {limits.data_octets} octets, and there are {octets}"
        )
    rest = build(replace(fields, complete_name=None))
    longest = max((1 + len(each) for each in structures(rest)), default=0)
    if longest > limits.field_octets:
        raise InvalidParameter(
            f"{platform} advertises at most {limits.field_octets} octets in one field, and there is"
            f" one of {longest}; newer ones take more"
        )


def _data_octets(fields: AdvertisingFields) -> int:
    return len(build(replace(fields, complete_name=None, tx_power_dbm=None)))


def _powers(
    fields: AdvertisingFields, wish_dbm: int, limits: Limits, remarks: list[str]
) -> dict[str, Variant]:
    """Say the transmit power that is wished for, and that it is to be in the data."""
    properties = {}
    if wish_dbm and limits.sets_power:
        properties["TxPower"] = Variant("n", wish_dbm)
    elif wish_dbm:
        remarks.append("The system chooses its transmit power, so tx_power is ignored")
    if fields.tx_power_dbm is not None:
        room = limits.data_octets - _data_octets(fields)
        if "tx-power" in limits.includes and room >= _POWER_OCTETS:
            properties["Includes"] = Variant("as", ["tx-power"])
        else:
            remarks.append("There is no room to advertise the transmit power, so it is left out")
    return properties


def _refusal(platform: str, what: str) -> NotImplementedError:
    return NotImplementedError(f"{platform} cannot advertise {what}; {OWN_CONTROLLER_CAN}")
