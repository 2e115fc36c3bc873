"""The session: what an adapter is, on a backend that the test plays."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from bleio import errors
from bleio.backends.base import AdvertisingParameters, ScanParameters
from bleio.core.address import DeviceAddress
from bleio.core.advertising import Prefixes
from bleio.core.codes import Properties
from bleio.gatt.model import RemoteCharacteristic
from bleio.runtime.scan_buffer import ScanBuffer
from bleio.runtime.session import Session
from support.fake_backend import OWN, PEER, report
from support.patience import PATIENCE_S
from unit.runtime.conftest import Bench

ADVERTISING = AdvertisingParameters(b"\x02\x01\x06")
VALUE = RemoteCharacteristic(bytes.fromhex("192a"), Properties.READ, 0x11, 0x12)
NOWHERE = DeviceAddress(bytes.fromhex("0102030405c0"), random=True)
LOSS = "The controller was unplugged; set adapter.enabled = True to open it again"


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def scan(bench: Bench, timeout_s: float = 0) -> Any:
    buffer = ScanBuffer(bench.session.engine.clock, 512, Prefixes(b""), -80, bench.session.counted)
    bench.session.engine.finish(bench.session.gap.start_scan, ScanParameters(), timeout_s, buffer)
    return buffer


def state(session: Session) -> tuple[bool, bool, tuple[Any, ...]]:
    return session.life.enabled, session.gap.advertising, session.gap.connections.objects


class Blocked:
    """A call in a thread of its own, and how it ended."""

    def __init__(self, function: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self.result: object = None
        self._function = function
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._function()
        except BaseException as error:
            self.error = error

    def join(self) -> BaseException | None:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        return self.error


# --- opening


def test_opens_at_first_use_only(bench: Bench) -> None:
    session = bench.session
    assert state(session) == (True, False, ())
    session.engine.finish(session.gap.stop_advertising)
    session.engine.finish(session.gap.stop_scan)
    session.set_name("desk")
    assert session.engine.finish(session.name) == "desk"
    assert bench.backends == []
    assert session.engine.finish(session.address) == OWN
    assert session.engine.finish(session.address) == OWN
    assert bench.backend.log == ["open"]
    assert bench.backend.device_name == "desk"


def test_many_threads_open_one_backend(bench: Bench) -> None:
    calls = [Blocked(lambda: bench.session.engine.finish(bench.session.address)) for _ in range(20)]
    for call in calls:
        assert call.join() is None
    assert len(bench.backends) == 1


def test_a_backend_that_does_not_open_is_closed_and_tried_again(bench: Bench) -> None:
    bench.next_failing["open"] = errors.ControllerLost("No such device: usb:0")
    for _ in range(2):
        with pytest.raises(errors.BluetoothError, match=r"^No such device: usb:0$"):
            bench.session.engine.finish(bench.session.gap.start_advertising, ADVERTISING, 0)
    assert [backend.log for backend in bench.backends] == [["open", "close"]] * 2
    bench.next_failing.clear()
    bench.session.engine.finish(bench.session.gap.start_advertising, ADVERTISING, 0)


def test_name_comes_from_the_address(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CIRCUITPY_BLE_NAME", raising=False)
    assert bench.session.engine.finish(bench.session.name) == "CIRCUITPY0201"
    monkeypatch.setenv("CIRCUITPY_BLE_NAME", "set later")
    assert bench.session.engine.finish(bench.session.name) == "CIRCUITPY0201"


def test_the_name_is_the_default_again_after_off_and_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CIRCUITPY_BLE_NAME", raising=False)
    session = bench.session
    session.set_name("desk")
    session.engine.finish(session.set_enabled, True)  # it is on: nothing changes
    _ = session.engine.finish(session.address)
    assert (session.engine.finish(session.name), bench.backend.device_name) == ("desk", "desk")
    session.engine.finish(session.set_enabled, False)
    session.set_name("set while off")
    session.engine.finish(session.set_enabled, True)
    assert session.engine.finish(session.name) == "CIRCUITPY0201"
    assert session.server.device_name == "CIRCUITPY0201"
    monkeypatch.setenv("CIRCUITPY_BLE_NAME", "from settings")
    session.engine.finish(session.set_enabled, False)
    session.engine.finish(session.set_enabled, True)
    assert (session.engine.finish(session.name), bench.backend.device_name) == (
        "from settings",
        "from settings",
    )


# --- advertising


def test_advertising_starts_and_stops(bench: Bench) -> None:
    session = bench.session
    session.engine.finish(session.gap.start_advertising, ADVERTISING, 0)
    assert session.gap.advertising
    with pytest.raises(errors.BluetoothError, match=r"^Already advertising\.$"):
        session.engine.finish(session.gap.start_advertising, ADVERTISING, 0)
    session.engine.finish(session.gap.stop_advertising)
    assert not session.gap.advertising
    session.engine.finish(session.gap.stop_advertising)
    assert bench.backend.log == ["open", "start_advertising", "stop_advertising"]


def test_advertising_expires(bench: Bench) -> None:
    bench.session.engine.finish(bench.session.gap.start_advertising, ADVERTISING, 0.02)
    until(lambda: not bench.session.gap.advertising)
    until(lambda: bench.backend.log[-1] == "stop_advertising")
    bench.session.engine.finish(bench.session.gap.start_advertising, ADVERTISING, 0)
    assert bench.session.gap.advertising


def test_a_stopped_timer_does_not_end_the_next_advertising(bench: Bench) -> None:
    bench.session.engine.finish(bench.session.gap.start_advertising, ADVERTISING, 0.05)
    bench.session.engine.finish(bench.session.gap.stop_advertising)
    bench.session.engine.finish(bench.session.gap.start_advertising, ADVERTISING, 0)
    end = time.monotonic() + 0.1
    until(lambda: time.monotonic() > end)
    assert bench.session.gap.advertising


def test_refused_advertising_leaves_nothing_running(bench: Bench) -> None:
    assert bench.session.engine.finish(bench.session.address)
    bench.backend.failing["start_advertising"] = errors.InvalidParameter("")
    with pytest.raises(ValueError, match=r"^Invalid BLE parameter$"):
        bench.session.engine.finish(bench.session.gap.start_advertising, ADVERTISING, 0)
    assert not bench.session.gap.advertising
    bench.backend.failing.clear()
    bench.session.engine.finish(bench.session.gap.start_advertising, ADVERTISING, 0)
    assert bench.session.gap.advertising


def test_advertising_that_ends_while_starting_is_not_running(bench: Bench) -> None:
    """A central can connect before we hear that advertising began."""
    assert bench.session.engine.finish(bench.session.address)
    start = bench.backend.start_advertising

    async def start_and_be_connected_to(parameters: AdvertisingParameters) -> None:
        await start(parameters)
        bench.backend.accept()

    bench.backend.start_advertising = start_and_be_connected_to  # type: ignore[method-assign]
    bench.session.engine.finish(bench.session.gap.start_advertising, ADVERTISING, 0)
    assert not bench.session.gap.advertising
    assert len(bench.session.gap.connections.objects) == 1


def test_advertising_is_off_when_connected_is_on_for_one_who_spins(bench: Bench) -> None:
    session = bench.session
    session.engine.finish(session.gap.start_advertising, ADVERTISING, 0)
    session.engine.post(lambda: bench.backend.accept())
    while not session.gap.connections.objects:
        pass
    assert not session.gap.advertising


# --- links


def test_one_object_per_link(bench: Bench) -> None:
    session = bench.session
    connection = session.engine.finish(session.gap.connect, PEER, 0)
    assert session.gap.connections.objects == (connection,)
    assert session.gap.connections.objects[0] is connection
    assert session.gap.connections.of(bench.link()) is connection
    link = bench.link()
    session.engine.call(link.disconnect)
    assert session.gap.connections.objects == session.gap.connections.links == ()
    assert session.gap.connections.of(link) is None
    assert session.engine.finish(session.gap.connect, PEER, 0) is not connection


def test_connect_fails_in_time(bench: Bench) -> None:
    with pytest.raises(errors.BluetoothError, match=r"^Failed to connect: timeout\n"):
        bench.session.engine.finish(bench.session.gap.connect, NOWHERE, 0.01)


def test_connect_ends_the_scan(bench: Bench) -> None:
    results = scan(bench)
    bench.session.engine.finish(bench.session.gap.connect, PEER, 0)
    assert results.take() is None
    assert bench.backend.log == ["open", "start_scan", "stop_scan", "connect"]


# --- scanning


def test_a_scan_gives_reports_until_stopped(bench: Bench) -> None:
    results = scan(bench)
    with pytest.raises(errors.BluetoothError, match=r"^Scan already in progress"):
        scan(bench)
    bench.session.engine.run(bench.backend.events.reported, report())
    bench.session.engine.run(bench.backend.events.reported, report(b"\x01\x09"))
    assert results.take() == report()
    bench.session.engine.finish(bench.session.gap.stop_scan)
    bench.session.engine.run(bench.backend.events.reported, report())
    assert results.take() == report(b"\x01\x09")
    assert results.take() is None


def test_a_finished_scan_needs_no_stop(bench: Bench) -> None:
    assert scan(bench, 0.01).take() is None
    scan(bench)
    assert bench.backend.log == ["open", "start_scan", "stop_scan", "start_scan"]


# --- off, on, lost


def test_disabling_ends_everything(bench: Bench) -> None:
    session = bench.session
    connection = session.engine.finish(session.gap.connect, PEER, 0)
    results = scan(bench)
    session.engine.finish(session.gap.start_advertising, ADVERTISING, 0)
    session.engine.finish(session.set_enabled, False)
    assert state(session) == (False, False, ())
    assert not connection[1].connected
    assert results.take() is None
    assert bench.backend.log[-1] == "close"
    for operation in (
        lambda: session.engine.finish(session.gap.start_advertising, ADVERTISING, 0),
        lambda: scan(bench),
        lambda: session.engine.finish(session.gap.connect, PEER, 0),
    ):
        with pytest.raises(errors.BluetoothError, match=r"^Adapter not enabled$"):
            operation()
    session.engine.finish(session.gap.stop_advertising)
    session.engine.finish(session.gap.stop_scan)
    assert session.engine.finish(session.address) == OWN
    assert len(bench.backends) == 1


def test_a_scan_whose_radio_is_lost_raises_what_uses_raise(bench: Bench) -> None:
    session = bench.session
    results = scan(bench)
    session.engine.run(bench.backend.events.reported, report())
    waiting = Blocked(lambda: [results.take(), results.take()])
    session.engine.run(bench.backend.lose)
    assert isinstance(error := waiting.join(), errors.BluetoothError)
    with pytest.raises(errors.BluetoothError) as again:
        results.take()
    with pytest.raises(errors.BluetoothError) as of_use:
        session.engine.finish(session.gap.start_advertising, ADVERTISING, 0)
    assert str(again.value) == str(of_use.value) == str(error) == LOSS


def test_a_scan_that_was_over_before_its_radio_was_lost_ends_quietly(bench: Bench) -> None:
    results = scan(bench)
    bench.session.engine.finish(bench.session.gap.stop_scan)
    bench.session.engine.run(bench.backend.lose)
    assert results.take() is None


def test_bonds_are_erased_while_the_adapter_is_off(bench: Bench) -> None:
    session = bench.session
    session.engine.finish(session.set_enabled, False)
    session.engine.finish(session.erase_bonds)
    assert bench.backend.log == ["open", "erase_bonds", "close"]
    assert state(session) == (False, False, ())
    session.engine.finish(session.set_enabled, True)
    assert bench.backend.log == ["open"]
    session.engine.finish(session.set_enabled, False)
    bench.next_failing["erase_bonds"] = errors.CallerError("no")
    with pytest.raises(errors.BluetoothError, match=r"^no$"):
        session.engine.finish(session.erase_bonds)
    assert bench.backend.log == ["open", "erase_bonds", "close"]
    bench.next_failing["open"] = errors.ControllerLost("No such device: usb:0")
    with pytest.raises(errors.BluetoothError, match=r"^No such device: usb:0$"):
        session.engine.finish(session.erase_bonds)
    assert not session.life.enabled


def test_an_adapter_that_is_off_from_the_start_has_name_and_address(bench: Bench) -> None:
    session = bench.session
    session.engine.finish(session.set_enabled, False)
    assert (session.engine.finish(session.name), session.engine.finish(session.address)) == (
        "CIRCUITPY0201",
        OWN,
    )
    assert bench.backend.log == ["open", "close"]
    assert not session.life.enabled
    with pytest.raises(errors.BluetoothError, match=r"^Adapter not enabled$"):
        session.engine.finish(session.gap.start_advertising, ADVERTISING, 0)
    session.engine.finish(session.set_enabled, True)
    assert session.engine.finish(session.address) == OWN
    assert [backend.log for backend in bench.backends] == [["open", "close"], ["open"]]


def test_enabling_opens_anew_and_resumes_nothing(bench: Bench) -> None:
    session = bench.session
    other = DeviceAddress(bytes.fromhex("a102030405c6"), random=True)
    session.engine.finish(session.set_address, other)
    session.set_name("not kept")
    session.engine.finish(session.gap.start_advertising, ADVERTISING, 0)
    session.engine.finish(session.set_enabled, False)
    session.engine.finish(session.set_enabled, True)
    session.engine.finish(session.set_enabled, True)
    assert len(bench.backends) == 2
    assert bench.backend.log == ["open"]
    assert (session.gap.advertising, session.engine.finish(session.address)) == (False, other)


def test_enabling_fails_with_the_backends_sentence(bench: Bench) -> None:
    bench.session.engine.finish(bench.session.set_enabled, False)
    bench.next_failing["open"] = errors.ControllerLost("No such device: usb:0")
    with pytest.raises(errors.BluetoothError, match=r"^No such device: usb:0$"):
        bench.session.engine.finish(bench.session.set_enabled, True)
    assert not bench.session.life.enabled


@pytest.mark.parametrize("how", ["lost", "disabled"])
def test_whoever_waits_is_woken(bench: Bench, how: str) -> None:
    session = bench.session
    session.engine.finish(session.gap.connect, PEER, 0)
    link = bench.link()
    reading = [Blocked(lambda: session.engine.call(link.read, VALUE)) for _ in range(3)]
    until(lambda: len(link.reads) == 3)  # type: ignore[attr-defined]
    connecting = Blocked(lambda: session.engine.finish(session.gap.connect, NOWHERE, 0))
    until(lambda: bench.backend.log.count("connect") == 2)
    scanning = Blocked(scan(bench).take)
    if how == "lost":
        session.engine.run(bench.backend.lose)
    else:
        session.engine.finish(session.set_enabled, False)
    for call in reading:
        error = call.join()
        assert isinstance(error, errors.ConnectionError)
        assert str(error) == "Not connected"
    error = connecting.join()
    assert type(error) is errors.BluetoothError
    assert str(error) == (LOSS if how == "lost" else "Adapter not enabled")
    ended = scanning.join()
    assert (ended and str(ended)) == (LOSS if how == "lost" else None)
    assert scanning.result is None


def test_after_a_loss_enabling_reopens(bench: Bench) -> None:
    session = bench.session
    session.engine.finish(session.gap.start_advertising, ADVERTISING, 0)
    session.engine.run(bench.backend.lose)
    assert state(session) == (False, False, ())
    with pytest.raises(errors.BluetoothError) as caught:
        session.engine.finish(session.gap.start_advertising, ADVERTISING, 0)
    assert str(caught.value) == LOSS
    session.engine.finish(session.set_enabled, True)
    assert [backend.log[-1] for backend in bench.backends] == ["close", "open"]
    session.engine.finish(session.gap.start_advertising, ADVERTISING, 0)
    assert session.gap.advertising


def test_the_server_outlives_the_controller(bench: Bench) -> None:
    session = bench.session
    session.engine.finish(session.gap.start_advertising, ADVERTISING, 0)
    server = bench.backend.server
    session.engine.finish(session.set_enabled, False)
    session.engine.finish(session.set_enabled, True)
    assert bench.backend.server is server is session.server
