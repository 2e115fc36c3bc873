"""Controllers that are old, broken, silent or hostile."""

from __future__ import annotations

import asyncio
import functools
import logging
import operator
import struct
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bumble.drivers import intel
from bumble.hci import HCI_SUPPORTED_COMMANDS_MASKS

from bleio.backends.base import AdvertisingParameters, ScanParameters
from bleio.backends.capabilities import Capability
from bleio.backends.hci import HciBackend
from bleio.backends.hci.controller import bringup
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.core.address import DeviceAddress
from bleio.core.hci import Event
from bleio.errors import ConnectTimeout, ControllerError, ControllerLost, InvalidParameter, LinkLost
from support.hci.engine import Engine, asynchronous, until
from support.hci.script import (
    ScriptedController,
    acl,
    connection_complete,
    disconnection,
    event,
    le_event,
)
from support.hci.simulated import simulated
from support.patience import PATIENCE_S

PEER = DeviceAddress(b"\x01\x02\x03\x04\x05\xc6", random=True)
ATT = 4


class Host:
    """Our host on a scripted controller."""

    def __init__(self, controller: ScriptedController, timeout_s: float) -> None:
        self.engine = Engine()
        self.backend = HciBackend(controller.transport, command_timeout_s=timeout_s)

    @property
    def parts(self) -> Any:
        return self.backend._open

    @property
    def counters(self) -> Any:
        return self.parts.layer.counters


@asynccontextmanager
async def opened(controller: ScriptedController, timeout_s: float = 5.0) -> AsyncIterator[Host]:
    host = Host(controller, timeout_s)
    await host.backend.open(host.engine.server, "host", host.engine)
    try:
        yield host
    finally:
        await host.backend.close()


@simulated
async def test_an_old_controller_gets_legacy_commands_only() -> None:
    async with ScriptedController(unix=True) as controller, opened(controller) as host:
        assert Capability.EXTENDED_ADVERTISING not in host.backend.capabilities
        await host.backend.start_advertising(
            AdvertisingParameters(b"\x02\x01\x06", b"\x02\x0a\x00")
        )
        await host.backend.start_scan(ScanParameters())
        (parameters,) = controller.sent(Opcode.LE_SET_ADVERTISING_PARAMETERS)
        assert parameters == bytes.fromhex("a000a0000001000000000000000700")
        assert controller.sent(Opcode.LE_SET_ADVERTISING_DATA) == [
            b"\x03\x02\x01\x06".ljust(32, b"\0")
        ]
        assert controller.sent(Opcode.LE_SET_SCAN_PARAMETERS) == [bytes.fromhex("01a000a0000100")]
        with pytest.raises(InvalidParameter, match="31 octets"):
            await host.backend.start_advertising(AdvertisingParameters(bytes(32)))
        with pytest.raises(InvalidParameter, match=r"10\.24"):
            await host.backend.start_scan(ScanParameters(interval_us=20_000_000))
        assert not {code for code, _ in controller.commands if 0x2035 <= code <= 0x2043}


@simulated
async def test_legacy_reports() -> None:
    async with ScriptedController(unix=True) as controller, opened(controller) as host:
        await host.backend.start_scan(ScanParameters())

        def report(kind: int, data: bytes, rssi: int = -40, address: bytes = PEER.octets) -> bytes:
            head = struct.pack("<BB6sB", kind, 1, address, len(data))
            return head + data + struct.pack("<b", rssi)

        other = b"\x09\x02\x03\x04\x05\xc6"
        controller.send(
            le_event(2, b"\x02" + report(0, b"\x02\x01\x06") + report(4, b"\x02\x0a\x00")),
            le_event(2, b"\x01" + report(2, b"", 127, other)),
            le_event(2, b"\x01" + report(4, b"\x01\x00", -128, other)),
        )
        await until(lambda: len(host.engine.reports) == 4)
        seen = [(r.connectable, r.scan_response, r.rssi_dbm, r.data) for r in host.engine.reports]
        assert seen == [
            (True, False, -40, b"\x02\x01\x06"),
            (True, True, -40, b"\x02\x0a\x00"),
            (False, False, 127, b""),
            (False, True, -128, b"\x01\x00"),
        ]


def extended_report(
    kind: int, data: bytes, address_type: int = 1, address: bytes = PEER.octets
) -> bytes:
    head = struct.pack("<HB6sBBBbb", kind, address_type, address, 1, 0, 1, 127, -50)
    head += bytes(9) + bytes((len(data),))
    return le_event(0x0D, b"\x01" + head + data)


@simulated
async def test_fragmented_extended_reports_are_put_together() -> None:
    async with (
        ScriptedController(extended=True, unix=True) as controller,
        opened(controller) as host,
    ):
        await host.backend.start_scan(ScanParameters(extended=True))
        other = b"\x09\x02\x03\x04\x05\xc6"
        controller.send(
            extended_report(0x21, b"a" * 200),
            extended_report(0x21, b"x" * 100, address=other),
            extended_report(0x01, b"b" * 50),
            extended_report(0x41, b"y" * 10, address=other),  # truncated by the controller
            extended_report(0x01, b"c", address_type=3),
            extended_report(0x00, b"d", address_type=0xFF, address=bytes(6)),
        )
        await until(lambda: len(host.engine.reports) == 4)
        assert [report.data for report in host.engine.reports] == [
            b"a" * 200 + b"b" * 50,
            b"x" * 100 + b"y" * 10,
            b"c",
            b"d",
        ]
        assert host.engine.reports[2].address == PEER


@simulated
async def test_endless_fragments_are_bounded() -> None:
    async with (
        ScriptedController(extended=True, unix=True) as controller,
        opened(controller) as host,
    ):
        await host.backend.start_scan(ScanParameters(extended=True))
        for _ in range(100):
            controller.send(extended_report(0x21, b"a" * 200))
        for number in range(100):
            controller.send(extended_report(0x21, b"a", address=bytes((number, 2, 3, 4, 5, 6))))
        controller.send(extended_report(0x11, b"end"))
        await until(lambda: host.engine.reports)
        scanner = host.parts.scanner
        assert sum(held.octets for held in scanner._reader._chains.held.values()) <= 16 * 1650
        assert host.counters.scan_fragments > 80
        assert [report.data for report in host.engine.reports] == [b"end"]


@simulated
async def test_the_rest_of_a_packet_that_was_dropped_is_no_packet() -> None:
    async with (
        ScriptedController(extended=True, unix=True) as controller,
        opened(controller) as host,
    ):
        await host.backend.start_scan(ScanParameters(extended=True))
        for _ in range(8):
            controller.send(extended_report(0x21, b"a" * 206))
        controller.send(extended_report(0x01, b"a" * 2))  # 1650 octets, which is allowed
        for _ in range(8):
            controller.send(extended_report(0x21, b"b" * 206))
        controller.send(extended_report(0x01, b"b" * 3))  # one more: all of it is dropped
        for _ in range(10):
            controller.send(extended_report(0x21, b"c" * 206))
        controller.send(extended_report(0x01, b"the end of c"))
        controller.send(extended_report(0x01, b"whole"))
        advertisers = [bytes((number, 2, 3, 4, 5, 0xC6)) for number in range(17)]
        for address in advertisers:  # one more than are put together at the same time
            controller.send(extended_report(0x21, b"1", address=address))
        for address in advertisers:
            controller.send(extended_report(0x01, b"2", address=address))
        await until(lambda: len(host.engine.reports) == 18)
        data = [report.data for report in host.engine.reports]
        assert data == [b"a" * 1650, b"whole"] + [b"12"] * 16
        assert not host.parts.scanner._reader._chains.held
        assert not host.parts.scanner._reader._chains.broken


@simulated
async def test_nonsense_is_counted_and_survived() -> None:
    async with (
        ScriptedController(extended=True, unix=True) as controller,
        opened(controller) as host,
    ):
        await host.backend.start_scan(ScanParameters(extended=True))
        controller.send(
            event(0x99, b"unknown"),
            event(0x3E, b""),
            le_event(0x77, b"unknown"),
            le_event(0x02, b"\xff\x00"),
            le_event(0x0D, b"\x01\x00"),
            le_event(0x01, b"\x00"),
            le_event(0x12, b""),
            event(0x05, b"\x00"),
            event(0x05, b"\x00\x99\x00\x13"),
            event(0x13, b"\xff\x01\x00"),
            event(0x13, b"\x01\x99\x00\x05\x00"),
            event(0x08, b"\x00\x99\x00\x01"),
            event(0x30, b"\x00\x99\x00"),
            event(0x0E, b"\x01\x34\x12\x00"),
            event(0x0F, b"\x00\x01\x34\x12"),
            event(0x0E, b""),
            le_event(0x05, bytes(12)),
            le_event(0x03, bytes(9)),
            le_event(0x06, b"\x01"),
            acl(0x99, ATT, b"x"),
            b"\x02\x01\x00\x00\x00",
        )
        controller.send(extended_report(0x11, b"end"))
        await until(lambda: host.engine.reports)
        assert host.counters.faults == 0
        assert host.counters.malformed >= 8
        await until(lambda: host.counters.unknown_handles >= 5)  # data is held for a moment
        assert host.engine.log == []


@simulated
async def test_l2cap_nonsense_on_a_link() -> None:
    async with ScriptedController(unix=True) as controller, opened(controller) as host:
        controller.send(connection_complete())
        await until(lambda: host.engine.links)
        controller.send(
            acl(0x40, ATT, b""),
            acl(0x40, ATT, bytes(600)),
            acl(0x40, 0x0006, b""),
            acl(0x40, 0x0006, bytes(200)),
            acl(0x40, 0x0006, b"\x01"),
            acl(0x40, 0x0006, b"\x77\x01"),
            acl(0x40, 0x0005, b"\x01"),
            acl(0x40, 0x0005, b"\x12\x00\x00\x00"),
            acl(0x40, 0x0099, b"x"),
            struct.pack("<BHH", 2, 0x1040, 3) + b"abc",  # continues nothing
            struct.pack("<BHH", 2, 0x2040, 8) + struct.pack("<HH", 2, 4) + b"long",  # lies
            struct.pack("<BHH", 2, 0x2040, 4) + struct.pack("<HH", 60000, 4),
            struct.pack("<BHH", 2, 0x1040, 4) + b"more",
            acl(0x40, ATT, b"\x0a\x03\x00"),
        )
        await until(lambda: any(packet.endswith(b"\x0bhost") for packet in controller.data))
        assert host.counters.faults == 0
        assert host.engine.links[0].connected


@simulated
async def test_signaling_answers() -> None:
    async with ScriptedController(unix=True) as controller, opened(controller) as host:
        controller.send(connection_complete())
        await until(lambda: host.engine.links)
        requests = {
            b"\x14\x07\x0a\x00" + bytes(10): b"\x15\x07\x0a\x00" + bytes(8) + b"\x02\x00",
            b"\x17\x08\x00\x00": b"\x01\x08\x02\x00\x00\x00",
            b"\x12\x09\x08\x00" + bytes(8): b"\x01\x09\x02\x00\x00\x00",
        }
        for request, answer in requests.items():
            controller.send(acl(0x40, 5, request))
            await until(lambda: controller.data)
            assert controller.data.pop().endswith(answer)


@simulated
async def test_a_central_decides_on_parameter_requests() -> None:
    async with ScriptedController(unix=True) as controller, opened(controller) as host:
        task = asyncio.ensure_future(host.backend.connect(PEER, 5))
        await until(lambda: controller.sent(Opcode.LE_CREATE_CONNECTION))
        controller.send(connection_complete(central=True))
        await until(lambda: host.engine.links)
        controller.send(acl(0x40, 5, struct.pack("<BBHHHHH", 0x12, 1, 8, 24, 40, 0, 400)))
        await until(lambda: controller.sent(Opcode.LE_CONNECTION_UPDATE))
        update = struct.pack("<7H", 0x40, 24, 40, 0, 400, 0, 0)
        assert controller.sent(Opcode.LE_CONNECTION_UPDATE) == [update]
        controller.send(acl(0x40, 5, struct.pack("<BBHHHHH", 0x12, 2, 8, 3, 40, 0, 400)))
        refusal = b"\x13\x02\x02\x00\x01\x00"
        await until(lambda: any(packet.endswith(refusal) for packet in controller.data))
        assert len(controller.sent(Opcode.LE_CONNECTION_UPDATE)) == 1
        controller.send(disconnection())
        with pytest.raises(LinkLost):
            await task


WISHES = {
    0x0C63: "event mask page 2",
    0x1003: "features of Classic Bluetooth",
    0x2023: "suggested data length",
    0x203A: "room for advertising data",
    0x203B: "number of advertising sets",
    Opcode.LE_SET_DATA_LENGTH: "data length",
    Opcode.LE_SET_PHY: "PHY",
}


@pytest.mark.parametrize("answer", [None, b"\x01", b"\x11"], ids=["silent", "unknown", "refused"])
@pytest.mark.parametrize("wish", WISHES, ids=WISHES.values())
@simulated
async def test_an_adapter_goes_on_without_a_wish(
    wish: int, answer: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with ScriptedController(extended=True, unix=True) as controller:
        listed = HCI_SUPPORTED_COMMANDS_MASKS
        masks = [listed[code] for code in (0x2003, 0x2002, 0x2024, *WISHES)]
        supported = functools.reduce(operator.or_, masks).to_bytes(64, "little")
        controller.answers[0x1002] = lambda _: b"\x00" + supported
        controller.answers[0x1003] = lambda _: bytes(9)
        controller.answers[wish] = lambda _: answer
        async with opened(controller, 0.3) as host:
            for handle in (0x40, 0x41):  # the second asks again for what was refused
                controller.send(connection_complete(handle))
            await until(lambda: len(host.engine.links) == 2)
            connecting = asyncio.ensure_future(host.backend.connect(PEER, 0))
            await until(lambda: controller.sent(Opcode.LE_EXTENDED_CREATE_CONNECTION))
            controller.send(connection_complete(0x42, central=True))
            await until(lambda: controller.sent(wish))
            await host.backend.start_scan(ScanParameters())
            # All that was wished for is over once this is answered.
            await host.parts.layer.request(Opcode.READ_BD_ADDR)
            assert "lost" not in host.engine.log
            connecting.cancel()
            await asyncio.wait({connecting})
        assert caplog.text.count("it is left out") == 1


@pytest.mark.parametrize("answer", [b"\x00", b"\x00\x01", b"\x00\x00\x00", b"\x00\x1e\x00"])
@simulated
async def test_no_controller_has_less_room_for_advertising_data_than_the_least(
    answer: bytes,
) -> None:
    async with ScriptedController(extended=True, unix=True) as controller:
        controller.answers[0x203A] = lambda _: answer
        async with opened(controller) as host:
            data = bytes((30, 0xFF)) + bytes(29)
            await host.backend.start_advertising(AdvertisingParameters(data))


@asynchronous
async def test_what_comes_before_the_reset_is_not_acted_on_while_drivers_load(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As from a dongle whose last host has died."""
    may_load, load = threading.Event(), bringup._load_drivers

    def load_later() -> Any:
        assert may_load.wait(PATIENCE_S)
        return load()

    monkeypatch.setattr(bringup, "_load_drivers", load_later)
    async with ScriptedController(unix=True) as controller:
        controller.transport = controller.transport.replace("unix:", "unix:[vendor=1]")
        host = Host(controller, 5.0)
        backend = host.backend
        opening = asyncio.ensure_future(backend.open(host.engine.server, "host", host.engine))
        await until(lambda: controller.connected)
        controller.send(event(Event.HARDWARE_ERROR, b"\x00"))
        await until(lambda: backend._own.counters.ignored)
        may_load.set()
        await opening
        await backend.close()


@simulated
async def test_a_silent_controller_is_lost() -> None:
    async with ScriptedController(unix=True) as controller, opened(controller, 0.2) as host:
        controller.answers[Opcode.LE_SET_SCAN_PARAMETERS] = lambda _: None
        with pytest.raises(ControllerLost, match=r"did not answer a command within 0\.2 seconds"):
            await host.backend.start_scan(ScanParameters())
        assert host.engine.log == ["lost"]


@simulated
async def test_a_controller_that_is_silent_from_the_start() -> None:
    async with ScriptedController(unix=True) as controller:
        controller.answers[Opcode.RESET] = lambda _: None
        with pytest.raises(ControllerLost, match="did not answer"):
            async with opened(controller, 0.2):
                pass


@simulated
async def test_a_controller_that_answers_nonsense_at_the_start() -> None:
    async with ScriptedController(unix=True) as controller:
        controller.answers[0x2002] = lambda _: b"\x00"
        with pytest.raises(ControllerLost, match=r"did not come up: .*speaks HCI"):
            async with opened(controller):
                pass


@pytest.mark.parametrize("pulled_out", [False, True])
@simulated
async def test_firmware_that_a_controller_never_takes(
    pulled_out: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver waits for an event of the vendor's, and no command is under way."""

    async def waits_for_ever(driver: Any) -> None:
        if pulled_out:
            await until(lambda: controller.connected)
            controller.hang_up()
        await asyncio.Event().wait()

    monkeypatch.setattr(intel.Driver, "load_firmware", waits_for_ever)
    monkeypatch.setattr(bringup, "BRING_UP_S", 5.0 if pulled_out else 0.05)
    words = "is lost: the connection to it has ended" if pulled_out else "not ready within 0.05 sec"
    async with ScriptedController(unix=True) as controller:
        with_driver = controller.transport.replace(":", ":[driver=intel]", 1)
        engine = Engine()
        with pytest.raises(ControllerLost, match=words):
            await asyncio.wait_for(HciBackend(with_driver).open(engine.server, "", engine), 2.0)


@simulated
async def test_events_while_it_comes_up_lead_to_nothing() -> None:
    """A Link Key Request, of Classic Bluetooth, with an address that is none."""
    async with ScriptedController(unix=True) as controller:
        after_reset = controller.answers[0x1002]

        def answer(parameters: bytes) -> bytes | None:
            controller.send(event(0x17, b"\x01"), event(0x31, bytes(6)), event(0x05, bytes(4)))
            return after_reset(parameters)

        controller.answers[0x1002] = answer
        async with opened(controller) as host:
            assert host.counters.ignored == 3
            assert not controller.sent(0x040B) + controller.sent(0x040C)  # no answer to it


@simulated
async def test_a_controller_without_le() -> None:
    async with ScriptedController(unix=True) as controller:
        controller.answers[0x2002] = lambda _: b"\x11"
        with pytest.raises(ControllerLost, match="did not come up"):
            async with opened(controller):
                pass


@pytest.mark.parametrize("handle", [0x0F00, 0x1040, 0xFFFF])
@simulated
async def test_a_handle_that_no_link_can_have_is_none(handle: int) -> None:
    async with ScriptedController(unix=True) as controller, opened(controller) as host:
        controller.send(connection_complete(handle), connection_complete(0x0EFF))
        await until(lambda: host.engine.links)
        assert [link.conn_handle for link in host.engine.links] == [0x0EFF]
        assert host.counters.malformed == 1


@simulated
async def test_a_hardware_error_loses_the_controller() -> None:
    async with ScriptedController(unix=True) as controller, opened(controller) as host:
        controller.send(connection_complete())
        await until(lambda: host.engine.links)
        controller.send(event(0x10, b"\x42"))
        await until(lambda: host.engine.error)
        assert host.engine.log == ["link opened", "link closed", "lost"]
        assert "hardware error 0x42" in str(host.engine.error)


@simulated
async def test_a_refused_command_tells_its_status() -> None:
    async with ScriptedController(unix=True) as controller, opened(controller) as host:
        controller.answers[Opcode.LE_SET_SCAN_ENABLE] = lambda _: b"\x0c"
        with pytest.raises(
            ControllerError, match="LE Set Scan Enable failed with HCI status 0x0c"
        ) as caught:
            await host.backend.start_scan(ScanParameters())
        assert caught.value.status == 0x0C
        controller.answers[Opcode.LE_CREATE_CONNECTION] = lambda _: b"\x0b"
        with pytest.raises(ControllerError) as caught:
            await host.backend.connect(PEER, 5)
        assert caught.value.status == 0x0B


@simulated
async def test_a_link_that_comes_up_while_cancelling_times_out_is_the_callers() -> None:
    async with ScriptedController(unix=True) as controller, opened(controller) as host:
        controller.answers[Opcode.LE_CREATE_CONNECTION_CANCEL] = lambda _: b"\x0c"
        task = asyncio.ensure_future(host.backend.connect(PEER, 0.05))
        await until(lambda: controller.sent(Opcode.LE_CREATE_CONNECTION_CANCEL))
        controller.send(connection_complete(central=True))
        await until(lambda: host.engine.links)
        controller.send(acl(0x40, ATT, b"\x03\x17\x00"))
        assert await task is host.engine.links[0]
        controller.send(disconnection())
        await until(lambda: not host.engine.links)


@simulated
async def test_a_link_that_comes_up_after_cancelling_is_ended() -> None:
    async with ScriptedController(unix=True) as controller, opened(controller) as host:
        task = asyncio.ensure_future(host.backend.connect(PEER, 0))
        await until(lambda: controller.sent(Opcode.LE_CREATE_CONNECTION))
        task.cancel()
        await until(lambda: controller.sent(Opcode.LE_CREATE_CONNECTION_CANCEL))
        controller.send(connection_complete(handle=0x41, central=True))
        await until(lambda: controller.sent(Opcode.DISCONNECT) == [b"\x41\x00\x13"])
        controller.send(disconnection(0x41))
        assert host.engine.log == []


@simulated
async def test_a_controller_that_never_ends_an_initiation() -> None:
    async with ScriptedController(unix=True) as controller, opened(controller) as host:
        with pytest.raises(ConnectTimeout):
            await host.backend.connect(PEER, 0.05)
        controller.send(connection_complete(central=True))
        await until(lambda: controller.sent(Opcode.DISCONNECT))
        assert host.engine.log == []
        controller.send(disconnection())


@simulated
async def test_a_peer_that_takes_no_answers_loses_its_link() -> None:
    async with ScriptedController(unix=True) as controller, opened(controller) as host:
        controller.send(connection_complete())
        await until(lambda: host.engine.links)
        for _ in range(400):  # requests, and no packet of ours is ever completed
            controller.send(acl(0x40, ATT, b"\x0a\x03\x00"))
        await until(lambda: controller.sent(Opcode.DISCONNECT))
        assert len(controller.data) == 4
        assert len(controller.sent(Opcode.DISCONNECT)) == 1
        controller.send(disconnection())
        await until(lambda: not host.engine.links)


@simulated
async def test_a_handle_that_is_used_twice() -> None:
    async with ScriptedController(unix=True) as controller, opened(controller) as host:
        controller.send(connection_complete(), connection_complete())
        await until(lambda: len(host.engine.log) == 3)
        assert host.engine.log == ["link opened", "link closed", "link opened"]
        assert len(host.engine.links) == 1
        controller.send(disconnection())


@simulated
async def test_a_public_address_is_the_identity() -> None:
    async with ScriptedController(unix=True) as controller:
        controller.answers[0x1009] = lambda _: b"\x00\x01\x02\x03\x04\x05\x06"
        async with opened(controller) as host:
            assert host.backend.address == DeviceAddress(b"\x01\x02\x03\x04\x05\x06")
            assert controller.sent(Opcode.LE_SET_RANDOM_ADDRESS) == []
            await host.backend.start_advertising(AdvertisingParameters(b"", anonymous=True))
            assert controller.sent(Opcode.LE_SET_ADVERTISING_PARAMETERS)[0][5] == 1


@simulated
async def test_a_disconnection_that_is_never_confirmed() -> None:
    async with ScriptedController(unix=True) as controller, opened(controller) as host:
        controller.send(connection_complete())
        await until(lambda: host.engine.links)
        await host.engine.links[0].disconnect()
        assert host.engine.log == ["link opened", "link closed"]
