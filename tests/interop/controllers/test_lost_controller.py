"""A radio that dies while calls wait for it: each wakes with its error, and all can be taken up."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import _bleio
import pytest

from bleio.runtime.clock import Clock
from support.pair import Pair, connect, current, make, raises, until
from support.processes import Program
from support.radio_processes import Radios, holds_within, listening

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(sys.platform != "linux", reason="stops and kills processes"),
]

PROMPTLY_S = 25.0  # well below what they would wait for if nothing woke them: ATT and SMP 30 s
NOWHERE = _bleio.Address(bytes.fromhex("0102030405c6"), _bleio.Address.RANDOM_STATIC)
NOT_CONNECTED = "Not connected"
DISCONNECTED = (
    "Connection has been disconnected and can no longer be used. Create a new connection."
)
DECLINED = (
    "Unspecified issue. The pairing request on the other device may have been declined or ignored."
)
LOST = r"^The controller at .* is lost: .*; set adapter\.enabled = True to open it again$"
UUIDS = {"value": 0x2A19, "stream": 0x2A1C, "packets": 0x2A1D}


class Waiting:
    """A call in a thread of its own, which waits there when this is made."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._result: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        until(self._waits_or_ended, "the call to wait")
        assert self._thread.is_alive(), (self._result, self._error)

    def _run(self) -> None:
        try:
            self._result = self._function()
        except BaseException as error:
            self._error = error

    def _waits_or_ended(self) -> bool:
        frame = sys._current_frames().get(self._thread.ident or 0)
        while frame is not None:
            if frame.f_code in (Clock.wait_for.__code__, Clock.wait_for_flag.__code__):
                return True
            frame = frame.f_back
        return not self._thread.is_alive()

    def ends(self, by: float) -> Any:
        """Wait until it ends, at `by` of the monotonic clock; give its result or raise."""
        self._thread.join(max(0.0, by - time.monotonic()))
        assert not self._thread.is_alive(), "it waits still"
        if self._error is not None:
            raise self._error
        return self._result


class Way:
    """A radio of our own, and how adapters get to it."""

    def __init__(self, kind: str, radios: Radios) -> None:
        self.kind = kind
        self._radios = radios
        self._folder = radios.folder
        self._port = 0
        self.radio: Program | None = None
        if kind != "virtual":  # that one starts on demand
            self.start()

    def start(self) -> None:
        """Start the radio."""
        listen = [f"unix:{self._folder / 'hci'}", f"tcp:127.0.0.1:{self._port}"]
        listen += [f"pty:{self._folder / 'tty'}{index}" for index in (0, 1)]
        options = [word for address in listen for word in ("--listen", address)]
        self.radio = self._radios.foreground("lossy", *options)
        self._port = int(listening(self.radio, "tcp:127.0.0.1"))
        self.radio.says("^Ready")

    def adapter(self, index: int) -> _bleio.Adapter:
        return _bleio.Adapter(
            {
                "virtual": "virtual:lossy",
                "tcp": f"hci:tcp-client:127.0.0.1:{self._port}",
                "unix": f"hci:unix:{self._folder / 'hci'}",
                "serial": f"hci:serial:{self._folder / f'tty{index}'},1000000",
            }[self.kind]
        )

    def process_id(self) -> int:
        process_id = self._radios.process_id("lossy")
        assert process_id is not None
        return process_id

    def freeze(self) -> None:
        """Let nothing be answered any more."""
        os.kill(self.process_id(), signal.SIGSTOP)
        holds_within(lambda: stands_still(self.process_id()), "the radio stands still")

    def kill(self) -> None:
        os.kill(self.process_id(), signal.SIGKILL)
        if self.radio is not None:
            self.radio.wait()

    def clean_up(self) -> None:
        """Remove what a radio left that was killed and has no successor."""
        process_id = self._radios.process_id("lossy")
        if process_id is not None and not os.path.exists(f"/proc/{process_id}"):
            for file in self._radios.files():
                (self._radios.runtime / file).unlink()


def stands_still(process_id: int) -> bool:
    with open(f"/proc/{process_id}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"


@pytest.fixture(params=["virtual", "tcp", "unix", "serial"])
def way(request: pytest.FixtureRequest, radios: Radios) -> Iterator[Way]:
    way = Way(request.param, radios)
    yield way
    way.clean_up()


@pytest.fixture
def adapters(way: Way) -> Iterator[tuple[_bleio.Adapter, _bleio.Adapter]]:
    """A central and a peripheral."""
    made = way.adapter(0), way.adapter(1)
    yield made
    for adapter in made:
        adapter.enabled = False


def serve(peripheral: _bleio.Adapter) -> dict[str, _bleio.Characteristic]:
    with current(peripheral):
        service = _bleio.Service(_bleio.UUID(0x180F))
    properties = 0x08 | 0x10 | 0x04
    return {
        name: make(service, uuid, properties=properties, max_length=200, initial_value=b"here")
        for name, uuid in UUIDS.items()
    }


def start_waiting(pair: Pair, remote: dict, central: Any, peripheral: Any) -> dict[str, Waiting]:
    """Begin every kind of call that waits, on a radio that answers nothing."""
    waiting = {
        "read": lambda: remote["value"].value,
        "write": lambda: setattr(remote["value"], "value", b"x"),
        "discover": pair.outgoing.discover_remote_services,
        "pair": pair.outgoing.pair,
        "pair as peripheral": pair.incoming.pair,
        "stream": remote["buffer"].read,
        "stream line": remote["buffer"].readline,
        "connect": lambda: central.connect(NOWHERE, timeout=0),
        "scan": lambda: list(remote["results"]),
        "start scan": lambda: central.start_scan(),
        "packets": lambda: [remote["packet buffer"].write(bytes(150)) for _ in range(1000)][-1],
    }
    return {name: Waiting(function) for name, function in waiting.items()}


def test_every_waiting_call_wakes(way: Way, adapters: tuple) -> None:
    central, peripheral = adapters
    local = serve(peripheral)
    pair = connect(central, peripheral)
    (service,) = pair.outgoing.discover_remote_services([_bleio.UUID(0x180F)])
    remote = dict(zip(UUIDS, service.characteristics, strict=True))
    remote["stream"].set_cccd(notify=True)
    remote["buffer"] = _bleio.CharacteristicBuffer(remote["stream"], timeout=60)
    remote["packet buffer"] = _bleio.PacketBuffer(
        remote["packets"], buffer_size=1, max_packet_size=200
    )
    # Nothing that matches is there to be heard, so the iteration can only wait.
    remote["results"] = peripheral.start_scan(b"\x02\xfe\xfe")
    peripheral.start_advertising(b"\x02\x01\x06")
    assert peripheral.advertising

    way.freeze()
    waiting = start_waiting(pair, remote, central, peripheral)
    way.kill()
    end = time.monotonic() + PROMPTLY_S

    for name in ("stream", "stream line"):
        assert waiting[name].ends(end) == b""
    for read in (remote["buffer"].read, remote["buffer"].readline):
        with raises(_bleio.ConnectionError, NOT_CONNECTED):
            read()
    for name in ("read", "write"):
        with raises(_bleio.ConnectionError, NOT_CONNECTED):
            waiting[name].ends(end)
    with raises(_bleio.ConnectionError, DISCONNECTED):
        waiting["discover"].ends(end)
    for name in ("pair", "pair as peripheral"):
        with raises(_bleio.SecurityError, DECLINED):
            waiting[name].ends(end)
    for name in ("connect", "start scan", "scan"):
        with pytest.raises(_bleio.BluetoothError, match=LOST):
            waiting[name].ends(end)
    assert waiting["packets"].ends(end) == 0

    until(lambda: not central.connected and not peripheral.connected)
    for adapter in adapters:
        assert adapter.connections == ()
        assert adapter.advertising is adapter.enabled is False
        with pytest.raises(_bleio.BluetoothError, match=LOST):
            adapter.start_advertising(b"")
    for connection in pair:
        assert connection.connected is connection.paired is False
        connection.disconnect()

    if way.kind != "virtual":
        with pytest.raises(_bleio.BluetoothError, match="Cannot open the adapter"):
            central.enabled = True
        assert central.enabled is False
        way.start()
    for adapter in adapters:
        adapter.enabled = True
        assert adapter.enabled is True and adapter.advertising is False
        assert adapter.connections == ()
    again = connect(central, peripheral)
    assert again.remote(local["value"]).value == b"here"
    local["value"].value = b"changed"
    assert again.remote(local["value"]).value == b"changed"
    with raises(_bleio.ConnectionError, NOT_CONNECTED):
        remote["value"].value
