"""Encryption commands. Spec: Vol 4, Part E, 7.8.24 to 7.8.26."""

from __future__ import annotations

import struct

from bleio.radio.connection import encryption
from bleio.radio.connection.control_pdus import LlOpcode
from bleio.radio.connection.end import CENTRAL
from bleio.radio.controller.connections import link_end
from bleio.radio.controller.core import Controller
from bleio.radio.controller.dispatch import allow, command


@command(0x2019, "LE Enable Encryption", "H8sH16s", bit=(28, 0), pending=True)
def enable_encryption(
    controller: Controller, handle: int, rand: bytes, ediv: int, ltk: bytes
) -> None:
    """The central encrypts a link, or renews its key.

    The same command once more while the first is under way is answered by the first's result. The
    specification lets it fail; but Linux repeats it when an attribute asks for encryption just
    then, and ends the link when it is refused.
    """
    end = link_end(controller, handle)
    allow(end.role == CENTRAL)
    if end.procedures.awaits(LlOpcode.START_ENC_RSP):
        allow((end.keys.ltk, end.keys.rand, end.keys.ediv) == (ltk, rand, ediv))
    else:
        encryption.start(end, rand, ediv, ltk)


@command(0x201A, "LE Long Term Key Request Reply", "H16s", bit=(28, 1), returns=2, echo=2)
def long_term_key_reply(controller: Controller, handle: int, ltk: bytes) -> bytes:
    """The peripheral's host has the key."""
    end = link_end(controller, handle)
    allow(end.procedures.awaits(LlOpcode.ENC_REQ))
    encryption.reply(end, ltk)
    return struct.pack("<H", handle)


@command(0x201B, "LE Long Term Key Request Negative Reply", "H", bit=(28, 2), returns=2, echo=2)
def long_term_key_refusal(controller: Controller, handle: int) -> bytes:
    """The peripheral's host has no key."""
    end = link_end(controller, handle)
    allow(end.procedures.awaits(LlOpcode.ENC_REQ))
    encryption.refuse(end)
    return struct.pack("<H", handle)
