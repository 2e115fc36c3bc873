"""HCI packets in words: commands, events, and the data of links, put together as on the air.

Each host has links of its own, known by their handles since the controller told of them. Its own
addresses become known too, so that hosts in one file know each other by name.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from struct import Struct

from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.core.hci import (
    ACL_PACKET,
    COMMAND_PACKET,
    EVENT_PACKET,
    ISO_PACKET,
    SCO_PACKET,
    Event,
    LeEvent,
)
from bleio.core.words import hci_error
from bleio.decoding import channels
from bleio.decoding.att.ends import AttEnd
from bleio.decoding.attributes import Published, Servers
from bleio.decoding.channels import End
from bleio.decoding.hci import tables
from bleio.decoding.hci.reports import reports
from bleio.decoding.names import DeviceNames
from bleio.decoding.octets import Malformed, counted, exactly, unpack
from bleio.decoding.records import Decoded, HciPacket
from bleio.decoding.said import Said, malformed

CONTROLLER = "controller"
_MAX_LINKS = 1_024
_SHOWN_FIELDS = 6
_COMMAND, _EVENT, _ACL = Struct("<HB"), Struct("<BB"), Struct("<HH")
_COMPLETE, _STATUS = Struct("<BH"), Struct("<BBH")
_CONNECTED = Struct("<BHBB6s")  # status, handle, role, peer's address type, peer's address
_ENDED = Struct("<BHB")
_CONTINUES = 1
_READ_BD_ADDR, _SET_RANDOM_ADDRESS, _SET_SET_ADDRESS = 0x1009, 0x2005, 0x2035
_CONNECTIONS = (
    *(LeEvent.CONNECTION_COMPLETE, LeEvent.ENHANCED_CONNECTION_COMPLETE),
    LeEvent.ENHANCED_CONNECTION_COMPLETE_V2,
)
_REPORTS = (LeEvent.ADVERTISING_REPORT, LeEvent.EXTENDED_ADVERTISING_REPORT)
_IN_ORDER = (
    *(HciErrorCode.REMOTE_USER_TERMINATED, HciErrorCode.LOCAL_HOST_TERMINATED),
    *(HciErrorCode.REMOTE_POWER_OFF, HciErrorCode.REMOTE_LOW_RESOURCES),
)


class HciDecoder:
    """Decodes what hosts and their controllers say, in the order of time.

    Args:
        published: gives the attributes of devices whose own tables are at hand.
    Attributes:
        devices: their names by address; more may be told at any time.
    """

    def __init__(self, published: Published | None = None) -> None:
        self.devices = DeviceNames()
        self._served = Servers(published)
        self._links: OrderedDict[tuple[str, int], tuple[End, End]] = OrderedDict()  # own, peer

    def decode(self, packet: HciPacket) -> Decoded:
        """Say what one packet says. Any octets will do; nothing is raised."""
        kind, rest = packet.h4[:1], packet.h4[1:]
        ends = (CONTROLLER, packet.host) if packet.to_host else (packet.host, CONTROLLER)
        try:
            if kind == bytes((COMMAND_PACKET,)):
                said = self._command(packet.host, rest)
            elif kind == bytes((EVENT_PACKET,)):
                said = self._event(packet.host, rest)
            elif kind == bytes((ACL_PACKET,)):
                said, ends = self._data(packet, rest)
            elif kind in (bytes((SCO_PACKET,)), bytes((ISO_PACKET,))):
                name = "SCO" if kind == bytes((SCO_PACKET,)) else "ISO"
                said = Said("HCI", f"{name} data, {counted(len(rest), 'octet')}")
            else:
                raise Malformed
        except Malformed:
            said = malformed("HCI", "packet", packet.h4)
        for learn in said.learn:
            learn()
        return Decoded(
            packet.time_us,
            *ends,
            said.protocol,
            said.text,
            packet.h4,
            said.details,
            routine=said.routine,
            trouble=said.trouble,
            attribute=said.attribute,
        )

    # Commands and what they return

    def _command(self, host: str, packet: bytes) -> Said:
        opcode, octets = unpack(_COMMAND, packet)
        parameters = packet[_COMMAND.size :]
        name = tables.command_name(opcode)
        if len(parameters) != octets:
            return malformed("HCI", name, packet)
        try:
            fields = tables.command_fields(opcode, parameters, self.devices.of)
        except Malformed:
            return malformed("HCI", name, packet)
        said = _with_fields(name, fields)
        if opcode == _SET_RANDOM_ADDRESS and len(parameters) == 6:
            own = DeviceAddress(parameters, random=True)
            said.learn.append(partial(self.devices.learn, own, host))
        elif opcode == _SET_SET_ADDRESS and len(parameters) == 7:
            own = DeviceAddress(parameters[1:], random=True)
            said.learn.append(partial(self.devices.learn, own, host))
        return said

    def _complete(self, host: str, parameters: bytes) -> Said:
        _, opcode = unpack(_COMPLETE, parameters)
        returned = parameters[_COMPLETE.size :]
        name = f"Command Complete {tables.command_name(opcode)}" if opcode else "No Command"
        status = returned[0] if returned else 0
        try:
            fields = tables.return_fields(opcode, returned, self.devices.of)
        except Malformed:
            if not status:
                return malformed("HCI", name, parameters)
            fields = []  # a command that has failed returns no more
        if returned:
            fields = [each for each in fields if each[0] != "status"]
            said = _with_fields(f"{name}: {hci_error(status)}", fields, joined=", ")
        else:
            said = Said("HCI", name)
        said.trouble = status != 0
        if opcode == _READ_BD_ADDR and len(returned) == 7 and not status:
            own = DeviceAddress(returned[1:])
            said.learn.append(partial(self.devices.learn, own, host))
        return said

    # Events

    def _event(self, host: str, packet: bytes) -> Said:
        code, octets = unpack(_EVENT, packet)
        parameters = packet[_EVENT.size :]
        if len(parameters) != octets:
            return malformed("HCI", tables.event_name(code), packet)
        try:
            if code == Event.COMMAND_COMPLETE:
                return self._complete(host, parameters)
            if code == Event.COMMAND_STATUS:
                status, _, opcode = exactly(_STATUS, parameters)
                text = f"Command Status {tables.command_name(opcode)}: {hci_error(status)}"
                return Said("HCI", text, trouble=status != 0)
            if code == Event.LE_META:
                return self._le_event(host, parameters)
            fields = tables.event_fields(code, parameters, self.devices.of)
        except Malformed:
            return malformed("HCI", tables.event_name(code), packet)
        said = _with_fields(tables.event_name(code), fields)
        said.routine = code == Event.NUMBER_OF_COMPLETED_PACKETS
        if code == Event.DISCONNECTION_COMPLETE:
            self._ended(host, parameters, said)
        elif _status(fields):
            said.trouble = True
        return said

    def _le_event(self, host: str, parameters: bytes) -> Said:
        if not parameters:
            raise Malformed
        code = parameters[0]
        name = tables.le_event_name(code)
        try:
            if code in _REPORTS:
                extended = code == LeEvent.EXTENDED_ADVERTISING_REPORT
                told = reports(parameters[1:], self.devices, extended=extended)
                return Said("HCI", f"{name}: {'; '.join(told)}", routine=True)
            fields = tables.le_event_fields(parameters, self.devices.of)
        except Malformed:
            return malformed("HCI", name, parameters)
        said = _with_fields(name, fields)
        said.trouble = bool(_status(fields))
        if code in _CONNECTIONS and not said.trouble:
            _, handle, _, random, octets = unpack(_CONNECTED, parameters, 1)
            peer = DeviceAddress(octets, random & 1 == 1)
            said.learn.append(partial(self._connected, host, handle & 0xFFF, peer))
        return said

    # Links

    def _connected(self, host: str, handle: int, peer: DeviceAddress) -> None:
        self._links.pop((host, handle), None)
        self._add_link(host, handle, self.devices.of(peer))

    def _add_link(self, host: str, handle: int, peer: str) -> tuple[End, End]:
        while len(self._links) >= _MAX_LINKS:
            self._links.popitem(last=False)
        ends = tuple(End(name, AttEnd(self._served.of(name))) for name in (host, peer))
        self._links[host, handle] = link = (ends[0], ends[1])
        return link

    def _ended(self, host: str, parameters: bytes, said: Said) -> None:
        status, handle, reason = unpack(_ENDED, parameters)
        said.trouble = status != 0 or reason not in _IN_ORDER
        if not status:
            said.learn.append(partial(self._links.pop, (host, handle & 0xFFF), None))

    def _data(self, packet: HciPacket, rest: bytes) -> tuple[Said, tuple[str, str]]:
        field, octets = unpack(_ACL, rest)
        payload, handle = rest[_ACL.size :], field & 0xFFF
        key = (packet.host, handle)
        link = self._links.get(key) or self._add_link(*key, f"peer of 0x{handle:04x}")
        sender, receiver = link[::-1] if packet.to_host else link
        if len(payload) != octets:
            said = malformed("HCI", "ACL data", packet.h4)
        else:
            begins = field >> 12 & 3 != _CONTINUES
            said = channels.describe(payload, sender, receiver, begins=begins)
        return said, (sender.name, receiver.name)


def _with_fields(name: str, fields: tables.Fields, joined: str = ": ") -> Said:
    """Return a line with the first fields; `details` have all."""
    shown = ", ".join(f"{field} {value}" for field, value in fields[:_SHOWN_FIELDS])
    more = ", ..." if len(fields) > _SHOWN_FIELDS else ""
    return Said("HCI", f"{name}{joined}{shown}{more}" if shown else name, tuple(fields))


def _status(fields: tables.Fields) -> str:
    """Return the status if it is none of success."""
    status = dict(fields).get("status", "")
    return "" if status == hci_error(0) else status
