"""Radios in processes of their own, in a folder where adapters of this process find them too."""

from __future__ import annotations

import pytest

from support.radio_processes import Radios, radios as own_radios

__all__ = ["own_radios"]


@pytest.fixture
def radios(own_radios: Radios, monkeypatch: pytest.MonkeyPatch) -> Radios:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(own_radios.folder))
    return own_radios
