"""What links carry: L2CAP frames put together, and each given to what decodes its channel.

The same for packets on the air and for ACL data of HCI: both cut frames into a first part and
continuations. Spec: Vol 3, Part A, 3.1 and 7.2.
"""

from __future__ import annotations

from functools import partial
from struct import Struct

from bleio.decoding import signaling, smp
from bleio.decoding.att import pdus
from bleio.decoding.att.ends import AttEnd
from bleio.decoding.octets import counted
from bleio.decoding.said import Said, malformed

ATT_CHANNEL, SIGNALING_CHANNEL, SMP_CHANNEL = 0x0004, 0x0005, 0x0006
_HEAD = Struct("<HH")
_MAX_FRAME_OCTETS = 0xFFFF + _HEAD.size


class End:
    """One end of a link: a device, and what it is about to say.

    Args: name: of the device, in lines.
    """

    def __init__(self, name: str, att_end: AttEnd | None = None) -> None:
        self.name = name
        self.att = att_end or AttEnd()
        self.part = b""  # of a frame that has begun and is not whole


def describe(payload: bytes, sender: End, receiver: End, *, begins: bool) -> Said:
    """Say what a part of a frame says: all of it once it is whole.

    Args: begins: whether a frame begins with it.
    """
    if not begins and not sender.part:
        return Said("L2CAP", f"continuation of what was not seen, {counted(len(payload), 'octet')}")
    frame = payload if begins else sender.part + payload
    wanted = _HEAD.unpack_from(frame)[0] + _HEAD.size if len(frame) >= _HEAD.size else _HEAD.size
    if len(frame) < wanted:
        said = Said("L2CAP", _part_text(frame, wanted))
        said.learn.append(partial(setattr, sender, "part", frame[:_MAX_FRAME_OCTETS]))
        return said
    said = _whole(frame, wanted, sender, receiver)
    said.learn.append(partial(setattr, sender, "part", b""))
    return said


def _part_text(frame: bytes, wanted: int) -> str:
    if len(frame) < _HEAD.size:
        return f"the first {counted(len(frame), 'octet')} of a frame"
    size = _HEAD.size
    channel = _channel_name(_HEAD.unpack_from(frame)[1])
    return f"{len(frame) - size} of {counted(wanted - size, 'octet')} for {channel}"


def _whole(frame: bytes, wanted: int, sender: End, receiver: End) -> Said:
    _, channel = _HEAD.unpack_from(frame)
    if len(frame) > wanted:
        return malformed("L2CAP", f"frame for {_channel_name(channel)}", frame)
    pdu = frame[_HEAD.size :]
    if channel == ATT_CHANNEL:
        return pdus.describe(pdu, sender.att, receiver.att)
    if channel == SMP_CHANNEL:
        return smp.describe(pdu)
    if channel == SIGNALING_CHANNEL:
        return signaling.describe(pdu)
    return Said("L2CAP", f"{counted(len(pdu), 'octet')} for {_channel_name(channel)}")


def _channel_name(channel: int) -> str:
    names = {ATT_CHANNEL: "ATT", SMP_CHANNEL: "SMP", SIGNALING_CHANNEL: "signaling"}
    return names.get(channel, f"channel 0x{channel:04x}")
