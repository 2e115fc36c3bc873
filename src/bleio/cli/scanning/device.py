"""One device of the air, by what its packets have said.

Whatever a device says it may say differently in each packet, without an end. So what is kept of it
has a bound: the last name, `MOST_SERVICES` services, `MOST_COMPANIES` makers, and as many strengths
as the table shows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from bleio.api import Address, ScanEntry
from bleio.cli.shared.fields import address_text
from bleio.core.advertising_fields import AdvertisingFields, parse
from bleio.core.uuid import shorten

MOST_SERVICES = 32
MOST_COMPANIES = 8
HISTORY = 12  # strengths, each the mean of a second
RATE_S = 5.0  # the time over which packets are counted
_UNKNOWN_DBM = 127  # what a controller says that does not know it
_SMOOTH = 0.2  # part of a new strength in the one that devices are sorted by


@dataclass
class Device:
    """What is known of a device.

    Attributes: name: the last one that it said. rssi_dbm: of the last packet, None if unknown.
        smooth_dbm: its running mean. first_s, last_s: when it was heard. services: their UUIDs,
        those of service data too. told: what was last shown of it, see `devices`.
    """

    address: Address
    first_s: float
    last_s: float = 0.0
    name: str = ""
    whole_name: bool = False
    rssi_dbm: int | None = None
    smooth_dbm: float = -127.0
    connectable: bool = False
    answers: bool = False
    packets: int = 0
    services: dict[bytes, None] = field(default_factory=dict)
    companies: dict[int, None] = field(default_factory=dict)
    appearance: int | None = None
    history: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    told: object = None
    told_s: float = -1.0  # never yet
    gone: bool = False
    _second: int = -1
    _heard: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=int(RATE_S) + 1))

    @property
    def address_text(self) -> str:
        """The address, as users type it."""
        return address_text(self.address)

    @property
    def says(self) -> object:
        """What is worth a line when it changes; not the data, which changes all the time."""
        return (
            self.name,
            self.connectable,
            tuple(self.services),
            tuple(self.companies),
            self.appearance,
        )

    def add(self, entry: ScanEntry, now_s: float) -> AdvertisingFields:
        """Take a packet. Returns: what it says."""
        fields = parse(entry.advertisement_bytes)
        self.packets += 1
        self.last_s = now_s
        self.gone = False
        self.answers |= entry.scan_response
        self.connectable = entry.connectable
        self._take_name(fields)
        self._take_lists(fields)
        if fields.appearance is not None:
            self.appearance = fields.appearance
        self._count(int(now_s))
        if entry.rssi != _UNKNOWN_DBM:
            self._take_strength(entry.rssi, int(now_s))
        return fields

    def rate(self, now_s: float) -> float:
        """Return packets per second, of the last seconds."""
        since = int(now_s) - int(RATE_S)
        heard = sum(count for second, count in self._heard if second >= since)
        return heard / max(1.0, min(now_s - self.first_s, now_s - since))

    def _take_name(self, fields: AdvertisingFields) -> None:
        if fields.complete_name:
            self.name, self.whole_name = fields.complete_name, True
        elif fields.shortened_name and not self.whole_name:
            self.name = fields.shortened_name

    def _take_lists(self, fields: AdvertisingFields) -> None:
        data = (uuid for uuid, _ in fields.service_data)
        for uuid in (*fields.services, *fields.more_services, *data):
            if len(self.services) < MOST_SERVICES:
                self.services[shorten(uuid)] = None
        for company, _ in fields.manufacturer_data:
            if len(self.companies) < MOST_COMPANIES:
                self.companies[company] = None

    def _count(self, second: int) -> None:
        if self._heard and self._heard[-1][0] == second:
            self._heard[-1] = (second, self._heard[-1][1] + 1)
        else:
            self._heard.append((second, 1))

    def _take_strength(self, rssi_dbm: int, second: int) -> None:
        if self.rssi_dbm is None:
            self.smooth_dbm = rssi_dbm
        self.rssi_dbm = rssi_dbm
        self.smooth_dbm += _SMOOTH * (rssi_dbm - self.smooth_dbm)
        if second != self._second:
            self._second = second
            self.history.append(rssi_dbm)
        else:
            self.history[-1] += _SMOOTH * (rssi_dbm - self.history[-1])
