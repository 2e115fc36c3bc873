"""One advertising event: what is sent when, on which channel. Spec: Vol 6, Part B, 4.4.2.

The event is one generator, a `Course` of the timeline. It goes through the event's packets and all
that is answered to them, in the order in which they are on air, and yields the time at which to go
on. The obvious alternative, a state per phase and a callback per timer, would have about twelve
states for legacy and extended advertising with scan requests, connection requests and chains; and
each would have to ask first whether the event was stopped meanwhile. Here the program counter is
the state, and the question stands where the answer can change: after a `yield`, as `on_air`.

Each packet is put on air by `Radio.transmit`, from which the medium judges it, its sender's time is
counted, and captures are made. It is judged at its end, when all that overlaps with it is known,
for those listeners that had their window open from its first bit to its last. A listener that
closed its window and opened it again in between has missed the packet; that is why `window`
returns another object each time, and `receivers_of` compares identities.

What may surprise:

- Where nothing can be lost, a packet needs no timer unless a listener hears it. An event without
  listeners is settled when it starts, up to its last packet. So packets may be put on air, and
  shown to captures, ahead of their time, and an event that the host stops in the middle is
  finished all the same, as the specification allows.
- An event has a copy of what the set says as it was at the start. A host that changes the data in
  the middle changes those of the next event.
- A connection request ends the event at once, a scan request only delays its next packet.
- Links go first: a packet for which the device's radio is busy with a link is left out, and the
  event goes on to the next channel as if it had been sent.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, NamedTuple

from bleio.radio.advertising import exchanges, pdu
from bleio.radio.advertising.listening import AirListener, OpenWindow
from bleio.radio.air import hopping, phy
from bleio.radio.air.clock import Course
from bleio.radio.air.medium import Transmission
from bleio.radio.air.radio import AirPdu, AuxiliaryType, Direction

if TYPE_CHECKING:
    from bleio.core.address import DeviceAddress
    from bleio.radio.advertising.advertiser import Advertiser
    from bleio.radio.advertising.listening import AirRequest
    from bleio.radio.advertising.parameters import AdvertisingSetParameters
    from bleio.radio.air.station import Station

# From the end of a packet on a primary channel, or of what answers it, to the next one.
CHANNEL_GAP_US = 500
# From the end of a packet to the auxiliary one it announces: the least there is. Spec: 4.1.3.
AUX_DELAY_US = 300
_SPREAD = 0x9E3779B1


Part = Callable[["AdvertisingEvent", pdu.Aux | None, bytes], pdu.Extended]
Chain = Generator[int, None, tuple[Transmission, list[OpenWindow]]]


class AdvertisingEvent:
    """What a set sends in one event: its content as it was at the start.

    One is made for every event of every set, hence the slots and no more methods than needed.
    """

    __slots__ = ("_auxiliary_sent", "advertiser", "data", "identifier", "medium", "own",
                 "parameters", "radio", "scan_response", "station", "target")  # fmt: skip

    def __init__(self, advertiser: Advertiser) -> None:
        self.advertiser = advertiser
        self.radio = advertiser.layer.radio
        self.medium = self.radio.medium
        self.station = advertiser.station
        self.parameters = advertiser.parameters
        self.own = advertiser.own
        self.target = advertiser.target
        self.data = advertiser.data
        self.scan_response = advertiser.scan_response
        self.identifier = advertiser.data_identifier | advertiser.parameters.sid << 12
        self._auxiliary_sent = 0

    @property
    def on_air(self) -> bool:
        """Whether it goes on; it ends early with a connection or when the host stops the set."""
        return self.advertiser.current is self

    def course(self) -> Course:
        """Go through all packets of the event; each yield is a time at which to go on."""
        return self._legacy() if self.parameters.legacy else self._extended()

    # -- legacy --

    def _legacy(self) -> Course:
        octets, phy_ = pdu.legacy_octets(self), self.parameters.primary_phy
        radio, medium, station = self.radio, self.medium, self.station
        clock, layer = radio.clock, self.advertiser.layer
        air_us, wait_us = phy.air_time_us(octets, phy_), self._wait_us(phy_)
        at_us = clock.now_us
        for channel in self.parameters.channels:
            if at_us > clock.now_us and not medium.ideal:
                self.hold(at_us)
                yield at_us
                if not self.on_air:
                    return
            end_us = at_us + air_us
            if layer.links and layer.radio_time.busy(at_us, end_us):
                at_us = end_us + CHANNEL_GAP_US
                continue
            if medium.ideal:
                # A crowd of advertisers sends most packets of a world, and hardly any is heard.
                packet = None
                station.tx_us += air_us
                if radio.watched:
                    radio.show(station, (_legacy_on_air, (
                        self.parameters, self.own, self.target, self.data, station, channel, at_us
                    )))  # fmt: skip
            else:
                packet = self.packet(channel, at_us, octets, phy_)
                radio.transmit(packet, pdu.legacy, self)
            station.rx_us += wait_us
            listening = radio.listening and self._listening_to(channel, at_us, end_us)
            if listening:
                packet = packet or self.packet(channel, at_us, octets, phy_)
                self.hold(end_us)
                yield end_us
                requests = self._requests(self.receivers_of(packet, listening), packet)
                if requests:
                    end_us = yield from exchanges.exchange(self, packet, requests)
                if not self.on_air:
                    return
            at_us = end_us + CHANNEL_GAP_US
        self.hold(end_us)
        self.advertiser.event_over(end_us)

    # -- extended --

    def _extended(self) -> Course:
        phy_ = self.parameters.primary_phy
        step_us = phy.air_time_us(pdu.EXTENDED_PRIMARY_OCTETS, phy_) + CHANNEL_GAP_US
        at_us = self.radio.now_us
        aux_us = at_us + step_us * len(self.parameters.channels) - CHANNEL_GAP_US + AUX_DELAY_US
        following = yield from self._announce(at_us, step_us, aux_us)
        last, received = yield from self.send_chain(
            pdu.auxiliary, AuxiliaryType.ADV, self._channel(), self.data, aux_us, following
        )
        if self.on_air:
            self.station.rx_us += self._wait_us(last.phy)
        end_us = last.to_us
        requests = self._requests(received, last)
        if requests:
            end_us = yield from exchanges.exchange(self, last, requests)
        if self.on_air:
            self.advertiser.event_over(end_us)

    def _announce(
        self, at_us: int, step_us: int, aux_us: int
    ) -> Generator[int, None, list[OpenWindow]]:
        """Send the packets on primary channels, which say where the others are.

        A listener follows the first that it receives; it does not hear the later ones again.

        Returns: the windows of those that have received one.
        """
        parameters = self.parameters
        following: dict[AirListener, OpenWindow] = {}
        for channel in parameters.channels:
            aux = pdu.Aux(self._channel(), aux_us - at_us, parameters.secondary_phy)
            announcement = pdu.extended_primary(self, aux)
            packet = self.packet(channel, at_us, announcement.octets, parameters.primary_phy)
            if self._must_wait(at_us):
                yield at_us
                if not self.on_air:
                    break
            if self._gives_way(packet):
                at_us += step_us
                continue
            self.send(packet, announcement.encode)
            listening = [each for each in self._listening_to(channel, at_us, packet.to_us)
                         if each.listener not in following]  # fmt: skip
            if listening:
                yield packet.to_us
                received = self.receivers_of(packet, listening)
                following.update((each.listener, each) for each in received)
                if not self.on_air:
                    break
            at_us += step_us
        return list(following.values())

    def send_chain(
        self, first: Part, kind: AuxiliaryType, channel: int, data: bytes, at_us: int,
        listening: list[OpenWindow],
    ) -> Chain:  # fmt: skip
        """Send a packet on a secondary channel, and as many more as the data need.

        A listener must receive all of them: it reports whole data only.

        Returns: the last packet, and the windows of those that have received all.
        """
        parts = pdu.chain(data)
        for index, part in enumerate(parts):
            self._auxiliary_sent += 1
            make = pdu.auxiliary_chain if index else first
            content = self._part(make, part, last=index == len(parts) - 1)
            packet = self.packet(channel, at_us, content.octets, self.parameters.secondary_phy)
            if self._must_wait(at_us):
                yield at_us
            if not self.on_air or self._gives_way(packet):
                return packet, []
            self.send(
                packet,
                content.encode,
                direction=Direction.AUXILIARY,
                auxiliary_type=AuxiliaryType.CHAIN if index else kind,
            )
            if listening:
                yield packet.to_us
                listening = self.receivers_of(packet, listening)
            channel, at_us = self._channel(), packet.to_us + AUX_DELAY_US
        return packet, listening

    def _part(self, make: Part, data: bytes, *, last: bool) -> pdu.Extended:
        """One packet of a chain, with the place of the next one."""
        if last:
            return make(self, None, data)
        phy_ = self.parameters.secondary_phy
        aux = pdu.Aux(self._channel(), 0, phy_)
        content = make(self, aux, data)
        after_us = phy.air_time_us(content.octets, phy_) + AUX_DELAY_US
        return content._replace(aux=aux._replace(after_us=after_us))

    def _channel(self) -> int:
        """The secondary channel of the next auxiliary packet, another one each time."""
        advertiser = self.advertiser
        identifier = (self.station.index << 8 | (advertiser.handle or 0)) * _SPREAD & 0xFFFFFFFF
        index = advertiser.event + self._auxiliary_sent
        return hopping.data_channel(identifier, index, advertiser.layer.channel_map)

    # -- packets --

    def packet(self, channel: int, at_us: int, octets: int, phy_: int) -> Transmission:
        """A packet of the advertiser."""
        power_dbm = self.parameters.tx_power_dbm
        return Transmission(self.station, channel, at_us, octets, phy_, power_dbm)

    def _gives_way(self, packet: Transmission) -> bool:
        """Whether a link of the device needs its radio, so that a packet is not sent."""
        return self.advertiser.layer.radio_time.busy(packet.from_us, packet.to_us)

    def _must_wait(self, at_us: int) -> bool:
        """Whether a packet is put on air not before it starts, as something may happen to it."""
        return not self.medium.ideal and at_us > self.radio.now_us

    def send(
        self,
        packet: Transmission,
        octets: Callable[..., bytes],
        *args: object,
        direction: Direction = Direction.ADVERTISING,
        auxiliary_type: AuxiliaryType = AuxiliaryType.ADV,
    ) -> None:
        """Put one packet of the advertiser on air."""
        self.radio.transmit(
            packet, octets, *args, direction=direction, auxiliary_type=auxiliary_type
        )
        self.hold(packet.to_us)

    def hold(self, until_us: int) -> None:
        """Keep other sets of the device off the air until then, and for the gap that follows."""
        self.station.advertises_until_us = until_us + CHANNEL_GAP_US + 1

    def _wait_us(self, phy_: int) -> int:
        """How long it listens after a packet, to find that no request begins."""
        answers = self.parameters.connectable or self.parameters.scannable
        return phy.sync_time_us(phy_) if answers else 0

    def _listening_to(self, channel: int, from_us: int, to_us: int) -> list[OpenWindow]:
        """Find the windows that a packet on a primary channel falls into."""
        parameters, found = self.parameters, []
        listeners: tuple[AirListener, ...] = self.radio.listening
        for listener in listeners:
            window = listener.window(parameters)
            if window is None or listener.station is self.station:
                continue
            if window.catches(channel, from_us, to_us):
                found.append(OpenWindow(listener, window))
        return found

    def receivers_of(
        self, packet: Transmission, listening: Iterable[OpenWindow]
    ) -> list[OpenWindow]:
        """Judge a packet at its end. Returns: the windows that are still open and have got it."""
        ideal = self.medium.ideal and not packet.corrupt
        received = [
            each
            for each in listening
            if each.listener.window(self.parameters) is each.window
            and not each.listener.layer.radio_time.busy(packet.from_us, packet.to_us)
            and (ideal or self.medium.receives(packet, each.listener.station))
        ]
        for watcher in self.radio.hearing_watchers:
            for each in listening:
                watcher(packet, each.listener.station, each in received)
        return received

    def _requests(self, received: list[OpenWindow], packet: Transmission) -> list[AirRequest]:
        """Let those that have received all hear it. Returns: what they want to ask."""
        requests = []
        for listener, window in received:
            rssi_dbm = self.radio.rssi_dbm(self.station, listener.station, packet.power_dbm)
            request = listener.heard(self, window, rssi_dbm)
            if request is not None:
                requests.append(request)
        return requests


class _Legacy(NamedTuple):
    """What a kept packet is made from. Its event would keep the whole advertiser alive with it."""

    parameters: AdvertisingSetParameters
    own: DeviceAddress
    target: DeviceAddress | None
    data: bytes


def _legacy_on_air(
    parameters: AdvertisingSetParameters, own: DeviceAddress, target: DeviceAddress | None,
    data: bytes, station: Station, channel: int, at_us: int,
) -> AirPdu:  # fmt: skip
    """Make what captures show of a packet, from what its event had, which does not change."""
    legacy = _Legacy(parameters, own, target, data)
    return AirPdu(
        at_us, channel, parameters.primary_phy, phy.ADVERTISING_ACCESS_ADDRESS,
        parameters.tx_power_dbm, station, pdu.legacy(legacy),
    )  # fmt: skip
