"""What a fleet claims to be able to, while proxies come and go."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bleio.backends.capabilities import ESPHOME, Capability
from bleio.backends.os.esphome.places import Place
from bleio.errors import ControllerLost
from support.bluez.loops import in_loop


@in_loop
async def test_what_a_proxy_lacks_that_comes_later_is_said_and_claimed_no_longer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fleet_module: Any = pytest.importorskip("bleio.backends.os.esphome.fleet")
    fleet = fleet_module.Fleet([], SimpleNamespace)
    fleet._is_open = True
    old = SimpleNamespace(place=Place("old"), problem=None, session=SimpleNamespace(features=0))
    fleet.proxies = [old]
    for _ in range(2):
        fleet.changed(old)
    assert ESPHOME.can - fleet.capabilities == {Capability.PAIRING, Capability.PASSIVE_SCANNING}
    assert caplog.text.count("The ESPHome proxy old lacks a feature: ESPHome") == 2
    fleet.proxies = []
    with pytest.raises(ControllerLost):
        await fleet.open(SimpleNamespace())
    await fleet.close()
    assert fleet.capabilities == ESPHOME.can
