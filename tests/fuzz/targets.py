"""The table of targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from fuzz import att, controller, decoding, host, octets, shared, smp


class Target(NamedTuple):
    """One target.

    `run` raises if something does not hold that should. `share`: its part of a long run's time,
    beside the others'. `tests`: inputs of an ordinary test run; `most`: octets of one.
    """

    run: Callable[[bytes], None]
    share: float
    tests: int
    most: int


TARGETS = {
    "host": Target(host.host, 6, 220, 1500),
    "bring_up": Target(host.bring_up, 2, 150, 400),
    "controllers": Target(controller.controllers, 5, 120, 1200),
    "shared_radio": Target(shared.shared_radio, 2, 150, 600),
    "shared_member": Target(shared.shared_member, 0.5, 200, 400),
    "att_server": Target(att.att_server, 2, 150, 1000),
    "att_client": Target(att.att_client, 2, 150, 1000),
    "smp": Target(smp.smp, 2, 40, 400),
    "bond_file": Target(octets.bond_file, 1, 100, 500),
    "advertising_fields": Target(octets.advertising_fields, 0.5, 400, 300),
    "prefixes": Target(octets.prefixes, 0.5, 400, 100),
    "strings": Target(octets.strings, 0.5, 400, 60),
    "h4_framer": Target(octets.h4_framer, 0.5, 400, 400),
    "h4_parser": Target(octets.h4_parser, 0.5, 200, 600),
    "hello": Target(octets.hello_words, 0.25, 200, 200),
    "captures": Target(octets.captures, 0.5, 300, 400),
    "packets_in_words": Target(decoding.packets_in_words, 1, 300, 400),
    "capture_file": Target(decoding.capture_file, 0.5, 300, 300),
}
