"""What bleak hands through from Windows and macOS, beside what it says on all platforms alike.

bleak calls `platform_data` unstable: what is in it may change with its releases. So it is read here
and nowhere else, and what is missing there is done without.

Windows tells everything: each packet by itself, whether it is a scan response, all its structures
with their octets, whether its sender takes connections, and of which kind its address is. bleak
joins the last advertisement and the last scan response of a device to one; here they are parted
again. Which of the two has just come is seen by its object, which is new.

macOS tells fields only, has no addresses (see `seen`), and joins what came in several packets. It
passes on a device once, and again when it hears something new of it; bleak does not ask for more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bleio.backends.base import Report
from bleio.backends.os.scanning.rebuilding import SystemFields, rebuilt
from bleio.backends.os.seen import MOST_DEVICES, address_of_uuid
from bleio.core.address import DeviceAddress, parse_address

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

# Of Windows' BluetoothLEAdvertisementType
_CONNECTABLE = (0, 1)  # undirected and directed
_SCAN_RESPONSE = 4
_EXTENDED = 5
# Of its BluetoothAddressType
_RANDOM = 1

_STRUCTURE_OCTETS = 255


class Reader(ABC):
    """Makes reports of what bleak calls a scan's callback with."""

    @abstractmethod
    def read(self, device: BLEDevice, heard: AdvertisementData, extended: bool) -> Report | None:
        """Return the packet that has just come.

        Args: `extended`: whether extended advertising is wanted, too.

        Returns: None if it is not wanted.
        Raises: anything, if the system's objects are not as they should be.
        """


class FieldsReader(Reader):
    """Where bleak's own fields are all that there is."""

    def read(self, device: BLEDevice, heard: AdvertisementData, extended: bool) -> Report | None:
        # An unknown kind of address is taken for a static one where it can be one.
        octets = parse_address(device.address)
        address = DeviceAddress(octets, random=octets[5] >> 6 == 0b11)
        return Report(address, rebuilt(_fields(heard)), heard.rssi, True, False)


class MacReader(Reader):
    """macOS: `platform_data` is CBPeripheral, the dictionary of advertising data, RSSI."""

    def read(self, device: BLEDevice, heard: AdvertisementData, extended: bool) -> Report | None:
        said = heard.platform_data[1] if len(heard.platform_data) > 1 else {}
        fields = _fields(heard)
        solicited = said.get("kCBAdvDataSolicitedServiceUUIDs") or ()
        fields.solicited = [str(uuid.UUIDString()) for uuid in solicited]
        connectable = bool(said.get("kCBAdvDataIsConnectable", True))
        address = address_of_uuid(device.address)
        return Report(address, rebuilt(fields), heard.rssi, connectable, False)


class WindowsReader(Reader):
    """Windows: `platform_data` is the watcher and the pair of the last events of a device."""

    def __init__(self) -> None:
        # By bleak's address: the pair at the last call, and whether the device takes connections.
        self._last: OrderedDict[str, tuple[Any, Any]] = OrderedDict()
        self._connectable: dict[str, bool] = {}

    def read(self, device: BLEDevice, heard: AdvertisementData, extended: bool) -> Report | None:
        name = device.address
        pair = heard.platform_data[1]
        advertisement, response = pair.adv, pair.scan
        event = self._newest(name, advertisement, response)
        is_response = event is response
        if not is_response:
            if int(event.advertisement_type) == _EXTENDED and not extended:
                return None
            self._connectable[name] = _takes_connections(event)
        address = DeviceAddress(parse_address(name), random=_has_random_address(event))
        connectable = self._connectable.get(name, False)
        data = b"".join(_structures(event))
        rssi_dbm = int(event.raw_signal_strength_in_dbm)
        return Report(address, data, rssi_dbm, connectable, is_response)

    def _newest(self, name: str, advertisement: Any, response: Any) -> Any:
        last = self._last.get(name, (None, None))
        self._last[name] = (advertisement, response)
        self._last.move_to_end(name)
        if len(self._last) > MOST_DEVICES:
            oldest, _ = self._last.popitem(last=False)
            self._connectable.pop(oldest, None)
        if advertisement is None or (response is not None and response is not last[1]):
            return response
        return advertisement


def reader_for(platform: str) -> Reader:
    """Return what reads bleak's reports on a platform, by its name in `sys.platform`."""
    if platform == "win32":
        return WindowsReader()
    return MacReader() if platform == "darwin" else FieldsReader()


def _fields(heard: AdvertisementData) -> SystemFields:
    return SystemFields(
        services=heard.service_uuids,
        service_data=heard.service_data,
        manufacturer_data=heard.manufacturer_data,
        tx_power_dbm=heard.tx_power,
        name=heard.local_name,
    )


def _structures(event: Any) -> Iterator[bytes]:
    """Windows' sections as they were on air; their order is kept."""
    for section in event.advertisement.data_sections:
        content = bytes(section.data)[: _STRUCTURE_OCTETS - 1]
        yield bytes((1 + len(content), int(section.data_type))) + content


def _takes_connections(event: Any) -> bool:
    try:
        return bool(event.is_connectable)
    except AttributeError:  # before Windows 10 2004
        return int(event.advertisement_type) in _CONNECTABLE


def _has_random_address(event: Any) -> bool:
    try:
        return int(event.bluetooth_address_type) == _RANDOM
    except AttributeError:  # before Windows 10 2004
        return int(event.bluetooth_address) >> 46 == 0b11
