"""A controller behind a serial object: anything with `read`, `write` and `in_waiting`.

Such objects block, and offer nothing to wait on but a look at `in_waiting`. So a thread of its own
reads and writes, and the loop never waits for them. The thread looks often while octets come, and
each millisecond on an idle line: a longer pause would be a delay of each answer, a shorter one
would keep a processor busy. What has been read goes to the loop, which alone cuts it into packets.
An object that is no line may always have more to read, faster than the loop takes it: then the loop
would never come to an end of it. So what has been read and not yet taken is bounded.

The serial object stays the caller's: it is neither opened nor closed here. A controller, or a port,
that takes nothing for a second counts as lost, or closing would hang on it. Whatever the object
raises in the thread loses the controller at once: `sys.exit()` or a Ctrl-C of its own would else
end the thread without a word, and the loop would wait for answers that nobody reads.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from bleio.backends.hci.controller.h4 import H4Parser
from bleio.backends.hci.controller.port import OnLost, OnPacket
from bleio.backends.hci.counters import HciCounters

_POLL_S = 0.001  # between looks at an idle line
_PATIENCE_S = 1.0  # a controller, or a port, that takes nothing for so long is lost
_CLOSE_S = 1.5  # for the thread to end, which may wait for that
_MAX_READ_OCTETS = 4096
_MOST_UNTAKEN = 16  # reads


class UartLike(Protocol):
    """pyserial's Serial and Blinka's busio.UART have this."""

    @property
    def in_waiting(self) -> int: ...

    def read(self, nbytes: int, /) -> bytes | bytearray | None: ...

    def write(self, data: bytes, /) -> int | None: ...


class PinLike(Protocol):
    """A digital pin, as digitalio.DigitalInOut has it."""

    value: bool


class UartPort:
    """H4 over a serial object, with CircuitPython's flow control.

    Both pins are active low. `rts` is ours: low while we take data. `cts` is the controller's:
    nothing is written while it is high. Either may be None.
    """

    def __init__(
        self,
        uart: UartLike,
        rts: PinLike | None,
        cts: PinLike | None,
        on_packet: OnPacket,
        on_lost: OnLost,
        counters: HciCounters,
    ) -> None:
        self.metadata: dict[str, Any] = {}
        self._uart = uart
        self._rts = rts
        self._cts = cts
        self._on_packet = on_packet
        self._on_lost = on_lost
        self._parser = H4Parser(self, counters)
        self._loop = asyncio.get_running_loop()
        self._outgoing: deque[bytes] = deque()
        self._rest = b""  # of the packet that is being written
        self._read_count = self._taken_count = 0  # the thread's and the loop's
        self._wake = threading.Event()
        self._ending = False
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="bleio-uart", daemon=True)
        self._thread.start()

    def send(self, packet: bytes) -> None:
        """Hand a packet to the thread. A deque needs no lock for one end each."""
        self._outgoing.append(packet)
        self._wake.set()

    async def close(self) -> None:
        """Stop the thread; the serial object stays open, for it is the caller's.

        The thread says itself that it ends: at interpreter exit no other one can wait for it.
        """
        self._ending = True
        self._parser.close()
        self._wake.set()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._ended.wait(), _CLOSE_S)

    def on_packet(self, packet: bytes) -> None:
        """Take one whole packet from the parser (loop)."""
        if not self._ending:
            self._on_packet(packet)

    def on_noise(self, why: str) -> None:
        """The line carries no packets (loop)."""
        self._on_lost(why)

    def _run(self) -> None:
        try:
            if self._rts is not None:
                self._rts.value = False
            while not self._ending or self._outgoing:
                self._wake.clear()
                self._write()
                if not self._read():
                    self._wake.wait(_POLL_S)
        except BaseException as error:
            if not self._ending:
                self._in_loop(
                    self._on_lost, f"{_words_of(error)}; check the serial port and its wiring"
                )
        finally:
            self._hold_off()
            self._in_loop(self._ended.set)

    def _write(self) -> None:
        while self._outgoing:
            self._wait_for(
                self._clear_to_send, "the controller never became ready to receive (CTS)"
            )
            self._rest = self._outgoing.popleft()
            while self._rest:
                self._wait_for(self._write_some, "the serial port takes no more data")

    def _clear_to_send(self) -> bool:
        return self._cts is None or not self._cts.value

    def _write_some(self) -> bool:
        # Some objects return nothing, having written all, others how much they took.
        written = self._uart.write(self._rest)
        if written is not None and not 0 <= written <= len(self._rest):
            raise ValueError(f"the serial object wrote {written} of {len(self._rest)} octets")
        self._rest = b"" if written is None else self._rest[written:]
        return written != 0

    def _wait_for(self, step: Callable[[], bool], otherwise: str) -> None:
        """Try a step until it works, reading meanwhile. Raises: TimeoutError, also when ending."""
        end_s = time.monotonic() + _PATIENCE_S  # on a busy machine a poll takes longer than it says
        while not step():
            if self._ending or time.monotonic() >= end_s:
                raise TimeoutError(otherwise)
            self._read()
            time.sleep(_POLL_S)

    def _read(self) -> bool:
        """Read what has come. Returns: whether there was anything."""
        available = self._uart.in_waiting
        if available <= 0 or self._read_count - self._taken_count >= _MOST_UNTAKEN:
            return False
        data = self._uart.read(min(available, _MAX_READ_OCTETS))
        if data:
            self._read_count += 1
            self._in_loop(self._take, bytes(data))
        return bool(data)

    def _take(self, data: bytes) -> None:
        """Have the parser look at what was read (loop)."""
        self._taken_count += 1
        self._parser.feed_data(data)

    def _hold_off(self) -> None:
        """Tell the controller that nothing is taken any more."""
        if self._rts is not None:
            try:
                self._rts.value = True
            except BaseException as error:
                self._in_loop(self._on_lost, f"{_words_of(error)}; check the pins")

    def _in_loop(self, function: Any, *args: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            self._ending = True  # the loop is closed: nobody listens any more


def _words_of(error: BaseException) -> str:
    """Say what a serial object or a pin has raised, also if it has no words for it."""
    kind = type(error).__name__
    try:
        text = str(error)
    except Exception:
        text = ""
    if isinstance(error, Exception):
        return text or kind
    return f"it raised {kind} ({text})" if text else f"it raised {kind}"
