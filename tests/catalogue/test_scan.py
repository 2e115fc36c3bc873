"""Catalogue 3.2 start_scan, 3.10, 3.11 and 4.2: scanning, ScanEntry and ScanResults."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import _bleio
import pytest

from support.pair import DEADLINE_S, raises, until
from support.recorded import tshark_complains
from support.tshark import MALFORMED

FLAGS = b"\x02\x01\x06"
NAME = b"\x05\x09desk"
CUT = tshark_complains(MALFORMED, reason="the structure is cut on purpose")


def advertise(adapter: _bleio.Adapter, data: bytes = FLAGS + NAME, **options: Any) -> None:
    adapter.start_advertising(data, **{"interval": 0.02} | options)


def first(
    central: _bleio.Adapter,
    wanted: Callable[[_bleio.ScanEntry], bool] = lambda entry: True,
    **options: Any,
) -> _bleio.ScanEntry:
    """Scan until an entry is wanted."""
    try:
        for entry in central.start_scan(**{"timeout": DEADLINE_S} | options):
            if wanted(entry):
                return entry
    finally:
        central.stop_scan()
    raise AssertionError("the scan ended without the entry")


# --- arguments


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(timeout="1"), TypeError, None),
        (dict(timeout=-1), ValueError, "timeout must be >= 0"),
        (dict(interval=0.0024), ValueError, "interval must be in range 0.0025-40.959375"),
        (dict(interval=41), ValueError, "interval must be in range 0.0025-40.959375"),
        (dict(interval="1"), TypeError, None),
        (dict(timeout=0.05, interval=0.1), ValueError, "non-zero timeout must be >= interval"),
        (dict(window=0.2), ValueError, "window must be <= interval"),
        (dict(prefixes=3), TypeError, "object with buffer protocol required"),
        (dict(buffer_size=0), ValueError, "buffer_size must be >= 1"),
        (dict(buffer_size=1.0), TypeError, None),
        (dict(minimum_rssi="x"), TypeError, None),
    ],
)
def test_errors(
    central: _bleio.Adapter, arguments: dict[str, Any], error: Any, message: str | None
) -> None:
    with raises(error, message):
        central.start_scan(**arguments)
    central.start_scan()  # no scan was left running
    central.stop_scan()


def test_prefixes_by_position_and_keyword(
    central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    advertise(peripheral)
    assert next(central.start_scan(NAME[:2].replace(b"\x05", b"\x01"), timeout=DEADLINE_S))
    central.stop_scan()
    assert first(central, prefixes=b"\x02\x09d").address == peripheral.address
    with pytest.raises(TypeError):
        central.start_scan(b"", 512)


# --- entries


def test_entry_members(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> None:
    advertise(peripheral)
    entry = first(central)
    assert entry.address == peripheral.address
    assert entry.advertisement_bytes == FLAGS + NAME
    assert type(entry.advertisement_bytes) is bytes
    assert (entry.connectable, entry.scan_response) == (True, False)
    assert -80 <= entry.rssi < 0
    for name in ("address", "advertisement_bytes", "rssi", "connectable", "scan_response"):
        with pytest.raises(AttributeError):
            setattr(entry, name, None)


def test_scan_response_is_an_entry_of_its_own(
    central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    advertise(peripheral, FLAGS, scan_response=NAME)
    entry = first(central, lambda entry: entry.scan_response)
    assert entry.advertisement_bytes == NAME
    assert entry.connectable is True
    entry = first(central, lambda entry: not entry.scan_response)
    assert entry.advertisement_bytes == FLAGS


def test_scannable_without_connectable(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> None:
    advertise(peripheral, FLAGS, scan_response=NAME, connectable=False)
    entry = first(central, lambda entry: entry.scan_response)
    assert (entry.advertisement_bytes, entry.connectable) == (NAME, False)
    assert first(central, lambda entry: not entry.scan_response).connectable is False


def test_passive_scans_yield_no_scan_responses(
    central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    advertise(peripheral, FLAGS, scan_response=NAME)
    results = central.start_scan(active=False, buffer_size=10_000, timeout=DEADLINE_S)
    assert not any(next(results).scan_response for _ in range(20))
    central.stop_scan()


def test_no_deduplication(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> None:
    advertise(peripheral, connectable=False)
    results = central.start_scan(timeout=DEADLINE_S)
    entries = [next(results) for _ in range(5)]
    central.stop_scan()
    assert {entry.advertisement_bytes for entry in entries} == {FLAGS + NAME}


@pytest.mark.parametrize(
    "size",
    [
        32,
        100,
        # Data may be cut at any octet (Vol 6, Part B, 2.3.4.9; Vol 4, Part E, 7.7.65.13).
        pytest.param(255, marks=tshark_complains(MALFORMED, reason="it looks at each part alone")),
    ],
)
def test_extended_advertising_needs_an_extended_scan(
    central: _bleio.Adapter, peripheral: _bleio.Adapter, size: int
) -> None:
    data = bytes([size - 1, 0xFF]) + bytes(range(size - 2))
    advertise(peripheral, data, connectable=False)
    entry = first(central, extended=True, minimum_rssi=-255, buffer_size=1024)
    assert entry.advertisement_bytes == data
    assert (entry.connectable, entry.scan_response) == (False, False)
    assert list(central.start_scan(timeout=0.3, interval=0.1)) == []


def test_an_extended_scan_hears_legacy_packets(
    central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    advertise(peripheral)
    assert first(central, extended=True).advertisement_bytes == FLAGS + NAME


def test_anonymous_advertising_hides_the_identity(
    central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    advertise(peripheral, anonymous=True)
    entry = first(central)
    assert entry.address != peripheral.address
    assert entry.address.type in (
        _bleio.Address.RANDOM_PRIVATE_RESOLVABLE,
        _bleio.Address.RANDOM_PRIVATE_NON_RESOLVABLE,
    )


def test_tx_power_shows_in_rssi(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> None:
    advertise(peripheral, tx_power=0)
    strong = first(central, minimum_rssi=-255).rssi
    peripheral.stop_advertising()
    advertise(peripheral, tx_power=-20)
    weak = first(central, minimum_rssi=-255).rssi
    assert strong - weak == 20


# --- filters


def test_minimum_rssi(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> None:
    advertise(peripheral)
    rssi = first(central).rssi
    assert first(central, minimum_rssi=rssi).rssi == rssi
    assert list(central.start_scan(minimum_rssi=rssi + 1, timeout=0.3)) == []


PREFIX_CASES = [
    # prefixes, any structure matches any prefix, every prefix matches some structure
    (b"", True, True),
    (b"\x01\x09", True, True),
    (b"\x02\x01\x06", True, True),
    (b"\x05\x09desk", True, True),
    (b"\x06\x09desk!", False, False),
    (b"\x01\x09\x01\x01", True, True),
    (b"\x01\x09\x01\xff", True, False),
    (b"\x01\xff\x01\xfe", False, False),
    (b"\x00", True, True),
    (b"\x03\x09d", False, False),  # cut short by the end of prefixes
    (b"\x03\x09dX\x01\x01", True, False),
]


@pytest.mark.parametrize(("prefixes", "matches_any", "matches_all"), PREFIX_CASES)
def test_prefixes(
    central: _bleio.Adapter,
    peripheral: _bleio.Adapter,
    prefixes: bytes,
    matches_any: bool,
    matches_all: bool,
) -> None:
    advertise(peripheral, connectable=False)
    entry = first(central)
    assert entry.matches(prefixes) is matches_all
    assert entry.matches(prefixes, match_all=True) is matches_all
    assert entry.matches(prefixes, match_all=False) is matches_any
    assert entry.matches(prefixes, all=True) is matches_all
    assert entry.matches(prefixes, all=False) is matches_any
    if matches_any:
        assert first(central, prefixes=prefixes).advertisement_bytes == FLAGS + NAME
    else:
        assert list(central.start_scan(prefixes=prefixes, timeout=0.2)) == []


@pytest.mark.parametrize(
    ("data", "prefixes", "expected"),
    [
        (b"", b"\x01\x09", False),
        (b"", b"", True),
        (b"\x02\x01\x06\x00\x05\x09desk", b"\x01\x09", False),  # ends at a length of 0
        pytest.param(b"\x05\x09d", b"\x03\x09de", False, marks=CUT),
        pytest.param(b"\x05\x09d", b"\x02\x09d", True, marks=CUT),
    ],
)
def test_odd_data(
    central: _bleio.Adapter,
    peripheral: _bleio.Adapter,
    data: bytes,
    prefixes: bytes,
    expected: bool,
) -> None:
    advertise(peripheral, data, connectable=False)
    assert first(central).matches(prefixes) is expected


def test_matches_checks_its_argument(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> None:
    advertise(peripheral)
    entry = first(central)
    with pytest.raises(TypeError):
        entry.matches(5)
    with pytest.raises(TypeError):
        entry.matches(b"", False)


# --- life of a scan


def test_already_scanning(central: _bleio.Adapter) -> None:
    central.start_scan()
    with raises(_bleio.BluetoothError, "Scan already in progress. Stop with stop_scan."):
        central.start_scan()
    central.stop_scan()
    central.stop_scan()
    central.start_scan()
    central.stop_scan()


def test_timeout_ends_the_results(central: _bleio.Adapter) -> None:
    start = time.monotonic()
    results = central.start_scan(timeout=0.2)
    assert iter(results) is results
    assert list(results) == []
    assert 0.15 < time.monotonic() - start < DEADLINE_S
    with pytest.raises(StopIteration):
        next(results)
    central.start_scan(timeout=0.2)


@pytest.mark.parametrize("unlimited", [None, 0, 0.0])
def test_no_timeout(central: _bleio.Adapter, unlimited: float | None) -> None:
    results = central.start_scan(timeout=unlimited)
    ended: list[bool] = []
    waiting = threading.Thread(target=lambda: ended.append(list(results) == []))
    waiting.start()
    assert not ended
    central.stop_scan()
    waiting.join(DEADLINE_S)
    assert ended == [True]


def test_scanning_begins_at_the_call_and_buffered_entries_stay(
    central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    advertise(peripheral, connectable=False)
    results = central.start_scan(buffer_size=19 + len(FLAGS + NAME))
    watcher = _bleio.Adapter("virtual")
    # The watcher hears every packet that the central hears, so the central's buffer has one too.
    assert [next(heard) for heard in [watcher.start_scan()] for _ in range(3)]
    central.stop_scan()
    watcher.enabled = False
    assert len(list(results)) == 1


def test_full_buffer_keeps_the_older_entries(
    central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    data = FLAGS + b"\x02\x0a\x00" + bytes([24, 0xFF]) + bytes(23)
    assert len(data) == 31
    advertise(peripheral, data, connectable=False)
    results = central.start_scan(timeout=1.0, interval=0.05, window=0.05)
    until(lambda: _finished(central))
    assert len(list(results)) == 512 // (19 + 31)


def _finished(central: _bleio.Adapter) -> bool:
    try:
        central.start_scan()
    except _bleio.BluetoothError:
        return False
    central.stop_scan()
    return True


def test_disabling_ends_the_results(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> None:
    results = central.start_scan()
    central.enabled = False
    assert list(results) == []


def test_scanning_while_advertising(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> None:
    advertise(central)
    advertise(peripheral, NAME)
    assert first(central).advertisement_bytes == NAME
    assert central.advertising is True


def test_abandoned_generator(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> None:
    def lazy() -> Iterator[_bleio.ScanEntry]:
        yield from central.start_scan(timeout=0)

    advertise(peripheral)
    for _entry in lazy():
        break
    central.stop_scan()
    assert first(central)
