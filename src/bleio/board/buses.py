"""`busio`, and what a test hangs on a bus: I2C devices, the far end of a serial line."""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping
from typing import Any, Protocol

from bleio.board.pins import Claim, Pin

_MOST_UNREAD = 4096  # of a serial line; what comes beyond is lost and counted
_STANDARD_GRAVITY = 9.80665


class I2CDevice(Protocol):
    """A device on an I2C bus."""

    def write(self, octets: bytes) -> None:
        """Take what a controller writes to it, often the number of a register first."""
        ...

    def read(self, size: int) -> bytes:
        """Return what a controller reads now, `size` octets."""
        ...


class Registers:
    """An I2C device of registers, the kind that most sensors are.

    A write begins with a register's number and goes on with what to put there and after it; a read
    starts at the number that was written last. `octets` can be changed at any time.

    Args: octets: what registers have, by number; all others are 0. auto_increment: a bit of the
        number that is no part of it, as 0x80 on sensors of ST.
    """

    def __init__(self, octets: Mapping[int, int] | None = None, auto_increment: int = 0) -> None:
        self.octets = bytearray(256)
        for number, value in (octets or {}).items():
            self.octets[number] = value
        self._flag = auto_increment
        self._at = 0

    def write(self, octets: bytes) -> None:
        """Take a register's number, and what to put there and after it."""
        if octets:
            self._at = octets[0] & ~self._flag & 0xFF
            for value in octets[1:]:
                self.octets[self._at] = value
                self._at = (self._at + 1) & 0xFF

    def read(self, size: int) -> bytes:
        """Return registers from the current one on."""
        octets = bytes(self.octets[(self._at + index) & 0xFF] for index in range(size))
        self._at = (self._at + size) & 0xFF
        return octets


class Accelerometer(Registers):
    """The LIS3DH of a Circuit Playground, as far as Adafruit's driver asks."""

    ADDRESS = 0x19
    _WHO_AM_I, _CONTROL_4, _OUT = 0x0F, 0x23, 0x28
    _LSB_PER_G = (16_380, 8_190, 4_096, 1_365)  # by the range in CTRL_REG4, as the driver divides

    def __init__(self) -> None:
        super().__init__({self._WHO_AM_I: 0x33}, auto_increment=0x80)
        self.acceleration: tuple[float, float, float] = (0.0, 0.0, _STANDARD_GRAVITY)
        """Along x, y and z in m/s²; rw."""

    def read(self, size: int) -> bytes:
        """Return registers; those of acceleration are measured now."""
        per_g = self._LSB_PER_G[self.octets[self._CONTROL_4] >> 4 & 3]
        counts = (round(each / _STANDARD_GRAVITY * per_g) for each in self.acceleration)
        measured = struct.pack("<3h", *(max(-0x8000, min(0x7FFF, each)) for each in counts))
        self.octets[self._OUT : self._OUT + 6] = measured
        return super().read(size)


class I2CBus(dict[int, I2CDevice]):
    """The devices on a board's I2C buses, by address: `board.i2c[0x44] = Registers()`."""

    def __init__(self) -> None:
        super().__init__()
        self.holder: object = None  # of the lock

    def reset(self) -> None:
        """Power went."""
        self.holder = None


class SerialLine:
    """The far end of a board's serial line."""

    def __init__(self) -> None:
        self.sent = bytearray()
        """What the program has written; yours to clear."""
        self.lost_octets = 0
        """What came when 4096 octets were unread."""
        self._unread = bytearray()

    def send(self, octets: bytes) -> None:
        """Let the program read this."""
        room = _MOST_UNREAD - len(self._unread)
        self._unread += octets[:room]
        self.lost_octets += len(octets[room:])

    def take(self, size: int) -> bytes:
        """Return what the program reads now, at most `size` octets."""
        taken = bytes(self._unread[:size])
        del self._unread[:size]
        return taken

    @property
    def unread(self) -> bytes:
        """What the program has not read yet."""
        return bytes(self._unread)


class I2C(Claim):
    """`busio.I2C`: the controller of the bus. What is not on it answers with OSError ENODEV."""

    def __init__(self, scl: Pin, sda: Pin, *, frequency: int = 100_000, timeout: int = 255) -> None:
        if frequency <= 0 or timeout < 0:
            raise ValueError("frequency must be above 0, and timeout not below it")
        super().__init__(scl, sda)
        self._bus = scl.board.i2c

    def try_lock(self) -> bool:
        """Take the bus; False if it is taken."""
        self._check()
        if self._bus.holder is not None:
            return False
        self._bus.holder = self
        return True

    def unlock(self) -> None:
        """Let go of the bus."""
        self._check()
        self._bus.holder = None

    def scan(self) -> list[int]:
        """Return the addresses that answer."""
        self._held()
        return sorted(self._bus)

    def writeto(self, address: int, buffer: Any, *, start: int = 0, end: int | None = None) -> None:
        """Write octets to a device."""
        self._device(address).write(bytes(memoryview(buffer)[start:end]))

    def readfrom_into(
        self, address: int, buffer: Any, *, start: int = 0, end: int | None = None
    ) -> None:
        """Read from a device until the buffer is full."""
        view = memoryview(buffer)[start:end]
        view[:] = self._device(address).read(len(view))

    def writeto_then_readfrom(
        self,
        address: int,
        out_buffer: Any,
        in_buffer: Any,
        *,
        out_start: int = 0,
        out_end: int | None = None,
        in_start: int = 0,
        in_end: int | None = None,
    ) -> None:
        """Write, then read without letting go of the bus."""
        self.writeto(address, out_buffer, start=out_start, end=out_end)
        self.readfrom_into(address, in_buffer, start=in_start, end=in_end)

    def deinit(self) -> None:
        """Free the pins and the bus."""
        if getattr(self, "_bus", None) is not None and self._bus.holder is self:
            self._bus.holder = None
        super().deinit()

    def _device(self, address: int) -> I2CDevice:
        self._held().board.look()
        try:
            return self._bus[address]
        except KeyError:
            raise OSError(errno.ENODEV, "No such device") from None

    def _held(self) -> Pin:
        pin = self._pin()
        if self._bus.holder is not self:
            raise RuntimeError("Function requires lock")
        return pin


class UART(Claim):
    """`busio.UART`: a serial line, to `board.uart` of the test."""

    def __init__(
        self,
        tx: Pin | None = None,
        rx: Pin | None = None,
        *,
        baudrate: int = 9600,
        timeout: float = 1.0,
    ) -> None:
        if baudrate <= 0 or timeout < 0:
            raise ValueError("baudrate must be above 0, and timeout not below it")
        if tx is None and rx is None:
            raise ValueError("tx and rx cannot both be None")
        super().__init__(tx, rx)
        self._board = self._pins[0].board
        self._line = self._board.uart
        self.baudrate = baudrate
        self.timeout = timeout
        """How many seconds a read waits for the next octet."""

    @property
    def in_waiting(self) -> int:
        """How many octets can be read at once."""
        self._look()
        return len(self._line.unread)

    def read(self, nbytes: int | None = None) -> bytes | None:
        """Read `nbytes` octets, or what comes until `timeout` passes without any; None if none."""
        most = _MOST_UNREAD if nbytes is None else nbytes
        return self._collect(most, until=None)

    def readinto(self, buf: Any) -> int | None:
        """Read into a buffer. Returns: how many octets; None if none came."""
        octets = self._collect(len(buf), until=None)
        if octets is None:
            return None
        memoryview(buf)[: len(octets)] = octets
        return len(octets)

    def readline(self) -> bytes | None:
        """Read to the end of a line, or what comes until `timeout`; None if nothing."""
        return self._collect(_MOST_UNREAD, until=ord("\n"))

    def write(self, buf: Any) -> int:
        """Write octets. Returns: how many."""
        self._check()
        self._line.sent += bytes(buf)
        return len(buf)

    def reset_input_buffer(self) -> None:
        """Drop what is unread."""
        self._check()
        self._line.take(_MOST_UNREAD)

    def _collect(self, most: int, until: int | None) -> bytes | None:
        octets, idle_since_us = bytearray(), self._board.now_us()
        while len(octets) < most and not (octets and octets[-1] == until):
            self._look()
            if octet := self._line.take(1):
                octets += octet
                idle_since_us = self._board.now_us()
            elif self._board.now_us() - idle_since_us >= self.timeout * 1e6:
                break
        return bytes(octets) or None

    def _look(self) -> None:
        self._check()
        self._board.look()
