"""Ten million packets by a thousand connections, one after the other, on a scripted controller.

    python bench/long.py [PART]

After the first hundredth, and at the end, it looks at the process: memory, blocks of memory that
Python's objects have, threads and open files should be the same. PART is how much of it to do:
0.01 is ten connections of the same length.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from controller import OCTETS, value
from host import our_peer, scripted

CONNECTIONS, PACKETS = 1000, 10_000


def figures() -> dict[str, float]:
    """Return what the process has now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "mib": pages * os.sysconf("SC_PAGESIZE") / 2**20,
        "blocks": sys.getallocatedblocks(),
        "threads": threading.active_count(),
        "files": len(os.listdir("/proc/self/fd")),
    }


def connection(adapter: Any, expected: list[bytes]) -> None:
    """Connect, take all packets, compare them, and disconnect."""
    import _bleio

    link = our_peer(adapter)
    (service,) = link.discover_remote_services()
    buffer = _bleio.PacketBuffer(
        service.characteristics[0], buffer_size=PACKETS, max_packet_size=OCTETS
    )
    packet, number = bytearray(OCTETS), 0
    while number < PACKETS:
        if buffer.readinto(packet):
            assert packet == expected[number]
            number += 1
        else:
            time.sleep(0.0005)
    buffer.deinit()
    link.disconnect()


def main(part: float) -> None:
    """Print the figures of both moments."""
    import _bleio

    count = max(2, round(CONNECTIONS * part))
    first = max(1, count // 100)
    expected = [value(number) for number in range(PACKETS)]
    with scripted(PACKETS) as path:
        adapter = _bleio.Adapter(f"hci:unix:{path}")
        _bleio.set_adapter(adapter)
        begin = time.perf_counter()
        for number in range(count):
            if number == first:
                early = figures()
            connection(adapter, expected)
        late = figures()
    rate = count * PACKETS / (time.perf_counter() - begin)
    print(json.dumps({"per_s": rate, **late, **{f"early_{name}": early[name] for name in early}}))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
