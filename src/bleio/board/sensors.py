"""What a test hangs on a board's I2C bus: devices of registers, an accelerometer."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Protocol

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
