"""A program in a process of its own: reads a value of the peripheral named, then waits for Return.

python -m soak.guest ADDRESS
"""

from __future__ import annotations

import sys

import _bleio

from support.patience import PATIENCE_S


def main(address: str) -> None:
    peer = _bleio.Address(bytes.fromhex(address), _bleio.Address.RANDOM_STATIC)
    connection = _bleio.adapter.connect(peer, timeout=PATIENCE_S)
    (service,) = connection.discover_remote_services((_bleio.UUID(0x180F),))
    print("value", bytes(service.characteristics[0].value).hex(), flush=True)
    sys.stdin.readline()
    connection.disconnect()


main(sys.argv[1])
