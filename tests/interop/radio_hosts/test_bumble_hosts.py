"""bumble's own host, central and peripheral, on controllers of `bleio radio --listen`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import serial
from bumble.core import AdvertisingData
from bumble.device import Connection, Device, Peer
from bumble.gatt import Characteristic, Service
from bumble.hci import Address
from bumble.host import Host
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport

from support.processes import DEADLINE_S, Program
from support.radio_processes import Radios, listening

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(sys.platform == "win32", reason="of pseudo terminals"),
]

PERIPHERAL, CENTRAL = "C0:00:00:00:00:01", "C0:00:00:00:00:02"
NAME = "bumblebee"
VALUE = bytes(range(100))
RESET = bytes.fromhex("01 03 0c 00")
RESET_COMPLETE = bytes.fromhex("04 0e 04 01 03 0c 00")


@pytest.fixture
def addresses(radios: Radios) -> dict[str, str]:
    """A radio, and its addresses as bumble calls them."""
    unix, link = radios.folder / "hci.sock", radios.folder / "tty"
    radio = radios.foreground(
        "desk",
        *("--listen", "tcp:127.0.0.1:0", "--listen", f"unix:{unix}", "--listen", f"pty:{link}"),
        *("--path-loss", "50", "--seed", "1"),
    )
    port = listening(radio, "tcp:127.0.0.1")
    assert listening(radio, "unix") == str(unix)
    assert listening(radio, "pty") == str(link)
    radio.says("^Ready")
    return {"tcp": f"tcp-client:127.0.0.1:{port}", "unix": f"unix:{unix}", "pty": f"serial:{link}"}


class Peripheral:
    """A device with one value that can be read, written and notified."""

    def __init__(self, host: Host) -> None:
        self.device = Device(name=NAME, address=Address(PERIPHERAL), host=host)
        properties = Characteristic.Properties
        self.value: Characteristic[bytes] = Characteristic(
            "2A19",
            properties.READ | properties.WRITE | properties.NOTIFY,
            Characteristic.READABLE | Characteristic.WRITEABLE,
            VALUE,
        )
        self.device.add_service(Service("180F", [self.value]))

    async def advertise(self) -> None:
        name = (AdvertisingData.COMPLETE_LOCAL_NAME, NAME.encode())
        await self.device.start_advertising(advertising_data=bytes(AdvertisingData([name])))


@contextlib.asynccontextmanager
async def host_on(address: str) -> AsyncIterator[Host]:
    async with await open_transport(address) as transport:
        yield Host(transport.source, transport.sink)


@contextlib.asynccontextmanager
async def devices(peripheral_on: str, central_on: str) -> AsyncIterator[tuple[Peripheral, Device]]:
    async with host_on(peripheral_on) as one, host_on(central_on) as other:
        peripheral = Peripheral(one)
        central = Device(name="central", address=Address(CENTRAL), host=other)
        for device in (peripheral.device, central):
            device.pairing_config_factory = lambda _: PairingConfig(
                mitm=False, delegate=PairingDelegate(PairingDelegate.NO_OUTPUT_NO_INPUT)
            )
            await device.power_on()
        yield peripheral, central


def in_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await asyncio.wait_for(test(), DEADLINE_S)

    asyncio.run(main())


async def happens(emitter: Any, event: str) -> Any:
    """Wait for an event of bumble's. Returns: its first argument."""
    future = asyncio.get_running_loop().create_future()
    emitter.once(event, lambda *args: future.done() or future.set_result(args[0] if args else None))
    return await future


async def scan_and_connect(peripheral: Peripheral, central: Device) -> Connection:
    found = asyncio.ensure_future(happens(central, "advertisement"))
    await central.start_scanning(active=True)
    await peripheral.advertise()
    advertisement = await found
    await central.stop_scanning()
    assert advertisement.address == Address(PERIPHERAL)
    assert advertisement.data.get(AdvertisingData.COMPLETE_LOCAL_NAME) == NAME
    assert advertisement.rssi == -50
    return await central.connect(Address(PERIPHERAL))


@pytest.mark.parametrize(
    ("peripheral_on", "central_on"),
    [("tcp", "tcp"), ("tcp", "pty"), ("pty", "tcp"), ("unix", "tcp"), ("tcp", "unix")],
)
def test_two_hosts_of_bumble(
    addresses: dict[str, str], peripheral_on: str, central_on: str
) -> None:
    async def test() -> None:
        async with devices(addresses[peripheral_on], addresses[central_on]) as (
            peripheral,
            central,
        ):
            connection = await scan_and_connect(peripheral, central)
            await use_values(peripheral, connection)
            await connection.pair()
            assert connection.is_encrypted
            (other,) = peripheral.device.connections.values()
            assert other.is_encrypted
            gone = asyncio.ensure_future(happens(other, "disconnection"))
            await connection.disconnect()
            assert await gone == 0x13

    in_loop(test)


async def use_values(peripheral: Peripheral, connection: Connection) -> None:
    peer = Peer(connection)
    await peer.discover_all()
    (value,) = peer.get_characteristics_by_uuid(peripheral.value.uuid)
    assert await value.read_value() == VALUE
    await value.write_value(b"written", with_response=True)
    assert peripheral.value.value == b"written"
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    await value.subscribe(heard.put_nowait)
    for index in range(10):
        await peripheral.device.notify_subscribers(peripheral.value, bytes((index,)) * 20)
    assert [await heard.get() for _ in range(10)] == [bytes((index,)) * 20 for index in range(10)]


def test_a_host_that_dies_is_a_supervision_timeout_to_its_peer(
    addresses: dict[str, str], radios: Radios
) -> None:
    async def test() -> None:
        async with host_on(addresses["tcp"]) as host:
            central = Device(name="central", address=Address(CENTRAL), host=host)
            await central.power_on()
            program = await asyncio.to_thread(start_peripheral, radios, addresses["tcp"])
            connection = await central.connect(Address(PERIPHERAL))
            gone = asyncio.ensure_future(happens(connection, "disconnection"))
            program.kill()
            assert await gone == 0x08

    in_loop(test)


def start_peripheral(radios: Radios, address: str) -> Program:
    program = radios.start("peripheral", "-c", _PERIPHERAL, address, PERIPHERAL)
    program.says("advertising")
    return program


_PERIPHERAL = """
import asyncio, sys
from bumble.device import Device
from bumble.hci import Address
from bumble.host import Host
from bumble.transport import open_transport

async def main():
    async with await open_transport(sys.argv[1]) as transport:
        host = Host(transport.source, transport.sink)
        device = Device(name="peripheral", address=Address(sys.argv[2]), host=host)
        await device.power_on()
        await device.start_advertising()
        print("advertising", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def test_a_pseudo_terminal_takes_one_host_after_the_other(addresses: dict[str, str]) -> None:
    link = addresses["pty"].partition(":")[2]
    claim = bytes.fromhex("01 01 fc 06 01 02 03 04 05 c6")
    for _ in range(3):
        with serial.Serial(link, timeout=DEADLINE_S) as port:
            # What a host before has left unread is not for this one; its controller is fresh.
            port.write(RESET)
            assert port.read(7) == RESET_COMPLETE
            port.write(claim)
            assert port.read(13)[6] == 0x00
            port.write(RESET)


def test_a_pseudo_terminal_that_is_out_of_step_comes_back_by_a_reset(
    addresses: dict[str, str],
) -> None:
    with serial.Serial(addresses["pty"].partition(":")[2], timeout=DEADLINE_S) as port:
        port.write(RESET)
        assert port.read(7) == RESET_COMPLETE
        port.write(b"\xff" + bytes(20))
        assert port.read(4) == bytes.fromhex("04 10 01 00")
        port.write(RESET)
        assert port.read(7) == RESET_COMPLETE


def test_nothing_is_left_behind(radios: Radios) -> None:
    unix, link = radios.folder / "hci.sock", radios.folder / "tty"
    radio = radios.foreground("desk", "--listen", f"unix:{unix}", "--listen", f"pty:{link}")
    radio.says("^Ready")
    assert unix.is_socket()
    assert unix.stat().st_mode & 0o077 == 0
    assert link.is_symlink()
    radio.interrupt()
    assert radio.wait() == 0
    assert sorted(path.name for path in radios.folder.iterdir()) == ["bleio"]
    assert radios.files() == []


def test_what_a_killed_radio_left_is_replaced(radios: Radios) -> None:
    unix, link = radios.folder / "hci.sock", radios.folder / "tty"
    options = ("--listen", f"unix:{unix}", "--listen", f"pty:{link}")
    killed = radios.foreground("desk", *options)
    killed.says("^Ready")
    killed.kill()
    assert unix.is_socket() and link.is_symlink()
    # The number of the terminal that has gone may be another program's by now.
    link.unlink()
    others, terminal = os.openpty()
    link.symlink_to(os.ttyname(terminal))
    radios.foreground("desk", *options).says("^Ready")
    assert os.readlink(link) != os.ttyname(terminal)
    os.close(terminal)
    os.close(others)
    with socket.socket(socket.AF_UNIX) as host:
        host.connect(str(unix))
        host.sendall(RESET)
        assert host.recv(7) == RESET_COMPLETE


def test_busy_addresses_are_one_sentence(radios: Radios) -> None:
    unix, link = radios.folder / "hci.sock", radios.folder / "tty"
    first = radios.foreground(
        "desk",
        *("--listen", "tcp:127.0.0.1:0", "--listen", f"unix:{unix}", "--listen", f"pty:{link}"),
    )
    port = listening(first, "tcp:127.0.0.1")
    first.says("^Ready")
    for address, why in {
        f"tcp:127.0.0.1:{port}": "another program listens there; end it or use another address",
        f"unix:{unix}": "another program listens there; end it or use another address",
        f"pty:{link}": "another program listens there; end it or use another address",
        f"pty:{unix}": "another program listens there; end it or use another address",
        f"pty:{radios.folder}": "there is something of that name; remove it or use another",
        f"unix:{radios.folder}": "there is something else of that name; remove it or use another",
    }.items():
        second = radios.foreground("kitchen", "--listen", address)
        assert second.wait() == 1
        assert second.lines == [f"Error: Cannot listen on {address}: {why}."]
    claims = [name for name in radios.files() if name.startswith(".")]
    assert len(claims) == 2
    assert radios.files() == [*claims, "desk.lock", "desk.sock"]
    assert link.exists() and unix.exists()
