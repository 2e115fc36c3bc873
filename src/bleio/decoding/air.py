"""Packets of the link layer in words: who says what to whom, and what gets lost.

A sniffer cannot hear what a receiver hears. But the link layer says it, in two bits of every packet
(Vol 6, Part B, 4.5.9): SN, which PDU this is, and NESN, which one its sender wants next. A
peripheral answers all that it has heard, so a central's packet is lost if it is followed by itself
again. A peripheral's packet is lost if the central's next one still asks for it. So it is known
only later, and `Decoded.lost` is set when it is. `Decoded.open_until_us` says until when that may
still happen: `streaming` waits for it; whoever has all packets calls `settle` at their end.

A central hears nothing of a peripheral that sleeps, with latency. The empty packets that it sends
meanwhile are not called lost.

What may surprise: a packet that is sent again says what it has said before, and teaches nothing;
neither does one with a wrong CRC, whose octets may be others than were sent. From the start of
encryption on, packets are cipher text unless it is known that they are not. Of a link of which only
the middle was seen, nobody knows who the ends are.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from bleio.decoding import advertising, channels, control
from bleio.decoding.advertising import Advertised
from bleio.decoding.attributes import Published, Servers
from bleio.decoding.channels import End
from bleio.decoding.names import DeviceNames
from bleio.decoding.octets import Malformed, counted
from bleio.decoding.records import ADVERTISING_ACCESS_ADDRESS, AirPacket, Decoded, PduType
from bleio.decoding.said import Said, malformed

_MAX_LINKS = 256
_SN_AND_LLID = 0b1011
_MIC_OCTETS = 4  # of cipher text, beside what was enciphered
# No packet begins later after the one that it answers: the longest there is, and T_IFS.
_ANSWERED_WITHIN_US = 20_000
_UNIT_US = 1_250
_LONGEST_WAIT_US = 5_000_000
_START, _CONTROL = 2, 3


class _Link:
    """What is known of one link."""

    def __init__(self, central: End, peripheral: End) -> None:
        self.ends = (peripheral, central)  # by whether a packet goes to the peripheral
        self.interval_us = 0
        self.latency = 0
        self.enciphers = False
        self.ends_now = False  # the end that is told to end it need not answer
        self.deciphered = False  # some packets are known to be deciphered, so all are
        # By type, the last packet: its SN with its LLID, its payload, and what it said.
        self.last: dict[int, tuple[int, bytes, Said]] = {}
        self.polled: tuple[Decoded, int] | None = None  # the central's, not answered yet, its SN
        self.answered: tuple[Decoded, int] | None = None  # the peripheral's, not acknowledged

    def waits_us(self) -> int:
        """How long it may take until the central sends again."""
        return 2 * self.interval_us + _ANSWERED_WITHIN_US if self.interval_us else _LONGEST_WAIT_US

    def said_before(self, packet: AirPacket) -> Said | None:
        """Return what a packet says that is its sender's last one once more, else None."""
        last = self.last.get(packet.pdu_type)
        if last is None or not packet.crc_right:
            return None
        same = last[0] == packet.octets[0] & _SN_AND_LLID and last[1] == packet.octets[2:]
        return last[2] if same else None

    def note(self, packet: AirPacket, said: Said) -> None:
        """It is the last of its sender, whom it tells from the other end."""
        if packet.pdu_type in (PduType.TO_PERIPHERAL, PduType.TO_CENTRAL):
            entry = (packet.octets[0] & _SN_AND_LLID, packet.octets[2:], said)
            self.last[packet.pdu_type] = entry

    def decide(self, decoded: Decoded, *, lost: bool) -> None:
        """It is known whether a packet got lost."""
        decoded.open_until_us = 0
        if lost and not (self.latency and decoded.empty):
            decoded.lost = True


class AirDecoder:
    """Decodes the packets of one air, in the order of time.

    Args:
        published: gives the attributes of devices whose own tables are at hand.
    Attributes:
        devices: their names by address; more may be told at any time.
    """

    def __init__(self, published: Published | None = None) -> None:
        self.devices = DeviceNames()
        self._links: OrderedDict[int, _Link] = OrderedDict()
        self._served = Servers(published)
        self._now_us = 0

    def name_ends(self, access_address: int, central: str = "", peripheral: str = "") -> None:
        """Tell who is at the ends of a link, where its connection request was not seen."""
        link = self._link(access_address)
        for end, name in zip(link.ends, (peripheral, central), strict=True):
            if name and name != end.name:
                self._rename(end, name)

    def decode(self, packet: AirPacket) -> Decoded:
        """Say what one packet says. Any octets will do; nothing is raised.

        `lost` of what is returned may become true until `open_until_us`.
        """
        self._now_us = max(self._now_us, packet.time_us)
        if packet.access_address == ADVERTISING_ACCESS_ADDRESS:
            return self._advertising(packet)
        return self._data(packet)

    def settle(self, now_us: int | None = None) -> None:
        """No packets are missing until now, which is by default the last one's time.

        What waits for an answer for too long waits in vain.
        """
        now_us = self._now_us if now_us is None else now_us
        for link in self._links.values():
            if link.polled is not None and not link.ends_now:
                decoded, _ = link.polled
                if now_us - decoded.time_us > _ANSWERED_WITHIN_US:
                    link.polled = None
                    link.decide(decoded, lost=True)

    # Advertising

    def _advertising(self, packet: AirPacket) -> Decoded:
        auxiliary = packet.pdu_type == PduType.AUXILIARY
        try:
            told = advertising.describe(packet.octets, auxiliary=auxiliary)
        except Malformed:
            said = malformed("ADV", "packet", packet.octets)
            told = Advertised(said, None, None)
        if packet.crc_right:
            self._learn(packet, told)
        sender = packet.sender or ("" if told.sender is None else self.devices.of(told.sender))
        receiver = "" if told.target is None else self.devices.of(told.target)
        return _decoded(packet, told.said, sender or "anonymous", receiver)

    def _learn(self, packet: AirPacket, told: Advertised) -> None:
        if told.sender is not None:
            if packet.sender:
                self.devices.learn(told.sender, packet.sender)
            elif told.name:
                self.devices.suggest(told.sender, told.name)
        if told.connected is None:
            return
        made = told.connected
        self._links.pop(made.access_address, None)  # a former one, by chance of the same
        link = self._link(made.access_address)
        self.name_ends(
            made.access_address, self.devices.of(made.central), self.devices.of(made.peripheral)
        )
        link.interval_us, link.latency = made.interval * _UNIT_US, made.latency

    # Links

    def _link(self, access_address: int) -> _Link:
        link = self._links.get(access_address)
        if link is None:
            while len(self._links) >= _MAX_LINKS:
                self._links.popitem(last=False)
            of = f" of {access_address:08x}"
            link = self._links[access_address] = _Link(End("central" + of), End("peripheral" + of))
        self._links.move_to_end(access_address)
        return link

    def _rename(self, end: End, name: str) -> None:
        end.name = name
        end.att.attributes = self._served.of(name)

    def _data(self, packet: AirPacket) -> Decoded:
        link = self._link(packet.access_address)
        to_peripheral = packet.pdu_type != PduType.TO_CENTRAL
        receiver, sender = link.ends if to_peripheral else link.ends[::-1]
        if packet.sender and packet.sender != sender.name:
            self._rename(sender, packet.sender)
        if len(packet.octets) < 2 or len(packet.octets) - 2 != packet.octets[1]:
            said = malformed("LL", "packet", packet.octets)
            return _decoded(packet, said, sender.name, receiver.name)
        before = link.said_before(packet)
        said = before or self._payload(packet, link, sender, receiver)
        decoded = _decoded(packet, said, sender.name, receiver.name)
        decoded.empty, decoded.again = len(packet.octets) == 2, before is not None
        self._acknowledge(link, packet, decoded)
        if packet.crc_right and before is None:
            for learn in said.learn:
                learn()
            link.note(packet, said)
        return decoded

    def _payload(self, packet: AirPacket, link: _Link, sender: End, receiver: End) -> Said:
        llid, payload = packet.octets[0] & 3, packet.octets[2:]
        if not payload:
            return Said("LL", "empty")
        if packet.enciphered is False:
            link.deciphered = True
        unknown = packet.enciphered is None and not link.deciphered
        if packet.enciphered or (unknown and link.enciphers and len(payload) > _MIC_OCTETS):
            return Said("LL", f"encrypted, {counted(len(payload), 'octet')}")
        if llid == _CONTROL:
            said = control.describe(payload)
            self._learn_control(said, payload, link)
            return said
        if llid == 0:
            return malformed("LL", "packet with a reserved LLID", payload)
        return channels.describe(payload, sender, receiver, begins=llid == _START)

    @staticmethod
    def _learn_control(said: Said, pdu: bytes, link: _Link) -> None:
        if pdu[0] == control.START_ENC_REQ:
            said.learn.append(partial(setattr, link, "enciphers", True))
        elif pdu[0] == control.TERMINATE_IND:
            said.learn.append(partial(setattr, link, "ends_now", True))
        elif pdu[0] == control.CONNECTION_UPDATE_IND and not said.trouble:
            _, _, interval, latency, _, _ = control.UPDATE.unpack_from(pdu, 1)
            wait_us = max(link.interval_us, interval * _UNIT_US)
            said.learn.append(partial(setattr, link, "interval_us", wait_us))
            said.learn.append(partial(setattr, link, "latency", latency))

    @staticmethod
    def _acknowledge(link: _Link, packet: AirPacket, decoded: Decoded) -> None:
        """Read the sequence numbers: what is sent again, and what has got lost before."""
        if packet.pdu_type not in (PduType.TO_PERIPHERAL, PduType.TO_CENTRAL):
            return
        polled, answered = link.polled, link.answered
        if packet.pdu_type == PduType.TO_CENTRAL and polled is not None:
            link.polled = None
            link.decide(polled[0], lost=False)  # it answers whatever it has heard
        if not packet.crc_right:
            return
        header = packet.octets[0]
        nesn, sn = header >> 2 & 1, header >> 3 & 1
        decoded.open_until_us = decoded.time_us + link.waits_us()
        if packet.pdu_type == PduType.TO_CENTRAL:
            if answered is not None:
                link.decide(answered[0], lost=False)
            link.answered = (decoded, sn)
            return
        if polled is not None:
            link.decide(polled[0], lost=polled[1] == sn)
        if answered is not None:
            link.decide(answered[0], lost=answered[1] == nesn)
        link.polled, link.answered = (decoded, sn), None


def _decoded(packet: AirPacket, said: Said, sender: str, receiver: str) -> Decoded:
    details = said.details
    if packet.channel >= 0:
        details += (("channel", str(packet.channel)),)
    return Decoded(
        packet.time_us,
        sender,
        receiver,
        said.protocol,
        said.text if packet.crc_right else f"{said.text} (wrong CRC)",
        packet.octets,
        details,
        routine=said.routine,
        trouble=said.trouble,
        attribute=said.attribute,
        lost=not packet.crc_right,
    )
