"""What the packets of a link carry. Spec: Vol 6, Part B, 2.4."""

from __future__ import annotations

from bleio.radio.connection.cipher import MIC_OCTETS, LinkCipher

LLID_CONTINUATION = 1
LLID_START = 2
LLID_CONTROL = 3


class DataPdu:
    """A PDU that an end sends until it is acknowledged, and how it is enciphered.

    A repetition is this same object again: its packet counter, and with it the cipher text, is
    settled once, when the PDU is chosen. A second one would be a second use of the counter.

    Args:
        last: whether an HCI packet ends with it; its arrival gives the packet's credit back.
        cipher: None while the link is not encrypted. Empty PDUs are never enciphered.
    """

    __slots__ = ("last", "llid", "octets", "payload", "sealing")

    def __init__(
        self, llid: int, payload: bytes, *, last: bool = False, cipher: LinkCipher | None = None
    ) -> None:
        self.llid = llid
        self.payload = payload
        self.last = last
        self.sealing = cipher.next() if cipher is not None and payload else None
        self.octets = len(payload)  # on air, MIC included
        if self.sealing is not None:
            self.octets += MIC_OCTETS


# What is sent where there is nothing to say. It is told from an empty packet of the host, which
# has a credit to give back, by being this one object.
EMPTY = DataPdu(LLID_CONTINUATION, b"")
