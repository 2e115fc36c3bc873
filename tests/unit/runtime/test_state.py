"""Where state is kept, and that none is before there is something to keep."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bleio.api import Adapter
from bleio.runtime import identity


def test_the_folder_is_the_environments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BLEIO_STATE_DIR", "here")
    assert identity.state_folder() == tmp_path / "here"
    assert identity.bond_folder() == tmp_path / "here" / "bonds"


@pytest.mark.parametrize("setting", [None, ""])
def test_or_the_operating_systems(monkeypatch: pytest.MonkeyPatch, setting: str | None) -> None:
    monkeypatch.delenv("BLEIO_STATE_DIR")
    if setting is not None:
        monkeypatch.setenv("BLEIO_STATE_DIR", setting)
    folder = identity.state_folder()
    assert folder.is_absolute()
    assert folder.name == "bleio"


@pytest.mark.skipif(os.name == "nt", reason="the folder of Linux")
def test_linux_has_a_folder_for_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BLEIO_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    if os.uname().sysname == "Linux":
        assert identity.state_folder() == tmp_path / "bleio"


def test_nothing_is_made_while_there_is_nothing_to_save(state_folder: Path) -> None:
    one, other = Adapter("virtual"), Adapter("virtual")
    one.start_advertising(b"\x02\x01\x06", interval=0.02)
    connection = other.connect(one.address, timeout=10)
    other.erase_bonding()
    assert not connection.paired
    for adapter in (one, other):
        adapter.enabled = False
    assert not state_folder.exists()


def test_a_pairing_is_saved_by_both_ends(state_folder: Path) -> None:
    one, other = Adapter("virtual"), Adapter("virtual")
    one.start_advertising(b"\x02\x01\x06", interval=0.02)
    other.connect(one.address, timeout=10).pair()
    for adapter in (one, other):
        adapter.enabled = False
    assert len(list((state_folder / "bonds").glob("*.json"))) == 2
