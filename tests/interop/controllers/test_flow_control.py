"""The pins of CircuitPython's `Adapter(uart=, rts=, cts=)`, on a line to a real controller."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import _bleio
import pytest
import serial

from support.pair import DEADLINE_S, until
from support.radio_processes import Radios, listening

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(sys.platform == "win32", reason="of pseudo terminals"),
]


class Pin:
    """A pin as digitalio has it, and what was seen on it."""

    def __init__(self, value: bool) -> None:
        self._value = value
        self.set_to: list[bool] = []
        self.looks = 0

    @property
    def value(self) -> bool:
        self.looks += 1
        return self._value

    @value.setter
    def value(self, value: bool) -> None:
        self.set_to.append(value)
        self._value = value


class Line:
    """A serial line that gives little at a time and counts what was written."""

    def __init__(self, line: serial.Serial) -> None:
        self._line = line
        self.written = 0

    @property
    def in_waiting(self) -> int:
        return min(self._line.in_waiting, 3)

    def read(self, nbytes: int) -> bytes | None:
        return self._line.read(nbytes) or None  # as busio says that there is nothing

    def write(self, data: bytes) -> int:
        written = self._line.write(data[:5])
        self.written += written
        return written


@pytest.fixture
def line(radios: Radios) -> Iterator[Line]:
    link = radios.folder / "tty"
    radio = radios.foreground("line", "--listen", f"pty:{link}")
    listening(radio, "pty")
    with serial.Serial(str(link), 1_000_000, timeout=0) as port:
        yield Line(port)


def test_rts_is_low_while_the_adapter_is_on(line: Line) -> None:
    rts, cts = Pin(True), Pin(False)
    adapter = _bleio.Adapter(uart=line, rts=rts, cts=cts)
    assert rts.set_to == []
    assert adapter.address.address_bytes
    assert rts.set_to == [False]
    assert cts.looks > 0 and cts.set_to == []
    adapter.enabled = False
    assert rts.set_to == [False, True]
    adapter.enabled = True
    assert adapter.address.address_bytes
    assert rts.set_to == [False, True, False]
    adapter.enabled = False


def test_nothing_is_written_while_cts_is_high(line: Line) -> None:
    rts, cts = Pin(True), Pin(True)
    adapter = _bleio.Adapter(uart=line, rts=rts, cts=cts)
    with pytest.raises(_bleio.BluetoothError, match=r"CTS.*check the serial port and its wiring"):
        adapter.start_scan()
    assert line.written == 0
    assert rts.set_to == [False, True]
    cts.value = False
    adapter.start_advertising(b"\x02\x01\x06")
    assert line.written > 0
    adapter.stop_advertising()
    adapter.enabled = False


def test_a_controller_that_stops_taking_is_lost(line: Line) -> None:
    cts = Pin(False)
    adapter = _bleio.Adapter(uart=line, rts=None, cts=cts)
    adapter.start_advertising(b"\x02\x01\x06")
    cts.value = True
    with pytest.raises(_bleio.BluetoothError, match="CTS"):
        adapter.connect(_bleio.Address(bytes.fromhex("0102030405c6"), 1), timeout=DEADLINE_S)
    until(lambda: not adapter.enabled)
    assert adapter.advertising is False
    cts.value = False
    adapter.enabled = True
    assert adapter.enabled is True
    adapter.start_advertising(b"\x02\x01\x06")
    adapter.enabled = False
