"""Blanks keys in captured packets, so that a capture may be shown to others.

Octets become 0 and no length changes, so packet analysers read the capture as before. Keys are in
some HCI commands (Core Specification Vol 4, Part E, 7.8) and in the SMP PDUs that distribute them
(Vol 3, Part H, 3.6). EDIV and Rand, which only name a key, stay.
"""

from __future__ import annotations

from struct import Struct

from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.links.l2cap import SMP_CHANNEL
from bleio.backends.hci.security.smp import pdu
from bleio.core.hci import ACL_PACKET, COMMAND_PACKET

# Where the keys are in these commands, from the start of the H4 packet.
_IN_COMMANDS = {
    Opcode.LE_ENABLE_ENCRYPTION: slice(16, 32),
    Opcode.LE_LONG_TERM_KEY_REQUEST_REPLY: slice(6, 22),
    Opcode.LE_ADD_DEVICE_TO_RESOLVING_LIST: slice(11, 43),  # the peer's IRK and ours
}
_IN_SMP = {pdu.ENCRYPTION_INFORMATION, pdu.IDENTITY_INFORMATION, pdu.SIGNING_INFORMATION}
_COMMAND = Struct("<xH")  # opcode
_ACL = Struct("<xHH")  # handle and flags, data length
_ACL_OCTETS = 5
_CONTINUES = 1  # packet boundary flag of a continuing fragment
_FRAME = Struct("<xxHB")  # of an L2CAP frame: channel, and the opcode of what is in it
_FRAME_OCTETS = 5


class KeyBlanker:
    """Blanks the keys in what goes one way between a host and its controller.

    A frame may come in fragments of any size, those of several links in turns; so the first octets
    of each link's frame are kept until the next one begins.
    """

    def __init__(self) -> None:
        self._frames: dict[int, bytes] = {}  # by connection handle, at most `_FRAME_OCTETS`

    def blank(self, packet: bytes) -> bytes:
        """Return an H4 packet without its keys."""
        kind = packet[0] if packet else 0
        if kind == COMMAND_PACKET and len(packet) >= _COMMAND.size:
            (opcode,) = _COMMAND.unpack_from(packet)
            return _blank(packet, _IN_COMMANDS.get(opcode, slice(0, 0)))
        if kind == ACL_PACKET and len(packet) >= _ACL_OCTETS:
            return self._blank_fragment(packet)
        return packet

    def _blank_fragment(self, packet: bytes) -> bytes:
        field, _ = _ACL.unpack_from(packet)
        handle, continues = field & 0xFFF, field >> 12 & 3 == _CONTINUES
        frame = self._frames.get(handle, b"") if continues else b""
        lacking = _FRAME_OCTETS - len(frame)
        start = frame + packet[_ACL_OCTETS : _ACL_OCTETS + lacking]
        self._frames[handle] = start
        if len(start) < _FRAME_OCTETS:
            return packet
        channel, opcode = _FRAME.unpack(start)
        if channel == SMP_CHANNEL and opcode in _IN_SMP:
            return _blank(packet, slice(_ACL_OCTETS + lacking, len(packet)))
        return packet


def _blank(packet: bytes, where: slice) -> bytes:
    count = len(packet[where])
    return packet[: where.start] + bytes(count) + packet[where.start + count :] if count else packet
