"""Own addresses: static, private, and those the simulated radio gives out."""

from __future__ import annotations

import pytest
from bumble.hci import Address
from bumble.smp import AddressResolver

from bleio.backends.hci import HciBackend
from bleio.backends.hci.gap.identity import any_static_address, private_address
from bleio.core.address import AddressType, DeviceAddress
from bleio.errors import CallerError, ControllerLost
from support.hci.engine import Engine, asynchronous
from support.hci.world import VirtualWorld

IRK = bytes(range(16))


def static(number: int) -> DeviceAddress:
    return DeviceAddress(bytes((number, 2, 3, 4, 5, 0xC6)), random=True)


def test_a_private_address_resolves_with_its_irk_only() -> None:
    owner = Address(static(1).octets, Address.RANDOM_DEVICE_ADDRESS)
    address = private_address(IRK)
    assert address.type is AddressType.RANDOM_PRIVATE_RESOLVABLE
    shown = Address(address.octets, Address.RANDOM_DEVICE_ADDRESS)
    assert AddressResolver([(IRK, owner)]).resolve(shown) == owner
    assert AddressResolver([(bytes(16), owner)]).resolve(shown) is None


def test_kinds_of_address() -> None:
    assert any_static_address(0).type is AddressType.RANDOM_STATIC
    assert any_static_address(0) != any_static_address(0)


@asynchronous
async def test_a_second_instance_gets_the_next_address() -> None:
    async with VirtualWorld() as world:
        instances = [await world.device(address=static) for _ in range(3)]
        assert [each.address for each in instances] == [static(0), static(1), static(2)]
        await instances[0].backend.close()
        again = await world.device(address=static)
        assert again.address == static(0)


@asynchronous
async def test_a_fixed_address_that_is_taken() -> None:
    async with VirtualWorld() as world:
        await world.device(address=static(1))
        second = await world.device(open_it=False, address=static(1))
        with pytest.raises(ControllerLost, match="has the address c6:05:04:03:02:01; choose"):
            await second.open()


@asynchronous
async def test_a_fixed_address_must_be_static() -> None:
    engine = Engine()
    with pytest.raises(CallerError, match="random static"):
        await HciBackend("virtual", DeviceAddress(bytes(6))).open(engine.server, "", engine)


def test_pins_need_a_serial_object() -> None:
    with pytest.raises(CallerError, match="serial object"):
        HciBackend("virtual", rts=object())  # type: ignore[arg-type]
