"""Whole programs: Ctrl-C while they wait, their end, and forks."""

from __future__ import annotations

import os
import signal
import textwrap

import pytest

from support.processes import Program
from threads.conftest import Start

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")

PERIPHERAL = """
    service = _bleio.Service(_bleio.UUID(0x180F))
    _bleio.Characteristic.add_to_service(
        service,
        _bleio.UUID(0x2A19),
        properties=_bleio.Characteristic.READ,
        max_length=1,
        initial_value=b"*",
    )
    adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
    say("address", adapter.address.address_bytes.hex())
    sys.stdin.readline()
"""

CENTRAL = """
    address = _bleio.Address(bytes.fromhex(sys.argv[1]), _bleio.Address.RANDOM_STATIC)
    connection = adapter.connect(address, timeout=120)
    (service,) = connection.discover_remote_services((_bleio.UUID(0x180F),))
    (characteristic,) = service.characteristics
"""

WAITS = {
    "scan": """
        results = adapter.start_scan(b"\\x01\\xfe")
        say("ready")
        next(results)
    """,
    "connect": """
        adapter.address
        say("ready")
        adapter.connect(_bleio.Address(bytes.fromhex("0102030405c6"), 1), timeout=0)
    """,
    "read": CENTRAL
    + """
    say("connected")
    sys.stdin.readline()
    say("ready")
    characteristic.value
    """,
}


INTERRUPTED_TWICE = """
    results = adapter.start_scan(b"\\x01\\xfe")
    nowhere = _bleio.Address(bytes.fromhex("0102030405c6"), 1)
    for wait in (results.__next__, lambda: adapter.connect(nowhere, timeout=0)):
        try:
            say("ready")
            wait()
        except KeyboardInterrupt:
            say("interrupted")
"""

SAY_VALUE = """
    say("value", characteristic.value)
"""


def start_peripheral(start: Start, more: str = "") -> tuple[Program, str]:
    peripheral = start("peripheral", PERIPHERAL + more)
    return peripheral, peripheral.wait_for("address (.*)")[1]


def is_interrupted(program: Program) -> None:
    program.wait_for("ready")
    program.interrupt()
    assert program.wait() == -signal.SIGINT
    assert program.lines[-1] == "KeyboardInterrupt"


@pytest.mark.parametrize("what", ["scan", "connect"])
def test_ctrl_c_ends_a_waiting_program(start: Start, what: str) -> None:
    is_interrupted(start(what, WAITS[what]))


def test_ctrl_c_ends_a_read_that_the_peer_does_not_answer(start: Start) -> None:
    peripheral, address = start_peripheral(start)
    central = start("central", WAITS["read"], address)
    central.wait_for("connected")
    peripheral.freeze()
    central.type("\n")
    is_interrupted(central)
    peripheral.kill()


def test_ctrl_c_is_an_exception_that_a_program_can_go_on_after(start: Start) -> None:
    _, address = start_peripheral(start)
    central = start("central", INTERRUPTED_TWICE + CENTRAL + SAY_VALUE, address)
    for _ in range(2):
        central.wait_for("ready")
        central.interrupt()
        central.wait_for("interrupted")
    central.wait_for(r"value bytearray\(b'\*'\)")
    central.ends_well()


WATCHER = """
    results = adapter.start_scan(interval=0.05, window=0.05)
    next(results)
    adapter.stop_scan()
    say("seen")
    sys.stdin.readline()
    left = list(adapter.start_scan(timeout=0.5, interval=0.05, window=0.05))
    say("left", len(left))
"""


@pytest.mark.parametrize("how", ["end", "interrupt", "kill"])
def test_no_advertiser_stays_behind(start: Start, how: str) -> None:
    peripheral, _ = start_peripheral(start)
    watcher = start("watcher", WATCHER)
    watcher.wait_for("seen")
    if how == "end":
        peripheral.type("\n")
    else:
        getattr(peripheral, how)()
    peripheral.wait()
    watcher.type("\n")
    watcher.wait_for("left 0")
    watcher.ends_well()


def test_links_end_with_the_program(start: Start) -> None:
    peripheral, address = start_peripheral(start)
    central = start(
        "central",
        CENTRAL
        + """
    say("connected")
    while connection.connected:
        pass
    say("gone", adapter.connections, adapter.connected)
        """,
        address,
    )
    central.wait_for("connected")
    peripheral.type("\n")
    peripheral.ends_well()
    central.wait_for(r"gone \(\) False")
    central.ends_well()


IN_A_THREAD = {
    "thread": """
        threading.Thread(target=wait).start()
        started.set()
        # In slices: Ctrl-C that comes just before Python blocks is seen when that wait ends.
        while True:
            time.sleep(1)
    """,
    "executor": """
        adapter.address
        from concurrent import futures
        waiting = futures.ThreadPoolExecutor().submit(wait)
        started.set()
        while not futures.wait([waiting], 1).done:
            pass
    """,
}


@pytest.mark.parametrize("how", IN_A_THREAD)
@pytest.mark.parametrize("what", ["scan", "connect"])
def test_ctrl_c_wakes_threads_that_wait(start: Start, what: str, how: str) -> None:
    """Python waits for them, and they wait for what nobody will stop any more."""
    waits = textwrap.indent("started.wait()" + textwrap.dedent(WAITS[what]), "    ")
    main = textwrap.dedent(IN_A_THREAD[how])
    program = start("program", f"started = threading.Event()\ndef wait():\n{waits}{main}")
    program.wait_for("ready")
    program.interrupt()
    assert program.wait() == -signal.SIGINT


AFTER_MAIN = """
    def work():
        threading.main_thread().join()
        say("main has ended")
        address = _bleio.Address(bytes.fromhex(sys.argv[1]), _bleio.Address.RANDOM_STATIC)
        connection = adapter.connect(address, timeout=120)
        (service,) = connection.discover_remote_services((_bleio.UUID(0x180F),))
        say("value", service.characteristics[0].value)

    {first}
    threading.Thread(target=work).start()
    {last}
"""


@pytest.mark.parametrize("first", ["pass", "adapter.address"])
@pytest.mark.parametrize("last", ["pass", "sys.exit()", "1 / 0"])
def test_threads_go_on_after_the_main_thread(start: Start, first: str, last: str) -> None:
    """As Python has it; whatever its end, but for Ctrl-C."""
    _, address = start_peripheral(start)
    program = start("program", AFTER_MAIN.format(first=first, last=last), address)
    program.wait_for("main has ended")
    program.wait_for(r"value bytearray\(b'\*'\)")
    assert program.wait() == (1 if last == "1 / 0" else 0)


def test_the_first_use_may_be_after_the_main_thread(start: Start) -> None:
    """Even that which has to start the radio in the background."""
    program = start(
        "program",
        """
        def work():
            threading.main_thread().join()
            adapter.start_advertising(b"", interval=0.02)
            say("advertising", adapter.advertising)

        threading.Thread(target=work).start()
        """,
    )
    program.ends_well()
    assert program.lines == ["advertising True"]


def test_ctrl_c_ends_a_program_whose_main_thread_has_ended(start: Start) -> None:
    program = start(
        "program",
        """
        def scan():
            results = adapter.start_scan(b"\\x01\\xfe")
            threading.main_thread().join()
            say("ready")
            list(results)

        threading.Thread(target=scan).start()
        """,
    )
    program.wait_for("ready")
    program.interrupt()
    program.wait()


def test_the_end_waits_for_modules_that_are_being_loaded(start: Start) -> None:
    """Python would end their thread, and abort if that is in compiled code just then."""
    program = start(
        "program",
        """
        import asyncio
        from bleio import aio
        from bleio.backends.hci import backend

        def load():
            say("loads")
            time.sleep(1)
            say("has loaded")

        backend._load = load
        asyncio.run(aio.start_advertising(adapter, b"\\x02\\x01\\x06"))
        """,
    )
    program.wait_for("^loads")
    program.interrupt()
    program.wait()
    assert "has loaded" in program.lines


def test_the_end_waits_no_longer_than_it_must(start: Start) -> None:
    program = start(
        "program",
        """
        from bleio.backends.hci import backend
        from bleio.runtime import engine

        engine.BLOCKING_S = 0.1
        backend._load = lambda: time.sleep(1000)
        threading.Thread(target=adapter.start_scan, daemon=True).start()
        time.sleep(0.2)
        """,
    )
    program.ends_well()


def test_a_program_ends_although_a_daemon_thread_waits(start: Start) -> None:
    program = start(
        "program",
        """
        results = adapter.start_scan(b"\\x01\\xfe")
        threading.Thread(target=list, args=(results,), daemon=True).start()
        say("done")
        """,
    )
    program.ends_well()
    assert program.lines == ["done"]


def test_a_forked_child_has_an_engine_of_its_own(start: Start) -> None:
    _, address = start_peripheral(start)
    central = start(
        "central",
        CENTRAL
        + """
    adapter.start_advertising(b"\\x02\\x01\\x06", connectable=False)
    parent_address = adapter.address
    child = os.fork()
    if not child:
        say("child", adapter.connections, adapter.connected, adapter.advertising)
        say("other address", adapter.address != parent_address)
        next(adapter.start_scan())
        adapter.stop_scan()
        try:
            characteristic.value
        except _bleio.ConnectionError as error:
            say("child", error)
        sys.exit()
    say("status", os.waitpid(child, 0)[1])
    say("parent", characteristic.value, connection.connected, adapter.advertising)
        """,
        address,
    )
    central.wait_for(r"child \(\) False False")
    central.wait_for("other address True")
    central.wait_for("child Not connected")
    central.wait_for("status 0")
    central.wait_for(r"parent bytearray\(b'\*'\) True True")
    central.ends_well()


def test_a_forked_child_can_switch_on_what_its_parent_had_switched_off(start: Start) -> None:
    program = start(
        "program",
        """
        adapter.start_advertising(b"\\x02\\x01\\x06")
        adapter.enabled = False
        child = os.fork()
        if not child:
            adapter.enabled = True
            say("child", adapter.enabled)
            sys.exit()
        say("status", os.waitpid(child, 0)[1])
        """,
    )
    program.wait_for("child True")
    program.wait_for("status 0")
    program.ends_well()


def test_a_forked_child_can_open_what_its_parent_was_just_opening(start: Start) -> None:
    program = start(
        "program",
        """
        import asyncio, threading
        from bleio.backends.hci import HciBackend
        open_now, begun, may_open = HciBackend.open, threading.Event(), threading.Event()

        async def open_later(self, *args):
            begun.set()
            while not may_open.is_set():
                await asyncio.sleep(0.01)
            await open_now(self, *args)

        adapter.start_advertising(b"\\x02\\x01\\x06")
        adapter.enabled = False
        HciBackend.open = open_later
        thread = threading.Thread(target=lambda: setattr(adapter, "enabled", True))
        thread.start()
        begun.wait()
        child = os.fork()
        if not child:
            HciBackend.open = open_now
            adapter.enabled = True
            say("child", adapter.enabled)
            sys.exit()
        say("status", os.waitpid(child, 0)[1])
        may_open.set()
        thread.join()
        say("parent", adapter.enabled)
        """,
    )
    program.wait_for("child True")
    program.wait_for("status 0")
    program.wait_for("parent True")
    program.ends_well()


def test_a_lost_controller_wakes_a_waiting_program_which_can_open_it_again(start: Start) -> None:
    radio = start(
        "radio",
        """
        from bleio.cli.main import main
        sys.argv = ["bleio", "radio", os.environ["BLEIO_ADAPTER"].partition(":")[2]]
        main()
        """,
    )
    radio.wait_for(".")
    program = start(
        "program",
        """
        nowhere = _bleio.Address(bytes.fromhex("0102030405c6"), 1)
        address = adapter.address
        results = adapter.start_scan(b"\\x01\\xfe")
        scanning = threading.Thread(target=list, args=(results,))
        scanning.start()
        advertiser = _bleio.Adapter(os.environ["BLEIO_ADAPTER"])
        advertiser.start_advertising(b"")
        def spin():
            while advertiser.advertising:
                pass
        spinning = threading.Thread(target=spin)
        spinning.start()
        say("waiting")
        scanning.join()
        spinning.join()
        for _ in range(2):
            try:
                adapter.connect(nowhere, timeout=0)
            except _bleio.BluetoothError as error:
                say(error)
        say("enabled", adapter.enabled)
        adapter.enabled = True
        say("same address", adapter.address == address)
        """,
    )
    program.wait_for("waiting")
    radio.kill()
    for _ in range(2):
        program.wait_for("lost.*; set adapter.enabled = True to open it again$")
    program.says("enabled False", "same address True")
    program.ends_well()
