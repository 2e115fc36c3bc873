"""Packets from what bluetoothd signals of its devices.

bluetoothd does not tell packets. It keeps an object for each device, and signals which of its
properties have changed; a connection, a name read by GATT, a pairing all come the same way. What
is a packet among that is seen by which properties change, so the signals themselves are needed,
not the table made of them. (bleak calls back with the whole table at every signal; from that it
cannot be told.)

RSSI and the data of companies and services. During a scan with DuplicateData, bluetoothd forgets
them with each packet and signals what the packet has, changed or not. So those in the signal are
the packet's, and those that are not in it the packet does not have. `cumulative` is for scans where
that is not so: there the table counts.

Name, appearance and services. They are signalled when they change, and stay in the table, in which
a visit by GATT writes, too. So what was known before a connection stays, and changes during it do
not count. What an earlier visit has left, of this program or another, cannot always be told from
what is on the air. A list with Generic Access or Generic Attribute in it is one of GATT's, since
all devices have them and none advertises them. bluetoothd then shows that list in place of the
advertised one, for ever. Leaving it out would hide the device from programs that look for one of
its services, so it is reported without those two, as a list that is not complete.

Flags of 0 are those of a packet without flags, mostly a scan response.

A device with a Class uses Bluetooth Classic, too, and an inquiry that another program has begun
finds it. Its signal is a packet if it has what LE has: a random address, flags, or data of
companies or services. (An inquiry may tell a company's data as well. To report that device does
less harm than to hide one.) What has neither is dropped, and counted.

A private address that bluetoothd resolves later, as it bonds, is the identity from then on.

What bluetoothd knows and does not tell: whether a device takes connections (True is reported), and
which part came in a scan response.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bleio.backends.base import Report
from bleio.backends.os.scanning.counters import ScanCounters
from bleio.backends.os.scanning.rebuilding import SystemFields, rebuilt
from bleio.core.address import DeviceAddress, parse_address

MOST_ADVERTISERS = 2048  # the longest unheard gives way

_DEVICE = "org.bluez.Device1"
_OF_PACKETS = frozenset(
    {"RSSI", "TxPower", "ManufacturerData", "ServiceData", "AdvertisingData", "AdvertisingFlags"}
)
_OF_LE = frozenset({"ManufacturerData", "ServiceData", "AdvertisingData", "AdvertisingFlags"})
_OF_ADDRESS = frozenset({"Address", "AddressType"})
_OF_GATT_TOO = frozenset({"Name", "Appearance", "UUIDs"})
_GENERIC = frozenset(
    f"0000{number}-0000-1000-8000-00805f9b34fb"
    for number in ("1800", "1801")  # Access, Attribute
)
_UNKNOWN_RSSI = 127  # as HCI has it

Properties = Mapping[str, Any]
_NOTHING: Properties = {}


class _Advertiser:
    """What is kept of one device between its packets."""

    __slots__ = ("address", "appearance", "data", "name", "said", "services", "services_are_whole")

    def __init__(self, properties: Properties) -> None:
        self.take_address(properties)
        self.name: str | None = properties.get("Name")
        self.appearance: int | None = properties.get("Appearance")
        self.take_services(properties.get("UUIDs", ()), bool(properties.get("Connected")))
        self.said: tuple[object, ...] = ()  # what `data` was made of
        self.data = b""

    def take_address(self, properties: Properties) -> None:
        octets = parse_address(properties["Address"])
        self.address = DeviceAddress(octets, random=properties.get("AddressType") == "random")

    def take_services(self, uuids: Iterable[str], connected: bool) -> None:
        services = tuple(uuids)
        of_gatt = not _GENERIC.isdisjoint(services)
        self.services = tuple(uuid for uuid in services if uuid not in _GENERIC)
        self.services_are_whole = not (of_gatt or connected)


class Device1Reports:
    """Listens to the objects of bluetoothd, and reports packets while `is_on`.

    It listens also while there is no scan, since that is when devices are connected to.

    Args: `properties`: returns a device's properties at present, by its path. `reported`: is told
        each packet.
    """

    def __init__(
        self,
        adapter: str,
        properties: Callable[[str], Properties | None],
        reported: Callable[[Report], None],
        counters: ScanCounters,
    ) -> None:
        self.is_on = False
        self.cumulative = False
        self._prefix = f"{adapter}/"
        self._properties, self._reported, self._counters = properties, reported, counters
        self._advertisers: OrderedDict[str, _Advertiser] = OrderedDict()

    # ObjectListener

    def added(self, path: str, interface: str, properties: Properties) -> None:
        """A device that bluetoothd has not known comes with all that its packet says."""
        if interface == _DEVICE and path.startswith(self._prefix):
            self._advertisers.pop(path, None)
            if "RSSI" in properties:
                self._packet(path, properties, properties)

    def removed(self, path: str, interface: str) -> None:
        if interface == _DEVICE:
            self._advertisers.pop(path, None)

    def changed(self, path: str, interface: str, changed: Properties) -> None:
        if interface != _DEVICE or not path.startswith(self._prefix):
            return
        properties = self._properties(path)
        if properties is None:
            return
        if path in self._advertisers and not _OF_ADDRESS.isdisjoint(changed):
            self._readdressed(self._advertisers[path], properties)
        if path in self._advertisers and not _OF_GATT_TOO.isdisjoint(changed):
            self._heard_anew(self._advertisers[path], properties, changed)
        if not _OF_PACKETS.isdisjoint(changed):
            self._packet(path, properties, properties if self.cumulative else changed)

    def daemon_went(self) -> None:
        self._advertisers.clear()

    def daemon_came(self) -> None:
        """What it knows is asked for when a packet comes."""

    def disconnected(self, error: Exception) -> None:
        self._advertisers.clear()

    def _readdressed(self, advertiser: _Advertiser, properties: Properties) -> None:
        try:
            advertiser.take_address(properties)
        except (AttributeError, KeyError, TypeError, ValueError):
            self._counters.malformed += 1

    def _heard_anew(
        self, advertiser: _Advertiser, properties: Properties, changed: Properties
    ) -> None:
        if properties.get("Connected"):
            return
        advertiser.name = changed.get("Name", advertiser.name)
        advertiser.appearance = changed.get("Appearance", advertiser.appearance)
        if "UUIDs" in changed:
            try:
                advertiser.take_services(changed["UUIDs"], connected=False)
            except TypeError:
                self._counters.malformed += 1

    def _packet(self, path: str, properties: Properties, packet: Properties) -> None:
        """Args: `packet`: what only the packet itself has."""
        if not self.is_on:
            return
        if _may_be_classic(properties, packet):
            self._counters.classic += 1
            return
        try:
            advertiser = self._advertiser(path, properties)
            data = _data(advertiser, properties, packet)
            rssi_dbm = int(packet.get("RSSI", properties.get("RSSI", _UNKNOWN_RSSI)))
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            self._counters.malformed += 1
            return
        self._reported(Report(advertiser.address, data, rssi_dbm, True, False))

    def _advertiser(self, path: str, properties: Properties) -> _Advertiser:
        advertiser = self._advertisers.get(path)
        if advertiser is None:
            advertiser = self._advertisers[path] = _Advertiser(properties)
            if len(self._advertisers) > MOST_ADVERTISERS:
                self._advertisers.popitem(last=False)
        else:
            self._advertisers.move_to_end(path)
        return advertiser


def _may_be_classic(properties: Properties, packet: Properties) -> bool:
    """Whether it may be an inquiry of BR/EDR that has found a device."""
    return (
        "Class" in properties
        and "AdvertisingFlags" not in properties
        and properties.get("AddressType") != "random"
        and _OF_LE.isdisjoint(packet)
    )


def _data(advertiser: _Advertiser, properties: Properties, packet: Properties) -> bytes:
    """Return the octets; most packets say what the one before has said."""
    flags = properties.get("AdvertisingFlags") or b""
    said = (
        bytes(flags[:1]),
        properties.get("TxPower"),
        packet.get("ManufacturerData", _NOTHING),
        packet.get("ServiceData", _NOTHING),
        packet.get("AdvertisingData", _NOTHING),
        *(advertiser.services, advertiser.services_are_whole),
        *(advertiser.name, advertiser.appearance),
    )
    if said != advertiser.said:
        advertiser.data, advertiser.said = _made(advertiser, said), said
    return advertiser.data


def _made(advertiser: _Advertiser, said: tuple[Any, ...]) -> bytes:
    flags, tx_power_dbm, manufacturer_data, service_data, others, *_ = said
    services = advertiser.services
    whole = advertiser.services_are_whole
    return rebuilt(
        SystemFields(
            flags=flags[0] if flags and flags[0] else None,
            services=services if whole else (),
            more_services=() if whole else services,
            service_data=service_data,
            manufacturer_data=manufacturer_data,
            appearance=advertiser.appearance,
            tx_power_dbm=tx_power_dbm,
            name=advertiser.name,
            others=others,
        )
    )
