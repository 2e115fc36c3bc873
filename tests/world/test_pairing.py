"""Pairing in a world: delegates answer in turn, bonds outlive the power."""

from __future__ import annotations

import time
from pathlib import Path

from bleio.testing import World

PERIPHERAL = """
import time
import _bleio
from bleio.api import IoCapability, PairingDelegate

class Display(PairingDelegate):
    def display_passkey(self, request, passkey):
        print("shown %06d" % passkey)

_bleio.adapter.pairing_delegate = Display(IoCapability.DISPLAY_ONLY)
while True:
    _bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
    while not _bleio.adapter.connected:
        time.sleep(0.01)
    (connection,) = _bleio.adapter.connections
    while connection.connected:
        time.sleep(0.01)
"""

CONNECT = """
import _bleio
entry = next(iter(_bleio.adapter.start_scan()))
connection = _bleio.adapter.connect(entry.address, timeout=5)
connection.pair()
print("paired", connection.paired)
connection.disconnect()
"""


def test_a_delegate_may_think_in_simulated_time() -> None:
    def central() -> None:
        import _bleio

        from bleio.api import IoCapability, PairingDelegate

        class Keyboard(PairingDelegate):
            def enter_passkey(self, request: object) -> int:
                time.sleep(20)
                return int(peripheral.text.split()[1])

        _bleio.adapter.pairing_delegate = Keyboard(IoCapability.KEYBOARD_ONLY)
        entry = next(iter(_bleio.adapter.start_scan()))
        connection = _bleio.adapter.connect(entry.address, timeout=5)
        connection.pair()
        assert connection.paired

    traces = []
    for _ in range(2):
        with World(seed=4) as world:
            peripheral = world.add(source=PERIPHERAL, name="peripheral")
            typist = world.add(central)
            world.run(until=lambda typist=typist: not typist.running, within_s=60)
            assert 20 < world.now_s < 25
            traces.append(world.trace())
    assert traces[0] == traces[1]


def test_bonds_outlive_the_power_and_the_world(tmp_path: Path) -> None:
    """Also in a folder that others may write, as a checkout is in many containers."""
    tmp_path.chmod(0o777)
    for time_round in range(2):
        with World(seed=time_round, state_folder=tmp_path) as world:
            peripheral = world.add(
                source=PERIPHERAL.replace("DISPLAY_ONLY", "NO_INPUT_NO_OUTPUT"), name="peripheral"
            )
            central = world.add(source=CONNECT, name="central")
            world.run(until=lambda device=central: not device.running, within_s=60)
            first = _pairing_requests(world)
            assert first == (1 if time_round == 0 else 0)
            peripheral.power_off()
            peripheral.power_on()
            central.power_on()
            world.run(until=lambda device=central: not device.running, within_s=60)
            assert _pairing_requests(world) == first
            assert central.text == "paired True\n" * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["central", "peripheral"]


def _pairing_requests(world: World) -> int:
    """Count what asks to pair: L2CAP channel 6, code 1, in plain text."""
    return sum(packet.octets[4:7] == b"\x06\x00\x01" for packet in world.packets)
