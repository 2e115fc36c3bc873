"""`busio.I2C` and `busio.SPI`, and the buses that a test hangs devices on."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from bleio.board.pins import Claim, Pin
from bleio.board.sensors import I2CDevice


class Holder:
    """Which object of the program has a bus."""

    def __init__(self) -> None:
        self.object: object = None


class I2CBus(dict[int, I2CDevice]):
    """The devices on a board's I2C buses, by address: `board.i2c[0x44] = Registers()`."""

    def __init__(self) -> None:
        super().__init__()
        self.holder = Holder()

    def reset(self) -> None:
        """Power went."""
        self.holder.object = None


class SPIBus:
    """What is on a board's SPI bus: `board.spi.device`, a function of the octets that are sent.

    It returns those that come back meanwhile; without a device these are zeros.
    """

    __slots__ = ("device", "holder")

    def __init__(self) -> None:
        self.holder = Holder()
        self.device: Callable[[bytes], bytes] = _no_device

    def exchange(self, octets: bytes) -> bytes:
        """Return what comes back. Raises: ValueError if the device returns another number."""
        back = self.device(octets)
        if len(back) != len(octets):
            raise ValueError(
                f"board.spi.device returned {len(back)} octets for {len(octets)} that were sent"
            )
        return back

    def reset(self) -> None:
        """Power went."""
        self.holder.object = None


def _no_device(octets: bytes) -> bytes:
    return bytes(len(octets))


class _Shared(Claim):
    """A bus that several drivers of a program take in turn, by `try_lock`."""

    _holder: Holder

    def try_lock(self) -> bool:
        """Take the bus; False if it is taken."""
        self._check()
        if self._holder.object is not None:
            return False
        self._holder.object = self
        return True

    def unlock(self) -> None:
        """Let go of the bus."""
        self._check()
        self._holder.object = None

    def deinit(self) -> None:
        """Free the pins and the bus."""
        if hasattr(self, "_holder") and self._holder.object is self:
            self._holder.object = None
        super().deinit()

    def _held(self) -> Pin:
        pin = self._pin()
        if self._holder.object is not self:
            raise RuntimeError("Function requires lock")
        return pin


class I2C(_Shared):
    """`busio.I2C`: the controller of the bus. What is not on it answers with OSError ENODEV."""

    def __init__(self, scl: Pin, sda: Pin, *, frequency: int = 100_000, timeout: int = 255) -> None:
        if frequency <= 0 or timeout < 0:
            raise ValueError("frequency must be above 0, and timeout not below it")
        super().__init__(scl, sda)
        self._bus = scl.board.i2c
        self._holder = self._bus.holder

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
        octets = self._device(address).read(len(view))
        if len(octets) != len(view):
            raise ValueError(
                f"board.i2c[0x{address:02x}].read({len(view)}) returned {len(octets)} octets"
            )
        view[:] = octets

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

    def _device(self, address: int) -> I2CDevice:
        self._held().board.look()
        try:
            return self._bus[address]
        except KeyError:
            raise OSError(errno.ENODEV, "No such device") from None


class SPI(_Shared):
    """`busio.SPI`: the controller of the bus, to `board.spi` of the test."""

    def __init__(
        self,
        clock: Pin,
        MOSI: Pin | None = None,
        MISO: Pin | None = None,
        *,
        half_duplex: bool = False,
    ) -> None:
        if half_duplex:
            raise NotImplementedError("A pretend board's SPI has two data lines")
        super().__init__(clock, MOSI, MISO)
        self._bus = clock.board.spi
        self._holder = self._bus.holder
        self.frequency = 100_000
        """In Hz."""

    def configure(
        self, *, baudrate: int = 100_000, polarity: int = 0, phase: int = 0, bits: int = 8
    ) -> None:
        """Set the clock's rate. The device on the bus takes any polarity and phase."""
        self._held()
        if baudrate <= 0 or polarity not in (0, 1) or phase not in (0, 1) or bits != 8:
            raise ValueError("SPI wants a baudrate above 0, polarity and phase 0 or 1, and 8 bits")
        self.frequency = baudrate

    def write(self, buffer: Any, *, start: int = 0, end: int | None = None) -> None:
        """Send octets."""
        self._exchange(bytes(memoryview(buffer)[start:end]))

    def readinto(
        self, buffer: Any, *, start: int = 0, end: int | None = None, write_value: int = 0
    ) -> None:
        """Fill a buffer while `write_value` is sent."""
        view = memoryview(buffer)[start:end]
        view[:] = self._exchange(bytes([write_value]) * len(view))

    def write_readinto(
        self,
        out_buffer: Any,
        in_buffer: Any,
        *,
        out_start: int = 0,
        out_end: int | None = None,
        in_start: int = 0,
        in_end: int | None = None,
    ) -> None:
        """Send octets, and fill a buffer of the same size with what comes meanwhile."""
        out, into = (
            memoryview(out_buffer)[out_start:out_end],
            memoryview(in_buffer)[in_start:in_end],
        )
        if len(out) != len(into):
            raise ValueError("buffer slices must be of equal length")
        into[:] = self._exchange(bytes(out))

    def _exchange(self, octets: bytes) -> bytes:
        self._held().board.look()
        return self._bus.exchange(octets)
