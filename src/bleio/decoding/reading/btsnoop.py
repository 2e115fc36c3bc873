"""btsnoop, which Android, BlueZ and `bleio` write. Spec: RFC 1761, from which it is derived.

An adapter has no name in it; the file's stands for it. btmon's own kind, which has what several
adapters say, and records of other things, numbers them.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from bleio.core import pcapng
from bleio.core.hci import ACL_PACKET, COMMAND_PACKET, EVENT_PACKET, ISO_PACKET, SCO_PACKET
from bleio.decoding.reading.source import CaptureError, Source
from bleio.decoding.records import HciPacket

_HEADER, _RECORD = Struct(">II"), Struct(">IIIIq")
_H1, _MONITOR = 1001, 2001
_TO_HOST, _COMMAND_OR_EVENT = 1, 2
# By opcode of btmon's records: the type of the packet, and whether it goes to the host.
_MONITORED = {
    2: (COMMAND_PACKET, False),
    3: (EVENT_PACKET, True),
    4: (ACL_PACKET, False),
    5: (ACL_PACKET, True),
    6: (SCO_PACKET, False),
    7: (SCO_PACKET, True),
    18: (ISO_PACKET, False),
    19: (ISO_PACKET, True),
}


def read(source: Source, name: str) -> Iterator[HciPacket]:
    """Yield packets, from behind the magic on. Args: name: of the host. Raises: CaptureError."""
    version, kind = source.fields(_HEADER, "the header") or (0, 0)
    if version != 1 or kind not in (_H1, pcapng.BTSNOOP_H4, _MONITOR):
        raise CaptureError(
            f"it is btsnoop of version {version} and kind {kind}; kinds {_H1}, {pcapng.BTSNOOP_H4}"
            f" and {_MONITOR} of version 1 can be read"
        )
    while (record := source.fields(_RECORD, "the header of a packet")) is not None:
        _, octets, flags, _, time_us = record
        packet = source.take(octets, "a packet")
        time_us -= pcapng.BTSNOOP_EPOCH_US
        if kind == _MONITOR:
            adapter, opcode = flags >> 16, flags & 0xFFFF
            if opcode in _MONITORED:
                type_, to_host = _MONITORED[opcode]
                yield HciPacket(time_us, bytes((type_,)) + packet, to_host, f"hci{adapter}")
            continue
        to_host = bool(flags & _TO_HOST)
        if kind == _H1:
            packet = bytes((_type(flags),)) + packet
        yield HciPacket(time_us, packet, to_host, name)


def _type(flags: int) -> int:
    if flags & _COMMAND_OR_EVENT:
        return EVENT_PACKET if flags & _TO_HOST else COMMAND_PACKET
    return ACL_PACKET
