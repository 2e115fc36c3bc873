"""The adapter string of proxies, up to a fleet that is not open yet."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bleio.backends.os.esphome.places import KEY_FILE
from bleio.errors import CallerError, ControllerLost
from bleio.runtime import selection


def test_the_string_is_checked_at_once() -> None:
    assert selection.backend_for("esphome:kitchen.local,[::1]:7")
    with pytest.raises(CallerError, match="There is no adapter 'esphome:'"):
        selection.backend_for("esphome:")
    with pytest.raises(CallerError, match="'kitchen:x' is no place of an ESPHome proxy"):
        selection.backend_for("esphome:kitchen:x")


def test_without_the_libraries_it_says_what_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.startswith("bleio.backends.os.esphome.")]:
        if not name.endswith(".places"):
            monkeypatch.delitem(sys.modules, name)
    for name in ("aioesphomeapi", "bleak_esphome", "habluetooth"):
        monkeypatch.setitem(sys.modules, name, None)
    what = r"pip install \"bleio\[esphome\]\"$" if sys.version_info >= (3, 11) else "Python 3.11"
    with pytest.raises(ControllerLost, match=what):
        selection.backend_for("esphome:kitchen")(None)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the libraries for ESPHome need Python 3.11")
def test_a_fleet_is_called_by_its_string(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BLEIO_STATE_DIR", str(tmp_path))
    (tmp_path / KEY_FILE).write_text("keys are read when it opens, not before")
    backend = selection.backend_for("esphome:Kitchen:6053,[::1]:7")(None)
    assert backend.name == "esphome:kitchen,[::1]:7"
    assert backend.platform == "ESPHome"
