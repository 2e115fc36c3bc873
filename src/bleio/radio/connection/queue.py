"""What waits at one end of a link to be sent: control PDUs before data, unless told otherwise.

The queue knows at any moment what comes next. That is asked far more often than it changes: when a
connection event is planned, when its length is estimated, for the More Data bit of each packet, and
after each packet to see whether the event goes on. So `head` and `head_octets` are settled whenever
something is queued, taken, held or released, and reading them costs nothing.

One thing is not in them: whether the other end's host takes data at this moment. That changes
without a word to this queue, even within one packet's arrival, so it is looked at where data is
about to be sent (`Acknowledgement`) and never remembered here.

Order matters in two places. An LL control PDU may have to stay behind the data that was queued
before it (`after_data`), as a TERMINATE_IND must, or the last notification would be lost. And data
is held back while encryption starts (`encryption.py`): what left between the changes of the two
ends to the new key could not be read.
"""

from __future__ import annotations

from collections import deque

from bleio.radio.connection.cipher import LinkCipher
from bleio.radio.connection.pdu import LLID_CONTINUATION, LLID_CONTROL, LLID_START, DataPdu

# What is at the head.
NOTHING = 0
DATA = 1
CONTROL = 2


class SendQueue:
    """LL control PDUs and HCI data packets of one end, in the order in which they are sent."""

    __slots__ = ("_control", "_data", "_data_until", "_queued", "_sent", "controls_queued", "head",
                 "head_octets", "in_flight")  # fmt: skip

    def __init__(self) -> None:
        self.head = NOTHING
        self.head_octets = 0  # of all of it, though one PDU may carry less
        self.in_flight = 0  # HCI packets whose credit the host has not got back
        self.controls_queued = 0  # ever
        self._control: deque[tuple[bytes, int]] = deque()  # and how much data is sent before it
        self._data: deque[tuple[int, bytes]] = deque()  # HCI packets, of the first what is left
        self._queued = 0  # HCI packets, ever
        self._sent = 0  # of these, those of which the last PDU was taken
        self._data_until: int | None = None  # no more is sent than this, while data is held

    @property
    def waiting(self) -> int:
        """How much is queued, as if every HCI packet were one PDU."""
        return len(self._control) + len(self._data)

    def put_data(self, payload: bytes, start: bool) -> None:
        """Queue one HCI ACL packet's payload; its credit stays here until the other end has it."""
        self.in_flight += 1
        self._queued += 1
        self._data.append((LLID_START if start else LLID_CONTINUATION, payload))
        if self.head == NOTHING and self._data_until is None:  # no control PDU waits either
            self.head, self.head_octets = DATA, len(payload)

    def put_control(self, pdu: bytes, *, after_data: bool) -> None:
        """Queue an LL control PDU; `after_data` keeps it behind the data that waits already."""
        after = self._queued if self._data_until is None else self._data_until
        self._control.append((pdu, after if after_data else 0))
        self.controls_queued += 1
        self._settle()

    def hold_data(self, *, after_queued: bool) -> None:
        """Send no data but what is queued already (or not even that) until `release_data`."""
        self._data_until = self._queued if after_queued else self._sent
        self._settle()

    def release_data(self) -> None:
        """Let data flow again."""
        self._data_until = None
        self._settle()

    def take(self, limit: int, cipher: LinkCipher | None) -> DataPdu:
        """Take what is at the head.

        Args: limit: octets of a data PDU's payload; known only now, as it may change meanwhile.
        """
        if self.head == CONTROL:
            pdu = DataPdu(LLID_CONTROL, self._control.popleft()[0], cipher=cipher)
        else:
            llid, payload = self._data.popleft()
            last = len(payload) <= limit
            if last:
                self._sent += 1
            else:
                self._data.appendleft((LLID_CONTINUATION, payload[limit:]))
            pdu = DataPdu(llid, payload[:limit], last=last, cipher=cipher)
        self._settle()
        return pdu

    def clear(self) -> None:
        """Drop everything; the link is over for this end."""
        self._control.clear()
        self._data.clear()
        self._settle()

    def _settle(self) -> None:
        """Find out what is next."""
        if self._control and self._sent >= self._control[0][1]:
            self.head, self.head_octets = CONTROL, len(self._control[0][0])
        elif self._data and (self._data_until is None or self._sent < self._data_until):
            self.head, self.head_octets = DATA, len(self._data[0][1])
        else:
            self.head, self.head_octets = NOTHING, 0
