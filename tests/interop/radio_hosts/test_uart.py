"""CircuitPython's `Adapter(uart=, rts=, cts=)` on a serial line whose other end is a controller."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import _bleio
import pytest
import serial

from support.pair import connect, current, make, until
from support.patience import PATIENCE_S
from support.radio_processes import Radios, listening

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(sys.platform == "win32", reason="of pseudo terminals"),
]


class BusioLike:
    """What Blinka's busio.UART has: read, write and in_waiting, and nothing else."""

    def __init__(self, line: serial.Serial) -> None:
        self._line = line
        self.read = line.read
        self.write = line.write

    @property
    def in_waiting(self) -> int:
        return self._line.in_waiting


@pytest.fixture(params=["pyserial", "busio"])
def on_a_line(request: pytest.FixtureRequest, radios: Radios) -> Iterator[tuple]:
    """An adapter on a serial line, one over TCP, and the radio's process."""
    link = radios.folder / "tty"
    options = ("--listen", f"pty:{link}", "--listen", "tcp:127.0.0.1:0")
    radio = radios.foreground("line", *options)
    port = listening(radio, "tcp:127.0.0.1")
    with serial.Serial(str(link), 1_000_000, timeout=0.1) as line:
        uart = line if request.param == "pyserial" else BusioLike(line)
        adapter = _bleio.Adapter(uart=uart, rts=None, cts=None)
        other = _bleio.Adapter(f"hci:tcp-client:127.0.0.1:{port}")
        yield adapter, other, radio
        adapter.enabled = other.enabled = False


def exchange(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> None:
    """Serve, connect, read, write, notify, pair, disconnect."""
    with current(peripheral):
        service = _bleio.Service(_bleio.UUID(0x180F))
    properties = 0x08 | 0x10 | 0x04
    local = make(service, properties=properties, max_length=300, initial_value=bytes(300))
    pair = connect(central, peripheral)
    remote = pair.remote(local)
    assert remote.value == bytes(300)
    remote.value = b"written" * 40
    assert local.value == b"written" * 40
    heard = _bleio.CharacteristicBuffer(remote, timeout=PATIENCE_S)
    remote.set_cccd(notify=True)
    local.value = b"notified"
    assert heard.read(8) == b"notified"
    pair.outgoing.pair()
    until(lambda: pair.incoming.paired)
    pair.outgoing.disconnect()
    until(lambda: not peripheral.connected and not central.connected)


def test_both_roles(on_a_line: tuple) -> None:
    adapter, other, _ = on_a_line
    exchange(adapter, other)
    exchange(other, adapter)


def test_a_line_that_dies_ends_the_link(on_a_line: tuple) -> None:
    adapter, other, radio = on_a_line
    pair = connect(adapter, other)
    results = adapter.start_scan()
    radio.interrupt()
    until(lambda: not pair.outgoing.connected and not pair.incoming.connected)
    assert adapter.connections == other.connections == ()
    assert adapter.enabled is False
    with pytest.raises(_bleio.BluetoothError):  # after what was heard before
        for entry in results:
            assert entry.rssi < 0
    with pytest.raises(_bleio.BluetoothError):
        adapter.start_scan()


PROGRAM = """
import sys, serial, _bleio
adapter = _bleio.Adapter(uart=serial.Serial(sys.argv[1]))
adapter.start_advertising(b"")
print("advertising", flush=True)
"""


def test_a_program_on_a_line_ends_without_a_word(radios: Radios) -> None:
    link = radios.folder / "tty"
    radio = radios.foreground("line", "--listen", f"pty:{link}")
    listening(radio, "pty")
    program = radios.start("program", "-c", PROGRAM, str(link))
    program.ends_well()
    assert program.lines == ["advertising"]
