"""HCI packets in a byte stream. Spec: Vol 4, Part A, 2 and 4.

Sans-I/O: octets go in, whole packets come out, the type octet first. What is kept is less than
one packet, at most 64 KiB.

An octet that is no packet type means that the sides disagree where packets begin. A socket is then
closed. A serial line can be found again as the specification says: the controller reports a
hardware error, and ignores everything up to the HCI_Reset that the host answers with.
"""

from __future__ import annotations

from collections.abc import Iterator

from bleio.core.hci import ACL_PACKET, COMMAND_PACKET, EVENT_PACKET, ISO_PACKET, SCO_PACKET

# Type: (where the length field begins, its octets, its bits that are the length)
_LENGTH_FIELDS = {
    COMMAND_PACKET: (3, 1, 0xFF),
    ACL_PACKET: (3, 2, 0xFFFF),
    SCO_PACKET: (3, 1, 0xFF),
    EVENT_PACKET: (2, 1, 0xFF),
    ISO_PACKET: (3, 2, 0x3FFF),
}
_RESET = bytes.fromhex("01 03 0c 00")

# HCI_Hardware_Error; the code is the implementation's own. Spec: Vol 4, Part E, 7.7.16
HARDWARE_ERROR = bytes.fromhex("04 10 01 00")


class H4Error(Exception):
    """The stream has an octet where a packet must begin that is no packet type."""

    def __init__(self, octet: int) -> None:
        super().__init__(f"0x{octet:02x} is no HCI packet type")
        self.octet = octet


class H4Framer:
    """Cuts one direction of a stream into packets."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searching = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take octets; yield the packets that are now complete.

        Raises: H4Error after the packets before the fault; `resynchronise` or close then.
        """
        buffer = self._buffer
        buffer += data
        if self._searching and not self._found_reset():
            return
        start = 0
        try:
            while (end := _end_of_packet(buffer, start)) is not None:
                packet = bytes(memoryview(buffer)[start:end])
                start = end
                yield packet
        finally:
            del buffer[:start]

    def resynchronise(self) -> Iterator[bytes]:
        """After an H4Error: ignore all octets up to a HCI_Reset; yield packets already there."""
        self._searching = True
        return self.feed(b"")

    def _found_reset(self) -> bool:
        at = self._buffer.find(_RESET)
        if at < 0:
            del self._buffer[: -len(_RESET) + 1]
            return False
        del self._buffer[:at]
        self._searching = False
        return True


def _end_of_packet(buffer: bytearray, start: int) -> int | None:
    """Where the packet that begins at `start` ends, None if its end has not come yet."""
    if start >= len(buffer):
        return None
    field = _LENGTH_FIELDS.get(buffer[start])
    if field is None:
        raise H4Error(buffer[start])
    offset, octets, mask = field
    body = start + offset + octets
    if body > len(buffer):
        return None
    end = body + (int.from_bytes(buffer[start + offset : body], "little") & mask)
    return end if end <= len(buffer) else None
