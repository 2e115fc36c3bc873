"""A controller behind a serial object, with CircuitPython's flow control pins."""

from __future__ import annotations

import asyncio
import threading

import pytest

from bleio.backends.base import ScanParameters
from bleio.backends.hci import HciBackend
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.controller.uart import UartPort
from bleio.backends.hci.counters import HciCounters
from bleio.core.hci import Event
from bleio.errors import ControllerLost
from support.hci.engine import Engine, asynchronous, until
from support.hci.script import ScriptedController, event


class Pin:
    def __init__(self, value: bool) -> None:
        self.value = value


class Uart:
    """A serial object with a socket behind it, as pyserial and Blinka give them: it may block."""

    def __init__(self, transport: str) -> None:
        import socket

        host, port = transport.removeprefix("tcp-client:").rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        self.received = bytearray()
        self.lock = threading.Lock()
        self.broken: BaseException | None = None
        self.largest_write = 7  # writes are cut, as those of a port with a small buffer
        self.threads: set[str] = set()
        self.reader = threading.Thread(target=self._receive, daemon=True)
        self.reader.start()

    def _receive(self) -> None:
        while data := self.socket.recv(64):
            with self.lock:
                self.received += data

    @property
    def in_waiting(self) -> int:
        if self.broken is not None:
            raise self.broken
        return len(self.received)

    def read(self, nbytes: int) -> bytes:
        with self.lock:
            data = bytes(self.received[:nbytes])
            del self.received[:nbytes]
        return data

    def write(self, data: bytes) -> int:
        self.threads.add(threading.current_thread().name)
        return self.socket.send(data[: self.largest_write])

    def close(self) -> None:
        import socket

        self.socket.shutdown(socket.SHUT_RDWR)
        self.reader.join()
        self.socket.close()


@asynchronous
async def test_a_serial_object_with_pins() -> None:
    async with ScriptedController() as controller:
        uart = await asyncio.to_thread(Uart, controller.transport)
        rts, cts = Pin(True), Pin(False)
        engine = Engine()
        backend = HciBackend(uart, rts=rts, cts=cts)
        await backend.open(engine.server, "host", engine)
        assert rts.value is False  # we take data
        await backend.start_scan(ScanParameters())
        assert controller.sent(Opcode.LE_SET_SCAN_ENABLE) == [b"\x01\x00"]
        assert uart.threads == {"bleio-uart"}
        await backend.close()
        assert rts.value is True
        await asyncio.to_thread(uart.close)


@asynchronous
async def test_nothing_is_written_until_clear_to_send() -> None:
    async with ScriptedController() as controller:
        uart = await asyncio.to_thread(Uart, controller.transport)
        cts = Pin(True)
        engine = Engine()
        backend = HciBackend(uart, cts=cts)
        opening = asyncio.ensure_future(backend.open(engine.server, "host", engine))
        await asyncio.sleep(0.1)
        assert controller.commands == []
        cts.value = False
        await opening
        await backend.close()
        await asyncio.to_thread(uart.close)


@asynchronous
async def test_a_controller_that_is_never_clear_to_send() -> None:
    async with ScriptedController() as controller:
        uart = await asyncio.to_thread(Uart, controller.transport)
        engine = Engine()
        with pytest.raises(ControllerLost, match=r"never became ready to receive \(CTS\)"):
            await HciBackend(uart, cts=Pin(True)).open(engine.server, "host", engine)
        await asyncio.to_thread(uart.close)


@asynchronous
async def test_a_serial_object_that_breaks() -> None:
    async with ScriptedController() as controller:
        uart = await asyncio.to_thread(Uart, controller.transport)
        engine = Engine()
        backend = HciBackend(uart)
        await backend.open(engine.server, "host", engine)
        uart.broken = OSError("device reports readiness to read but returned no data")
        await until(lambda: engine.error)
        assert "The controller at the serial port is lost: device reports" in str(engine.error)
        await backend.close()
        await asyncio.to_thread(uart.close)


class Wordless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class ExitingPin(Pin):
    """A pin whose setter ends the program, or so it thinks."""

    def __setattr__(self, name: str, value: bool) -> None:
        if value is True:
            raise SystemExit("the pin is gone")
        super().__setattr__(name, value)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (SystemExit(3), "it raised SystemExit (3); check the serial port"),
        (KeyboardInterrupt(), "it raised KeyboardInterrupt; check the serial port"),
        (GeneratorExit(), "it raised GeneratorExit; check"),
        (OSError(), "OSError; check the serial port"),
        (Wordless(), "Wordless; check the serial port"),
    ],
    ids=["exit", "Ctrl-C", "neither", "no text", "no words"],
)
@asynchronous
async def test_whatever_a_serial_object_raises_is_told(broken: BaseException, words: str) -> None:
    async with ScriptedController() as controller:
        uart = await asyncio.to_thread(Uart, controller.transport)
        engine = Engine()
        backend = HciBackend(uart, command_timeout_s=60.0)
        await backend.open(engine.server, "host", engine)
        controller.answers[Opcode.LE_SET_SCAN_PARAMETERS] = lambda _: None
        scanning = asyncio.ensure_future(backend.start_scan(ScanParameters()))
        uart.broken = broken
        with pytest.raises(ControllerLost) as caught:
            await scanning
        assert str(caught.value).startswith("The controller at the serial port is lost: " + words)
        await until(lambda: not uart_threads())
        await backend.close()
        await asyncio.to_thread(uart.close)


class Silent:
    """Has nothing to read, and is told by `returned` what writing returns."""

    in_waiting = 0

    def __init__(self, returned: int) -> None:
        self.returned = returned
        self.writes = 0

    def read(self, nbytes: int) -> bytes:
        return b""

    def write(self, data: bytes) -> int:
        self.writes += 1
        return self.returned


@pytest.mark.parametrize("returned", [-1, 100])
@asynchronous
async def test_a_serial_object_that_cannot_count(returned: int) -> None:
    engine = Engine()
    uart = Silent(returned)
    backend = HciBackend(uart, command_timeout_s=60.0)
    with pytest.raises(ControllerLost, match=f"the serial object wrote {returned} of 4 octets"):
        await asyncio.wait_for(backend.open(engine.server, "host", engine), 10)
    assert uart.writes == 1


class Endless:
    """Has always more to read, as fast as memory is."""

    in_waiting = 4096

    def __init__(self) -> None:
        self.reads = 0

    def read(self, nbytes: int) -> bytes:
        self.reads += 1
        return NOTHING_MAY_BE_SENT * (nbytes // len(NOTHING_MAY_BE_SENT))

    def write(self, data: bytes) -> int:
        return len(data)


NOTHING_MAY_BE_SENT = event(Event.COMMAND_STATUS, bytes(4))


@asynchronous
async def test_a_serial_object_without_end_leaves_the_loop_its_turns() -> None:
    engine = Engine()
    uart = Endless()
    opening = asyncio.ensure_future(
        HciBackend(uart, command_timeout_s=0.3).open(engine.server, "host", engine)
    )
    turns = 0
    while not opening.done():
        before = uart.reads
        await asyncio.sleep(0)
        turns += 1
        assert uart.reads - before <= 2 * 16  # what was there, and as much again
    with pytest.raises(ControllerLost, match="did not answer a command"):
        await opening
    assert turns > 3
    await until(lambda: not uart_threads())


@asynchronous
async def test_a_pin_that_ends_the_thread() -> None:
    lost: list[str] = []
    port = UartPort(Silent(4), ExitingPin(False), None, print, lost.append, HciCounters())
    await port.close()
    assert lost == ["it raised SystemExit (the pin is gone); check the pins"]


@asynchronous
async def test_a_port_that_takes_nothing_any_more_is_lost() -> None:
    async with ScriptedController() as controller:
        uart = await asyncio.to_thread(Uart, controller.transport)
        engine = Engine()
        backend = HciBackend(uart)
        await backend.open(engine.server, "host", engine)
        uart.largest_write = 0
        scanning = asyncio.ensure_future(backend.start_scan(ScanParameters()))
        with pytest.raises(ControllerLost, match="the serial port takes no more data"):
            await scanning
        await until(lambda: not uart_threads())
        await backend.close()
        await asyncio.to_thread(uart.close)


@asynchronous
async def test_a_port_that_takes_nothing_does_not_keep_the_thread_from_ending() -> None:
    async with ScriptedController() as controller:
        uart = await asyncio.to_thread(Uart, controller.transport)
        engine = Engine()
        backend = HciBackend(uart)
        await backend.open(engine.server, "host", engine)
        uart.largest_write = 0
        await backend.close()  # which sends a reset
        await until(lambda: not uart_threads())
        await asyncio.to_thread(uart.close)


def uart_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "bleio-uart"]
