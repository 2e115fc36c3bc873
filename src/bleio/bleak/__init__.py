"""Backends that put bleak on bleio's engine, so that its programs run on every adapter of ours.

bleak 3 takes backends as classes. These three serve each radio that bleio knows, simulated ones
and worlds included:

    BleakScanner(backend=bleio.bleak.Scanner)
    BleakClient(device, backend=bleio.bleak.Client)
    await BleakAdapter.get(backend=bleio.bleak.Adapter)

Programs that say nothing get them by `bleak_choice` (`bleio run --bleak`, `BLEIO_BLEAK=1`), and in
worlds always. The radio is the current adapter, `_bleio.adapter`, or the one that a
program names by `bluez={"adapter": ...}`, see `radio`.

What stands here is bleak's side alone: its records, its exceptions, its habits. All that has to do
with Bluetooth is `bleio.aio`'s, in the loop of the program.
"""

from bleio.bleak.adapter import Adapter
from bleio.bleak.client import Client
from bleio.bleak.scanner import Scanner

__all__ = ["Adapter", "Client", "Scanner"]
