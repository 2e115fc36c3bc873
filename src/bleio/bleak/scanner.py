"""bleak's scanner on an adapter of ours."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Literal

from bleak.backends.scanner import AdvertisementDataCallback, BaseBleakScanner
from bleak.uuids import normalize_uuid_str

from bleio.api import ScanEntry
from bleio.bleak.filters import passes, tell_unknown
from bleio.bleak.heard import Heard, address_text
from bleio.bleak.radio import Radio, radio_of

_MAX_DEVICES = 4096  # what advertises under ever new addresses must not fill the memory


class Scanner(BaseBleakScanner):
    """Scans with the current adapter, or the one of `bluez={"adapter": "virtual:desk"}`.

    Several may scan at once, also while clients connect. Callbacks get each packet, in the loop;
    `platform_data` is its ScanEntry. Of more than 4,096 devices, those that were silent longest are
    forgotten. Filters for BlueZ count here, too; options for macOS (`cb`) have no meaning.
    """

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: Literal["active", "passive"],
        *,
        bluez: Mapping[str, Any] | None = None,
        cb: Mapping[str, Any] | None = None,
        adapter: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        if service_uuids is not None:
            self._service_uuids = [normalize_uuid_str(each) for each in service_uuids]
        tell_unknown(kwargs)
        self._active = scanning_mode != "passive"
        self._passes = passes(bluez or {})
        self._choice = bluez or {}, adapter
        self._radio: Radio | None = None
        self._heard: OrderedDict[str, Heard] = OrderedDict()

    async def start(self) -> None:
        """Begin to listen."""
        self.seen_devices = {}
        self._heard.clear()
        self._radio = radio_of(*self._choice)
        await self._radio.listen(self, self._hear, active=self._active)

    async def stop(self) -> None:
        """Listen no more; what was heard stays in `seen_devices`."""
        if self._radio is not None:
            await self._radio.ignore(self)

    def _hear(self, entry: ScanEntry) -> None:
        address = address_text(entry.address)
        data = self._of(address).add(entry)
        if not self.is_allowed_uuid(data.service_uuids) or not self._passes(entry, data):
            return
        name = data.local_name
        if name is None and address in self.seen_devices:
            name = self.seen_devices[address][0].name
        details = {"address": entry.address, "connectable": entry.connectable}
        device = self.create_or_update_device(address, address, name, details, data)
        self.call_detection_callbacks(device, data)

    def _of(self, address: str) -> Heard:
        heard = self._heard.pop(address, None) or Heard()
        self._heard[address] = heard  # the last one
        if len(self._heard) > _MAX_DEVICES:
            silent, _ = self._heard.popitem(last=False)
            self.seen_devices.pop(silent, None)
        return heard
