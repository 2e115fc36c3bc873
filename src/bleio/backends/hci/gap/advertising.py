"""Advertising: one set, by extended commands where the controller has them.

Legacy and extended commands must not be mixed (Vol 4, Part E, 3.1.1), so a controller with extended
advertising gets only those, also for legacy PDUs.

A private address changes while advertising goes on: it is disabled and enabled for that, a few
commands long, and the data stays. Disabling is needed because a connectable set keeps its address.

Advertising ends in four ways: we stop it, a link comes up from it, the controller ends it (high
duty cycle lasts 1.28 s), or it cannot be resumed after a pause. All but the first are told, once. A
link may come up before the controller has answered the command that enables; so `active` is true
from the moment of asking, and is taken back if the answer is a refusal.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from struct import Struct

from bleio.backends.base import AdvertisingParameters
from bleio.backends.hci.controller.bringup import ControllerFacts
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.gap.former import FormerLinks
from bleio.backends.hci.gap.privacy import Peers, Privacy
from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.core.hci import LeEvent
from bleio.errors import CallerError, ControllerError, InvalidParameter

_log = logging.getLogger(__name__)

LEGACY_OCTETS = 31  # in one legacy PDU
_COMMAND_OCTETS = 251  # of data in one command
_US_PER_UNIT = 625
_ALL_CHANNELS = 0x07
_CONTROLLER_MADE = 0x02  # own address type: a private one from the resolving list, else 0 or 1
_PHY_1M = 0x01
_SET = 0  # the handle of our one advertising set
_SID = 0
_HIGH_DUTY_10MS = 128  # 1.28 s, the longest that high duty cycle may last

# Advertising event properties
_CONNECTABLE = 0x01
_SCANNABLE = 0x02
_DIRECTED = 0x04
_HIGH_DUTY = 0x08
_LEGACY_PDU = 0x10

# handle, properties (2), interval min and max (3 each, here as one field), channels, own address
# type, peer address type, peer address (6), filter policy, tx power, primary PHY, secondary max
# skip, secondary PHY, SID, scan request notification
_EXTENDED_PARAMETERS = Struct("<BH6sBBB6sBbBBBBB")
# interval min, interval max, type, own address type, peer address type, peer address, channels,
# filter policy
_LEGACY_PARAMETERS = Struct("<HHBBB6sBB")

# Data operations
_INTERMEDIATE, _FIRST, _LAST, _COMPLETE = range(4)


class AdvertisingControl:
    """Starts and stops advertising and learns of its end.

    `ended()` is called when the controller ends it without a link; an incoming link comes in by
    `link_came_up`. See `User` for being paused.
    """

    def __init__(
        self,
        layer: HciLayer,
        facts: ControllerFacts,
        privacy: Privacy,
        peers: Peers,
        former: FormerLinks,
        ended: Callable[[], None],
    ) -> None:
        self.active = False
        self.own_address = privacy.own_address  # of the advertising under way, or the last
        self._layer = layer
        self._facts = facts
        self._privacy = privacy
        self._peers = peers
        self._former = former
        self._ended = ended
        self._enabled = False  # from asking for it until the controller is known to have ended it
        self._parameters = AdvertisingParameters(b"")  # of the advertising under way, or the last
        self._anonymous_address: DeviceAddress | None = None
        self._set_exists = False
        self._power_told = False
        layer.on_event(LeEvent.ADVERTISING_SET_TERMINATED, self._set_terminated)

    async def start(self, parameters: AdvertisingParameters) -> None:
        """Advertise until `stop`, a link or the controller ends it."""
        self._check(parameters)
        await self._privacy.undivided(partial(self._start, parameters), self._stop)

    async def stop(self) -> None:
        """Stop advertising, if it is still under way. Its end is not told: the caller knows."""
        await self._privacy.undivided(self._stop)

    async def _start(self, parameters: AdvertisingParameters) -> None:
        self._parameters = parameters
        if _may_connect(self._parameters):
            await self._former.pairings_ended()
        # With extended advertising a set has an address of its own; with legacy commands the
        # address is the controller's, and scans use it too.
        self._anonymous_address = None
        if self._facts.extended_advertising:
            if parameters.anonymous:
                self._anonymous_address = self._privacy.new_address()
            await self._privacy.prepare()
            await self._start_extended()
        else:
            self._privacy.set_anonymous(parameters.anonymous)
            await self._privacy.prepare()
            await self._start_legacy()
        self.active = True  # before the answer: a link may come up before that
        try:
            await self._enable(True)
        except ControllerError:
            self._stopped()
            raise

    async def _stop(self) -> None:
        if self.active:
            self._stopped()
            await self._enable(False)

    @property
    def link_may_come(self) -> bool:
        """Whether the controller may make a link of it, or has and has not told it yet."""
        return self._enabled and _may_connect(self._parameters)

    # Part of `User`

    @property
    def on_air(self) -> bool:
        return self.active

    async def pause(self) -> None:
        if self.active:
            await self._enable(False)

    async def resume(self) -> None:
        if not self.active:
            return  # a link ended it meanwhile
        try:
            if self._facts.extended_advertising:
                await self._set_up_extended()
            else:
                await self._set_up_legacy()
            await self._enable(True)
            if not self.active:
                await self._enable(False)  # a link ended it, of which we learned just now
        except ControllerError as error:
            _log.warning("Advertising has ended: %s", error)
            if self.active:
                self._stopped()
                self._ended()

    # What the link table tells

    def link_came_up(self) -> bool:
        """A peer connected to us. Returns: whether that ended advertising just now."""
        ended = self.active and self._parameters.connectable
        if ended:
            self._enabled = False
            self._stopped()
        return ended

    def directed_timed_out(self) -> None:
        """A legacy controller reports the end of high duty cycle advertising as a failed link."""
        if self.active:
            self._enabled = False
            self._stopped()
            self._ended()

    def _stopped(self) -> None:
        self.active = False
        self._privacy.set_anonymous(False)

    def _check(self, parameters: AdvertisingParameters) -> None:
        if parameters.directed_to is not None and (parameters.data or parameters.scan_response):
            raise CallerError("Data not supported with directed advertising")
        if len(parameters.data) > LEGACY_OCTETS and parameters.scan_response:
            raise CallerError("Extended advertisements with scan response not supported.")
        if parameters.high_duty_cycle and parameters.directed_to is None:
            raise InvalidParameter("Invalid BLE parameter")
        if len(parameters.data) > self._facts.max_advertising_octets:
            limit = self._facts.max_advertising_octets
            raise InvalidParameter(f"This controller advertises at most {limit} octets of data")
        if not -127 <= parameters.tx_power_dbm <= 20:
            raise InvalidParameter("Invalid BLE parameter")
        # The legacy commands have no transmit power. It is a wish: peers hear us all the same.
        if parameters.tx_power_dbm and not (self._facts.extended_advertising or self._power_told):
            self._power_told = True
            _log.warning("This controller chooses its transmit power, so tx_power is ignored")

    def _own_address(self) -> DeviceAddress:
        """Return what to show. With private addresses in general, anonymity is had already."""
        if self._anonymous_address is not None and not self._privacy.private:
            return self._anonymous_address
        return self._privacy.own_address

    def _addresses(self) -> tuple[int, DeviceAddress]:
        """Return the own address type and the peer's address that commands name.

        A private peer does not know itself by its identity. Where the controller does not make
        private addresses for it, it is meant by the one that it had last.
        """
        own_type = int(self.own_address.random)
        if self._parameters.directed_to is None:
            return own_type, DeviceAddress(bytes(6))
        resolver = self._peers.resolver
        peer = resolver.identity_of(self._parameters.directed_to)
        if not resolver.is_private(peer):
            return own_type, peer
        if self._peers.in_controller.holds(peer):
            return own_type | _CONTROLLER_MADE, peer
        return own_type, resolver.target(peer)

    async def _enable(self, enable: bool) -> None:
        if enable:
            self._enabled = True
            if _may_connect(self._parameters):
                self._former.new_may_come()
        try:
            await self._ask_to_enable(enable)
        except ControllerError:
            if enable:
                self._enabled = False
            raise
        if not enable:
            self._enabled = False  # links that came before were told before this answer

    async def _ask_to_enable(self, enable: bool) -> None:
        if self._facts.extended_advertising:
            high_duty = enable and self._parameters.high_duty_cycle
            duration = (_HIGH_DUTY_10MS if high_duty else 0).to_bytes(2, "little")
            one_set = bytes((enable, 1, _SET)) + duration + b"\x00"
            await self._layer.request(Opcode.LE_SET_EXTENDED_ADVERTISING_ENABLE, one_set)
        else:
            await self._layer.request(Opcode.LE_SET_ADVERTISING_ENABLE, bytes((enable,)))

    # Extended commands

    async def _start_extended(self) -> None:
        parameters = self._parameters
        # With data that may not go with the new parameters, which would then be refused.
        if self._set_exists:
            await self._layer.request(Opcode.LE_REMOVE_ADVERTISING_SET, bytes((_SET,)))
            self._set_exists = False
        await self._set_up_extended()
        if parameters.directed_to is None:
            await self._set_extended_data(Opcode.LE_SET_EXTENDED_ADVERTISING_DATA, parameters.data)
        if _properties(parameters) & (_SCANNABLE | _DIRECTED) == _SCANNABLE:
            await self._set_extended_data(
                Opcode.LE_SET_EXTENDED_SCAN_RESPONSE_DATA, parameters.scan_response
            )

    async def _set_up_extended(self) -> None:
        """Make the set, or change it: all but its data."""
        self.own_address = self._own_address()
        await self._layer.request(
            Opcode.LE_SET_EXTENDED_ADVERTISING_PARAMETERS, self._extended_parameters()
        )
        self._set_exists = True
        if self.own_address.random:
            address = bytes((_SET,)) + self.own_address.octets
            await self._layer.request(Opcode.LE_SET_ADVERTISING_SET_RANDOM_ADDRESS, address)

    def _extended_parameters(self) -> bytes:
        parameters = self._parameters
        interval = (parameters.interval_us // _US_PER_UNIT).to_bytes(3, "little")
        own_type, peer = self._addresses()
        return _EXTENDED_PARAMETERS.pack(
            _SET,
            _properties(parameters),
            interval * 2,
            _ALL_CHANNELS,
            own_type,
            peer.random,
            peer.octets,
            0,
            parameters.tx_power_dbm,
            _PHY_1M,
            0,
            _PHY_1M,
            _SID,
            0,
        )

    async def _set_extended_data(self, opcode: Opcode, data: bytes) -> None:
        """Tell the controller the data, in as many commands as it takes."""
        chunks = [data[i : i + _COMMAND_OCTETS] for i in range(0, len(data), _COMMAND_OCTETS)]
        chunks = chunks or [b""]
        for index, chunk in enumerate(chunks):
            if len(chunks) == 1:
                operation = _COMPLETE
            elif index == 0:
                operation = _FIRST
            else:
                operation = _LAST if index == len(chunks) - 1 else _INTERMEDIATE
            no_preference = 1  # for fragmenting it on air
            head = bytes((_SET, operation, no_preference, len(chunk)))
            await self._layer.request(opcode, head + chunk)

    def _set_terminated(self, event: bytes) -> None:
        """Take LE Advertising Set Terminated: status, set, connection handle, events.

        With status 0 a link ended it, of which Connection Complete has told.
        """
        if len(event) != 5:
            self._layer.counters.malformed += 1
        elif event[0] != HciErrorCode.SUCCESS and event[1] == _SET and self.active:
            self._enabled = False
            self._stopped()
            self._ended()

    # Legacy commands

    async def _start_legacy(self) -> None:
        parameters, request = self._parameters, self._layer.request
        await self._set_up_legacy()
        if parameters.directed_to is None:
            await request(Opcode.LE_SET_ADVERTISING_DATA, _padded(parameters.data))
            await request(Opcode.LE_SET_SCAN_RESPONSE_DATA, _padded(parameters.scan_response))

    async def _set_up_legacy(self) -> None:
        self.own_address = self._own_address()
        await self._layer.request(Opcode.LE_SET_ADVERTISING_PARAMETERS, self._legacy_parameters())

    def _legacy_parameters(self) -> bytes:
        interval = self._parameters.interval_us // _US_PER_UNIT
        own_type, peer = self._addresses()
        return _LEGACY_PARAMETERS.pack(
            interval,
            interval,
            _LEGACY_TYPES[_properties(self._parameters)],
            own_type,
            peer.random,
            peer.octets,
            _ALL_CHANNELS,
            0,
        )


def _properties(parameters: AdvertisingParameters) -> int:
    """Return the advertising event properties. Spec: Vol 4, Part E, 7.8.53."""
    if parameters.directed_to is not None:
        # Directed by legacy PDUs, which every peer hears; they carry no data.
        high_duty = _HIGH_DUTY if parameters.high_duty_cycle else 0
        return _LEGACY_PDU | _DIRECTED | _CONNECTABLE | high_duty
    if len(parameters.data) > LEGACY_OCTETS:
        # Extended PDUs: connectable ones cannot be scannable as well.
        return _CONNECTABLE if parameters.connectable else 0
    if parameters.connectable:
        return _LEGACY_PDU | _CONNECTABLE | _SCANNABLE
    return _LEGACY_PDU | (_SCANNABLE if parameters.scan_response else 0)


def _may_connect(parameters: AdvertisingParameters) -> bool:
    return bool(_properties(parameters) & _CONNECTABLE)


# Advertising types of the legacy command
_LEGACY_TYPES = {
    _LEGACY_PDU | _CONNECTABLE | _SCANNABLE: 0x00,
    _LEGACY_PDU | _CONNECTABLE | _DIRECTED | _HIGH_DUTY: 0x01,
    _LEGACY_PDU | _SCANNABLE: 0x02,
    _LEGACY_PDU: 0x03,
    _LEGACY_PDU | _CONNECTABLE | _DIRECTED: 0x04,
}


def _padded(data: bytes) -> bytes:
    return bytes((len(data),)) + data.ljust(LEGACY_OCTETS, b"\0")
