"""Opening a controller: one sentence that says what was tried, what is wrong and what to do."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from bumble.transport.common import StreamPacketSink

from bleio.backends.hci import HciBackend
from bleio.backends.hci.controller.transport import _BumblePort, open_port
from bleio.backends.hci.controller.troubles import _SCHEMES, why
from bleio.backends.hci.counters import HciCounters
from bleio.backends.meant import SCHEMES
from bleio.errors import ControllerLost
from bleio.runtime.selection import backend_for
from support.hci.engine import Engine, asynchronous, until
from support.hci.script import ScriptedController
from support.patience import PATIENCE_S


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nonsense", "'nonsense' is no transport; use for example hci:usb:0"),
        ("nonsense:1", "is no transport"),
        ("hci0", 'did you mean "os:hci0" or "hci:hci-socket:0" (BLEIO_ADAPTER=os:hci0)?'),
        ("/dev/ttyACM0", '"hci:serial:/dev/ttyACM0,1000000"'),
        ("tcp:127.0.0.1:6402", '"hci:tcp-client:127.0.0.1:6402"'),
        (
            "tcp-client",
            "after 'tcp-client' is incomplete or wrong; write hci:tcp-client:HOST",
        ),
        ("tcp-client:host", "incomplete or wrong"),
        ("tcp-client:127.0.0.1:port", "incomplete or wrong"),
        ("tcp-client:127.0.0.1:99999", "incomplete or wrong"),
        ("serial:/dev/null", "that is no serial port; correct the name"),
        ("serial:/", "that is a folder; name the device in it"),
        ("serial:/dev/does-not-exist", "no such device; plug it in or correct the name"),
        ("unix:/does/not/exist", "no such device"),
        ("usb", "incomplete or wrong; write hci:usb:NUMBER"),
        ("usb", ", such as hci:usb:0; `bleio doctor` shows what there is, and BLEIO_ADAPTER"),
        ("file", "incomplete or wrong; write hci:file:PATH"),
        ("file:", "incomplete or wrong; write hci:file:PATH"),
        ("file:/", "that is a folder; name the device in it"),
        ("file:/does/not/exist", "no such device; plug it in or correct the name"),
        (f"file:{__file__}", "that is an ordinary file or a disk; name a device"),
        (f"vhci:{__file__}", "that is an ordinary file or a disk; name a device"),
    ],
)
@asynchronous
async def test_what_cannot_be_opened(name: str, words: str) -> None:
    backend = HciBackend(name)
    engine = Engine()
    with pytest.raises(ControllerLost) as caught:
        await backend.open(engine.server, "host", engine)
    text = str(caught.value)
    assert text.startswith(f"Cannot open the adapter 'hci:{name}': ")
    assert text.endswith((".", "?"))
    assert "\n" not in text
    assert "BLEIO_ADAPTER" in text
    assert words in text
    await backend.close()


@asynchronous
async def test_a_refused_connection() -> None:
    engine = Engine()
    with pytest.raises(ControllerLost, match="nothing answers there; start the controller"):
        await HciBackend(f"tcp-client:127.0.0.1:{free_port()}").open(engine.server, "", engine)


@asynchronous
async def test_a_file_that_is_no_serial_port() -> None:
    engine = Engine()
    with pytest.raises(ControllerLost, match=r"Cannot open the adapter"):
        await HciBackend("serial:/etc/passwd").open(engine.server, "", engine)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "x"), "this user may not use it"),
        (OSError(errno.EBUSY, "x"), "another program is using it; close that one first"),
        (FileExistsError(errno.EEXIST, "x"), "there is something of that name already"),
        (OSError(errno.EAFNOSUPPORT, "x"), "this system has no Bluetooth sockets"),
        (Exception("LIBUSB_ERROR_ACCESS [-3]"), "this user may not use it"),
        (Exception("LIBUSB_ERROR_BUSY [-6]"), "another program is using it"),
        (RuntimeError("device not found"), "there is no such device"),
        (ModuleNotFoundError("x", name="usb1"), "install it with: pip install libusb1"),
        (ModuleNotFoundError("x", name="grpc"), "install it with: pip install grpcio"),
        (type("NoBackendError", (ValueError,), {})("No backend available"), "libusb is missing"),
        (RuntimeError("strange."), "strange; check"),
        (socket.gaierror(-2, "x"), "no host of that name is known"),
        (asyncio.TimeoutError(), "did not open in time"),
        (RuntimeError("strange"), "strange; check the device and its name"),
        (RuntimeError(), "RuntimeError; check the device and its name"),
    ],
)
def test_every_kind_of_failure_has_its_words(error: Exception, words: str) -> None:
    assert words in why("usb", error)


@pytest.mark.skipif(sys.platform == "win32", reason="devices have groups")
def test_the_command_that_gives_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = PermissionError(errno.EACCES, "x")
    assert "udev rule that `bleio doctor` prints" in why("usb", refused, "0")
    assert "use os:hci1" in why("hci-socket", refused, "1")
    port = tmp_path / "ttyACM0"
    port.touch()
    port.chmod(0o660)
    monkeypatch.setattr(Path, "group", lambda self: "dialout")
    assert "`sudo usermod -aG dialout $USER`, then log in" in why(
        "serial", refused, f"{port},115200"
    )
    port.chmod(0o600)  # which no group may open
    assert "ask for permission" in why("serial", refused, str(port))
    assert "ask for permission" in why("serial", refused, str(tmp_path / "gone"))


def test_every_transport_has_a_string_that_can_be_typed() -> None:
    assert set(_SCHEMES) == set(SCHEMES)
    for scheme, (form, example) in _SCHEMES.items():
        assert form.startswith(scheme)
        assert example.startswith(f"{scheme}:")
        backend_for(f"hci:{example}")


def test_an_error_number_inside_another_error_is_found() -> None:
    outer = RuntimeError("cannot open")
    outer.__cause__ = OSError(errno.EBUSY, "busy")
    assert "another program" in why("usb", outer)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix sockets")
@pytest.mark.parametrize("kind", ["listens", "link to it", "dead"])
@asynchronous
async def test_a_socket_where_it_is_to_listen(kind: str) -> None:
    """asyncio would remove the one where another program listens."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as other:
        path, link = os.path.join(folder, "hci"), os.path.join(folder, "link")
        other.bind(path)
        os.symlink(path, link)
        if kind == "dead":
            port = await open_port(f"unix-server:{path}", print, print, HciCounters())
            await port.close()
            return
        other.listen()
        with pytest.raises(ControllerLost, match="that address is in use already"):
            name = path if kind == "listens" else link
            await open_port(f"unix-server:{name}", print, print, HciCounters())
        assert os.path.exists(link)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(link)


@pytest.mark.parametrize("scheme", ["tcp-server", "unix-server"])
@asynchronous
async def test_what_listens_for_its_controller_ends_with_the_adapter(scheme: str) -> None:
    if sys.platform == "win32" and scheme == "unix-server":
        pytest.skip("there are no Unix sockets")
    with tempfile.TemporaryDirectory() as folder:
        tcp, path = ("127.0.0.1", free_port()), os.path.join(folder, "hci")
        address: Any = path if scheme == "unix-server" else tcp
        name = path if scheme == "unix-server" else f"127.0.0.1:{tcp[1]}"
        for _ in range(2):
            port = await open_port(f"{scheme}:{name}", print, print, HciCounters())
            family = socket.AF_UNIX if scheme == "unix-server" else socket.AF_INET
            with socket.socket(family) as controller:
                controller.setblocking(False)
                await asyncio.get_running_loop().sock_connect(controller, address)
                port.send(b"\x01\x03\x0c\x00")
                port.send(b"\x01\x03\x0c\x00")
                await asyncio.sleep(0)
                await port.close()
                controller.setblocking(True)
                controller.settimeout(PATIENCE_S)
                with contextlib.suppress(ConnectionResetError):  # it may not even be taken yet
                    while await asyncio.to_thread(controller.recv, 100):
                        pass
            refusals = (ConnectionRefusedError, FileNotFoundError)  # Python 3.13 removes the file
            with socket.socket(family) as late, pytest.raises(refusals):
                late.connect(address)


@asynchronous
async def test_the_end_of_the_transport_loses_the_controller() -> None:
    async with ScriptedController() as controller:
        engine = Engine()
        backend = HciBackend(controller.transport)
        await backend.open(engine.server, "host", engine)
        controller.hang_up()
        await until(lambda: engine.error)
        assert str(engine.error) == (
            f"The controller at hci:{controller.transport} is lost: the connection to it has ended;"
            " plug it in or start it again."
        )
        with pytest.raises(ControllerLost):
            await backend.stop_advertising()
        await backend.close()
        await backend.open(engine.server, "host", engine)
        await backend.close()
        assert engine.log == ["lost"]


@asynchronous
async def test_a_transport_that_ends_while_opening() -> None:
    async with ScriptedController() as controller:
        controller.answers[0x1001] = lambda _: controller.hang_up()  # type: ignore[func-returns-value]
        engine = Engine()
        with pytest.raises(ControllerLost, match="has ended"):
            await HciBackend(controller.transport).open(engine.server, "host", engine)
        assert engine.log == []


def test_nothing_of_bumble_reaches_the_terminal() -> None:
    name = f"tcp-client:127.0.0.1:{free_port()}"
    program = (
        "import asyncio, logging\n"
        "from bleio.backends.hci import HciBackend\n"
        "from bleio.gatt.server import LocalServer\n"
        "logging.getLogger('bumble.host').error('noise')\n"
        "try:\n"
        f"    asyncio.run(HciBackend({name!r}).open(LocalServer(), '', None))\n"
        "except Exception as error:\n"
        "    print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("ControllerLost\n", "")
    assert logging.getLogger("bumble").handlers


class Written(asyncio.WriteTransport):
    """What is written to a line, in each call."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        pass


class Packets:
    """What takes packets, one by one."""

    def __init__(self) -> None:
        self.transport = self
        self.sent: list[bytes] = []

    def on_packet(self, packet: bytes) -> None:
        self.sent.append(packet)

    def close(self) -> None:
        pass


class Opened:
    """A transport of bumble's."""

    def __init__(self, sink: Any) -> None:
        self.sink, self.source = sink, self
        self.terminated: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def set_packet_sink(self, sink: Any) -> None:
        pass

    async def close(self) -> None:
        pass


@asynchronous
async def test_packets_of_one_turn_go_to_a_line_together_and_in_order() -> None:
    line = Written()
    port = _BumblePort(Opened(StreamPacketSink(line)), print, print, HciCounters())
    for packet in (b"1", b"2", b"3"):
        port.send(packet)
    assert line.writes == []
    await asyncio.sleep(0)
    port.send(b"4")
    await port.close()
    await asyncio.sleep(0)
    assert line.writes == [b"123", b"4"]


@asynchronous
async def test_packets_are_not_joined_where_there_is_no_line() -> None:
    """A datagram, or what USB is given, is one packet."""
    packets = Packets()
    port = _BumblePort(Opened(packets), print, print, HciCounters())
    for packet in (b"1", b"2"):
        port.send(packet)
    assert packets.sent == [b"1", b"2"]
    await port.close()
