"""The self-test: two devices that do with each other what programs do.

In simulated time where greenlet is installed, so that it takes a moment and nothing else on the
computer matters, else in real time. Both run the same function. It needs no adapter, so what fails
here is bleio, or how it is installed.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bleio.cli.diagnosis.bounded import TimedOut, bounded
from bleio.cli.diagnosis.findings import NOTE, OK, PROBLEM, TIMED_OUT, Step

if TYPE_CHECKING:
    from bleio.api import Adapter, Characteristic, Connection

STEPS = ("advertise", "scan", "connect", "discover", "read", "notify", "pair", "disconnect")
WITHIN_S = 60.0
_STEP_S = 10.0
_SERVICE = 0x180D


def exercise(done: list[str]) -> None:
    """Do all steps, and note each that has gone well. A program of a world, or of real time."""
    from bleio.api import Adapter

    peripheral, central = Adapter("virtual"), Adapter("virtual")
    local = _served(peripheral)
    try:
        connection = _meet(peripheral, central, done)
        remote = _find_value(connection, done)
        _read(remote, done)
        _be_notified(local, remote, done)
        connection.pair()
        if not connection.paired:
            raise RuntimeError("the link is not encrypted after pairing")
        done.append("pair")
        connection.disconnect()
        if central.connected:
            raise RuntimeError("the link is still there after disconnecting")
        done.append("disconnect")
    finally:
        for adapter in (central, peripheral):
            adapter.enabled = False


def _served(peripheral: Adapter) -> Characteristic:
    """Serve a value."""
    from bleio.api import UUID, Characteristic, Service, use_adapter

    with use_adapter(peripheral):
        return Characteristic.add_to_service(
            Service(UUID(_SERVICE)),
            UUID(0x2A37),
            properties=Characteristic.READ | Characteristic.NOTIFY,
            max_length=20,
            initial_value=b"first",
        )


def _meet(peripheral: Adapter, central: Adapter, done: list[str]) -> Connection:
    """Advertise, scan, connect."""
    peripheral.start_advertising(b"\x02\x01\x06")
    done.append("advertise")
    own = peripheral.address
    if not any(entry.address == own for entry in central.start_scan(timeout=_STEP_S)):
        raise RuntimeError("the scan has not heard the advertiser")
    done.append("scan")
    connection = central.connect(own, timeout=_STEP_S)
    done.append("connect")
    return connection


def _find_value(connection: Connection, done: list[str]) -> Characteristic:
    from bleio.api import UUID

    (found,) = connection.discover_remote_services((UUID(_SERVICE),))
    (remote,) = found.characteristics
    done.append("discover")
    return remote


def _read(remote: Characteristic, done: list[str]) -> None:
    if bytes(remote.value) != b"first":
        raise RuntimeError(f"the value read is {bytes(remote.value)!r}, not b'first'")
    done.append("read")


def _be_notified(local: Characteristic, remote: Characteristic, done: list[str]) -> None:
    from bleio.api import PacketBuffer

    packets = PacketBuffer(remote, buffer_size=4)
    local.value = b"second"
    until = time.monotonic() + _STEP_S
    packet = bytearray(20)
    while not (count := packets.readinto(packet)):
        if time.monotonic() > until:
            raise RuntimeError("the notification has not come")
        time.sleep(0.01)
    if packet[:count] != b"second":
        raise RuntimeError(f"the value notified is {bytes(packet[:count])!r}, not b'second'")
    done.append("notify")


def self_test() -> list[Step]:
    """Run it, and return its steps. It takes no longer than a minute."""
    done: list[str] = []
    simulated = _has_worlds()
    began = time.monotonic()
    reason, state = "", PROBLEM
    try:
        with _own_environment():
            bounded(WITHIN_S, _in_world if simulated else _in_real_time, done)
    except TimedOut as error:
        reason, state = str(error), TIMED_OUT
    except Exception as error:
        cause = error.__cause__ or error
        reason = f"{type(cause).__name__}: {cause}"
    clock = "simulated" if simulated else "real"
    took = f"in {clock} time, {time.monotonic() - began:.1f} s"
    return _steps(done, reason, state, took)


def _has_worlds() -> bool:
    """Whether there is what worlds need, which is not on every platform."""
    try:
        importlib.import_module("bleio.testing.timing.hub")
    except ImportError:
        return False
    return True


@contextmanager
def _own_environment() -> Iterator[None]:
    """Leave the user's settings out of it, so that no bond is kept and no capture written."""
    before = {key: os.environ.pop(key) for key in list(os.environ) if key.startswith("BLEIO_")}
    with TemporaryDirectory(prefix="bleio-doctor-") as folder:
        os.environ["BLEIO_STATE_DIR"] = folder
        try:
            yield
        finally:
            del os.environ["BLEIO_STATE_DIR"]
            os.environ.update(before)


def _steps(done: list[str], reason: str, state: str, took: str) -> list[Step]:
    steps = [Step(each, OK) for each in STEPS if each in done]
    left = [each for each in STEPS if each not in done]
    if left:
        steps.append(Step(left[0], state, reason or "it has not come that far"))
        steps += [Step(each, NOTE, "not tried") for each in left[1:]]
    elif reason:
        steps.append(Step("end", state, reason))
    else:
        steps[-1] = Step(steps[-1].step, OK, took)
    return steps


def _in_world(done: list[str]) -> None:
    from bleio.testing import World

    with World(seed=1) as world:
        world.add(exercise, (done,), name="self-test")
        world.run(within_s=WITHIN_S)


def _in_real_time(done: list[str]) -> None:
    from bleio.runtime.engine import use_portal
    from bleio.runtime.portal import Portal

    portal = Portal()
    try:
        with use_portal(portal):
            exercise(done)
    finally:
        portal.stop()
