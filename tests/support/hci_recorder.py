"""Captures what hosts of ours and their controllers say in tests, and lets tshark judge it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from bleio.backends.hci.backend import HciBackend
from bleio.backends.hci.capture.tap import CaptureFile, Tap, tapped
from bleio.backends.hci.controller.port import OnLost, OnPacket
from support.recorded import Recording


class _CountedFile(CaptureFile):
    """One file in which each adapter is an interface of its own, lest handles get mixed up."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(str(recording.path))
        self._recording = recording

    def add(self, adapter: int, now_us: int, packet: bytes, *, to_host: bool) -> None:
        self._recording.frames += 1
        super().add(adapter, now_us, packet, to_host=to_host)


@pytest.fixture(scope="session")
def hci_recorder(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Recording, CaptureFile]]:
    """Where all tests that record put what is said over HCI."""
    recording = Recording(tmp_path_factory.mktemp("hci") / "all.pcapng", "hci")
    file = _CountedFile(recording)
    yield recording, file
    file.close()
    if shutil.which("tshark"):
        recording.check()


@pytest.fixture
def record_hosts(
    request: pytest.FixtureRequest,
    hci_recorder: tuple[Recording, CaptureFile],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Record every adapter that a test opens in this process."""
    recording, file = hci_recorder
    recording.begin_test(request.node)
    open_port = HciBackend._open_port

    async def open_and_record(backend: Any, on_packet: OnPacket, on_lost: OnLost) -> Any:
        tap = Tap(file, backend.name, keys=True)
        port: Any = await open_port(backend, tapped([tap], on_packet), on_lost)
        send = port.send

        def record_and_send(packet: bytes) -> None:
            tap.sent(packet)
            send(packet)

        # Not by a port around it: tests reach into theirs, to unplug it.
        port.send = record_and_send
        return port

    monkeypatch.setattr(HciBackend, "_open_port", open_and_record)
