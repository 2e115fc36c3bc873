"""What a world tells as objects, a line of JSON for each, in place of lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterator

from bleio.decoding.objects import packet_fields
from bleio.decoding.records import Decoded
from bleio.testing.device import Device
from bleio.testing.hunt.promise import ListeningWorld
from bleio.testing.programs.output import Line


def _line_text(device: Device, line: Line) -> str:
    time_us = round(line.time_s * 1e6)
    fields = {"event": "line", "time_us": time_us, "device": device.name, "text": line.text}
    return json.dumps(fields)


class ObjectWorld(ListeningWorld):
    """A world whose `echo` gets objects."""

    _line_text = staticmethod(_line_text)


class PacketObjects:
    """Makes objects of packets, as `decoding.lines.Lines` makes lines; nothing is gathered."""

    def add(self, decoded: Decoded) -> Iterator[str]:
        """Take the next packet. Returns: its line."""
        yield json.dumps({"event": "packet", **packet_fields(decoded)})

    def flush(self) -> Iterator[str]:
        """Nothing is left."""
        return iter(())
