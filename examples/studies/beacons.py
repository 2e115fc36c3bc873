"""How long a scanner takes to find one of 200 beacons, beside what theory says.

All beacons advertise, each on all three channels, with a random delay of up to 10 ms on top of
their interval. The scanner listens all the time, on one channel after another. So it hears each
event of the beacon that it looks for, but for those that collide with other beacons.

The model. T is the mean time between two events of a beacon, t the length of a packet on the air.
A packet is received if none of the other N - 1 beacons begins its own within t before or after it,
as in pure ALOHA (N. Abramson, "The ALOHA System", AFIPS 1970), which has the probability

    q = (1 - 2 t / T) ** (N - 1)

From any moment it takes T / 2 to the next event (the mean forward recurrence time of a renewal
process, D. R. Cox, "Renewal Theory", 1962, where the random delay is small), and 1 / q events are
needed:

    E[latency] = T / 2 + (1 / q - 1) T + t

D. Perez-Diaz de Cerio and others, "Analytical and Experimental Performance Evaluation of BLE
Neighbor Discovery Process Including Non-Idealities of Real Chipsets", Sensors 17 (2017), 499, study
the same with real chips. The model takes collisions as independent. They are not quite: two beacons
that have collided are still close to each other an interval later.

    bleio campaign examples/studies/beacons.py --plot beacons.png
"""

import time
from random import Random

from bleio.testing import Propagation

grid = {"interval_s": [0.1, 0.2, 0.5, 1.0], "beacons": [1, 50, 200]}
seeds = 100
world = {"propagation": Propagation(collisions=True)}

DATA = bytes([30, 0xFF]) + bytes(29)  # 31 octets, as beacons of all kinds send
PACKET_S = (1 + 4 + 2 + 6 + 31 + 3) * 8e-6  # preamble, access address, header, address, data, CRC
DELAY_S = 0.010


def beacon(interval_s):
    import _bleio

    _bleio.adapter.start_advertising(DATA, connectable=False, interval=interval_s)
    time.sleep(1e6)


def scanner(target, latencies_s):
    import _bleio

    begin_s = time.monotonic()
    for heard in _bleio.adapter.start_scan(interval=0.1, window=0.1):
        if heard.address == target:
            break
    latencies_s.append(time.monotonic() - begin_s)
    _bleio.adapter.stop_scan()


def scenario(world, interval_s, beacons):
    random, latencies_s = Random(f"{world.seed} {interval_s} {beacons}"), []
    devices = [
        world.add(
            beacon, (interval_s,), name=f"beacon {number}", start_s=random.uniform(0, interval_s)
        )
        for number in range(beacons)
    ]
    world.run_for(interval_s * random.uniform(2, 3))
    world.add(scanner, (devices[0].adapter.address, latencies_s))
    world.run(until=lambda: latencies_s, within_s=600)
    return {"latency_s": latencies_s[0]}


def expected(interval_s, beacons):
    mean_s = interval_s + DELAY_S / 2
    clear = (1 - 2 * PACKET_S / mean_s) ** (beacons - 1)
    return {"latency_s": mean_s / 2 + (1 / clear - 1) * mean_s + PACKET_S}
