"""Many threads at one adapter: all at once, and everything right."""

from __future__ import annotations

import threading
from collections.abc import Callable

import _bleio
import pytest

from support.pair import DEADLINE_S, Pair, connect, make

THREADS, ROUNDS = 8, 8


def at_once(*works: Callable[[], None]) -> None:
    """Run each in a thread of its own, from one moment on; an error in any is an error here."""
    errors: list[BaseException] = []
    together = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        try:
            together.wait(DEADLINE_S)
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * DEADLINE_S)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


def test_first_use_by_many_threads_is_one_adapter(central: _bleio.Adapter) -> None:
    addresses = []
    at_once(*[lambda: addresses.append(central.address)] * THREADS)
    assert addresses == [central.address] * THREADS


def test_reads_and_writes_from_many_threads(
    central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    read_and_write = _bleio.Characteristic.READ | _bleio.Characteristic.WRITE
    service = _bleio.Service(_bleio.UUID(0x180F))
    local = [make(service, 0x2B00 + n, properties=read_and_write) for n in range(THREADS)]
    link = connect(central, peripheral)
    (found,) = link.outgoing.discover_remote_services((service.uuid,))

    def work(number: int) -> None:
        remote = found.characteristics[number]
        for count in range(ROUNDS):
            remote.value = bytes((number, count))
            assert remote.value == bytes((number, count))

    at_once(*[lambda number=number: work(number) for number in range(THREADS)])
    assert [bytes(each.value) for each in local] == [bytes((n, ROUNDS - 1)) for n in range(THREADS)]


def test_starting_and_stopping_from_many_threads(central: _bleio.Adapter) -> None:
    """Whatever the order, there is at most one of each, and the last stop ends it."""
    refused: set[str] = set()

    def advertise() -> None:
        for _ in range(ROUNDS):
            try:
                central.start_advertising(b"\x02\x01\x06")
            except _bleio.BluetoothError as error:
                refused.add(str(error))
            central.stop_advertising()

    def scan() -> None:
        for _ in range(ROUNDS):
            try:
                results = central.start_scan(b"\x01\xfe")
            except _bleio.BluetoothError as error:
                refused.add(str(error))
            else:
                central.stop_scan()
                assert list(results) == []

    at_once(advertise, advertise, scan, scan)
    assert refused <= {"Already advertising.", "Scan already in progress. Stop with stop_scan."}
    assert central.advertising is False
    central.start_advertising(b"\x02\x01\x06")
    central.start_scan()


def test_disabling_in_the_middle_of_everything(
    central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    service = _bleio.Service(_bleio.UUID(0x180F))
    local = make(service, properties=_bleio.Characteristic.READ, initial_value=b"*")
    link: Pair = connect(central, peripheral)
    remote = link.remote(local)
    nowhere = _bleio.Address(bytes.fromhex("0102030405c6"), 1)
    results = central.start_scan(b"\x01\xfe")
    ended: list[str] = []

    def read() -> None:
        with pytest.raises(_bleio.ConnectionError, match=r"^Not connected\n"):
            while True:
                assert remote.value == b"*"
        ended.append("read")

    def wait_for_results() -> None:
        assert list(results) == []
        ended.append("scan")

    def connect_to_nobody() -> None:
        with pytest.raises(_bleio.BluetoothError, match=r"^Adapter not enabled$"):
            central.connect(nowhere, timeout=0)
        ended.append("connect")

    def disable() -> None:
        remote.value  # others are at it by now
        central.enabled = False

    at_once(read, read, wait_for_results, connect_to_nobody, disable)
    assert sorted(ended) == ["connect", "read", "read", "scan"]
    central.enabled = True
    connect(central, peripheral)
