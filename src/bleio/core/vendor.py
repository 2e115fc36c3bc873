"""The vendor commands of the virtual controller (OGF 0x3F).

Claim Static Random Address: a host proposes the address it would like to have; the radio answers
that it is now this controller's (status 0x00) or that another controller of the same radio has it
(status 0x0B, Connection Already Exists). So a program that is started twice takes the next address
it can derive. A controller holds one claim; the next claim or the end of the controller frees it.
Command parameters: address (6 octets). Return parameters: status (1), address (6).
"""

from __future__ import annotations

import struct

CLAIM_STATIC_ADDRESS_OCF = 0x001
CLAIM_STATIC_ADDRESS_OPCODE = 0x3F << 10 | CLAIM_STATIC_ADDRESS_OCF


def claim_static_address(address: bytes) -> bytes:
    """The H4 command packet that claims `address` (6 octets, least significant first)."""
    return struct.pack("<BHB6s", 0x01, CLAIM_STATIC_ADDRESS_OPCODE, 6, address)
