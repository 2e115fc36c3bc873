"""Programs that end while they advertise and are connected: what their peer sees of it."""

from __future__ import annotations

import sys

import pytest

from support.processes import Program
from support.radio_processes import Radios

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(sys.platform != "linux", reason="forks"),
]

GOODBYE, VANISHED = "0x13", "0x08"  # Remote User Terminated Connection, Connection Timeout

PEER = """
import time
import _bleio
adapter = _bleio.adapter
adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
print("address", adapter.address.address_bytes.hex(), flush=True)
while not adapter.connections:
    time.sleep(0.001)
(link,) = adapter._session.gap.connections.links
while adapter.connected:
    time.sleep(0.001)
reason = f"0x{link.reason:02x}"
left = [entry for entry in adapter.start_scan(timeout=0.3) if not entry.connectable]
print("ended", reason, len(left), flush=True)
"""
PROGRAM = """
import atexit, multiprocessing, os, sys, threading
import _bleio
adapter = _bleio.adapter
connection = adapter.connect(_bleio.Address(bytes.fromhex(sys.argv[1]), 1), timeout=120)
adapter.start_advertising(b"\\x02\\x01\\x06", connectable=False, interval=0.02)

def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()

def say(*words):
    print(*words, flush=True)

def state():
    return connection.connected, adapter.connected, adapter.advertising
"""
HERE = "True True True"
# How it ends: source, exit status, what it prints, what the peer sees
ENDS = {
    "exit": ("sys.exit(3)", 3, [], GOODBYE),
    "exception": ("raise ValueError('mine')", 1, ["ValueError: mine"], GOODBYE),
    "exit in a thread": ("in_thread(sys.exit); say(*state())", 0, [HERE], GOODBYE),
    "at exit": ("atexit.register(lambda: say(*state()))", 0, [HERE], GOODBYE),
    "_exit": ("os._exit(5)", 5, [], VANISHED),
    "another thread goes on": (
        "main = threading.main_thread()\n"
        "threading.Thread(target=lambda: (main.join(), say(*state()))).start()",
        0,
        [HERE],
        GOODBYE,
    ),
    "fork": (
        "child = os.fork()\nif not child:\n    sys.exit()\nsay(os.waitpid(child, 0)[1], *state())",
        0,
        [f"0 {HERE}"],
        GOODBYE,
    ),
    "multiprocessing": (
        "def child(queue):\n"
        "    queue.put((*state(), adapter.address))\n"
        "    own = _bleio.Adapter(os.environ['BLEIO_ADAPTER'])\n"
        "    queue.put(own.address)\n"
        "fork = multiprocessing.get_context('fork')\n"
        "queue = fork.Queue()\n"
        "process = fork.Process(target=child, args=(queue,))\n"
        "process.start()\n"
        "*states, first = queue.get(timeout=180)\n"
        "second = queue.get(timeout=180)\n"
        "process.join()\n"
        "say(process.exitcode, *states, len({first, second, adapter.address}), *state())",
        0,
        [f"0 False False False 3 {HERE}"],
        GOODBYE,
    ),
}


@pytest.mark.parametrize("how", ENDS)
def test_what_the_peer_sees(radios: Radios, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    source, status, lines, reason = ENDS[how]
    monkeypatch.setenv("BLEIO_ADAPTER", "virtual:desk")
    peer = radios.start("peer", "-c", PEER)
    address = peer.wait_for("^address (.*)")[1]
    # The warning that newer Pythons give is for programs that fork while threads run.
    warnings = ("-W", "ignore::DeprecationWarning")
    program = radios.start("program", *warnings, "-c", PROGRAM + source, address)
    assert program.wait() == status
    assert said(program) == lines
    peer.wait_for(f"^ended {reason} 0$")
    peer.ends_well()


def said(program: Program) -> list[str]:
    """What it printed, without the traceback of its own exception."""
    return [
        line
        for line in program.lines
        if not line.startswith(("Traceback", "  File", "    ")) and line
    ]
