"""Private addresses that change: bonded devices know each other by identity.

Not on bumble's controllers, which find the ends of a link by their random addresses of now.
"""

from __future__ import annotations

import pytest

from bleio.backends.capabilities import Capability
from support.hci.engine import until
from support.hci.privacy import bond, is_private, on_air, set_private
from support.hci.simulated import in_world_time
from support.hci.world import MakeWorld

pytestmark = pytest.mark.needs(Capability.PRIVATE_ADDRESS)


@in_world_time
async def test_bonded_devices_meet_again_by_identity(faithful_world: MakeWorld) -> None:
    async with faithful_world() as world:
        one, other = await world.device(), await world.device()
        for device in (one, other):
            set_private(device)
        link, incoming = await bond(one, other)
        assert (link.peer, incoming.peer) == (other.address, one.address)
        seen = set(on_air(link))
        for _ in range(2):
            await link.disconnect()
            await until(lambda: not other.engine.links)
            for device in (one, other):
                set_private(device, private_address=False)
                set_private(device)
            await other.advertise()
            one.engine.reports.clear()
            await one.scan(extended=True)
            await until(lambda: one.engine.reports)
            await one.backend.stop_scan()
            assert {report.address for report in one.engine.reports} == {other.address}
            link, incoming = await one.connect(other)
            assert (link.peer, incoming.peer) == (other.address, one.address)
            assert on_air(link) == on_air(incoming)[::-1]
            assert all(is_private(each) for each in on_air(link))
            assert not seen.intersection(on_air(link))
            seen.update(on_air(link))
            await until(lambda ends=(link, incoming): all(e.security.encrypted for e in ends))


@in_world_time
async def test_links_outlive_their_addresses(faithful_world: MakeWorld) -> None:
    async with faithful_world() as world:
        one, other = await world.device(), await world.device()
        for device in (one, other):
            set_private(device, rotation_s=1)
        link, incoming = await bond(one, other)
        await other.advertise(connectable=False)
        await one.scan(extended=True)
        reports = one.engine.reports
        opened = other.backend._open
        assert opened is not None
        before = opened.privacy.own_address
        await until(lambda: opened.privacy.own_address != before)
        reports.clear()
        await until(lambda: other.address in {report.address for report in reports})
        assert link.connected
        assert incoming.connected
        assert await link.discover(None)
