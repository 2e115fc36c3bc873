"""A link for the length of a block, and what is said when it does not last."""

from __future__ import annotations

import sys

import pytest
from _bleio import UUID, Adapter, Attribute, Descriptor

from bleio import aio
from bleio.api import PairingDelegate
from bleio.cli.devices import connected, learn, parse_target, read_table
from bleio.cli.devices.problems import Gone, Refused
from bleio.cli.devices.table import Needs
from support.awaiting import NOTIFY, READ, WRITE, in_loop, served
from support.patience import PATIENCE_S

from .conftest import named


@in_loop
async def test_a_link_for_a_block(central: Adapter, peripheral: Adapter) -> None:
    served(READ, initial_value=b"x")
    peripheral.start_advertising(named("Pulse"))
    async with connected(central, parse_target("Pulse"), timeout_s=PATIENCE_S) as device:
        assert device.connection.connected
        assert str(device).startswith('"Pulse" (')
    assert not device.connection.connected


@in_loop
async def test_gone_in_the_middle(central: Adapter, peripheral: Adapter) -> None:
    served(READ, initial_value=b"x")
    peripheral.start_advertising(named("Pulse"))
    with pytest.raises(Gone) as caught:
        async with connected(central, parse_target("Pulse"), timeout_s=PATIENCE_S) as device:
            table = await read_table(device.connection)
            peripheral.enabled = False
            await aio.disconnected(device.connection)
            await learn(table)
    assert "is gone: the link ended (Remote User Terminated Connection, 0x13)" in str(caught.value)
    assert caught.value.exit_code == 5


class Leaving(PairingDelegate):
    """Goes away when it is asked whether to pair."""

    def __init__(self, adapter: Adapter) -> None:
        super().__init__()
        self._adapter = adapter

    def accept(self, request: object) -> bool:
        self._adapter.enabled = False
        return True


@in_loop
async def test_gone_while_pairing(central: Adapter, peripheral: Adapter) -> None:
    peripheral.pairing_delegate = Leaving(peripheral)
    peripheral.start_advertising(named("Pulse"))
    with pytest.raises(Gone) as caught:
        async with connected(central, parse_target("Pulse"), timeout_s=PATIENCE_S, pair=True):
            pass
    assert "is gone: the link ended" in str(caught.value)
    assert caught.value.exit_code == 5


class Unwilling(PairingDelegate):
    """Wants no pairing."""

    def accept(self, request: object) -> bool:
        return False


@in_loop
async def test_refused_while_pairing(central: Adapter, peripheral: Adapter) -> None:
    peripheral.pairing_delegate = Unwilling()
    peripheral.start_advertising(named("Pulse"))
    with pytest.raises(Refused) as caught:
        async with connected(central, parse_target("Pulse"), timeout_s=PATIENCE_S, pair=True):
            pass
    assert "and this computer could not pair: Pairing Not Supported (0x05)" in str(caught.value)
    assert caught.value.exit_code == 6


@in_loop
async def test_another_error_stays_what_it_is(central: Adapter, peripheral: Adapter) -> None:
    peripheral.start_advertising(named("Pulse"))
    with pytest.raises(KeyError):
        async with connected(central, parse_target("Pulse"), timeout_s=PATIENCE_S):
            raise KeyError


@in_loop
async def test_a_value_that_wants_pairing_says_what_to_type(
    central: Adapter, peripheral: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = served(READ, initial_value=b"x", read_perm=Attribute.ENCRYPT_NO_MITM)
    for argv, hint in (
        (["bleio", "read", "Pulse", "2a19"], "bleio read Pulse 2a19 --pair"),
        (["bleio", "read", "Pulse", "--pair"], "bleio read Pulse --pair --pairing terminal"),
    ):
        monkeypatch.setattr(sys, "argv", argv)
        peripheral.start_advertising(named("Pulse"))
        with pytest.raises(Refused) as caught:
            async with connected(central, parse_target("Pulse"), timeout_s=PATIENCE_S) as device:
                table = await read_table(device.connection)
                row = next(each for each in table.characteristics if each.uuid == local.uuid)
                await aio.read(row.characteristic)
        assert str(caught.value).splitlines()[-1] == f"  {hint}"
        assert caught.value.exit_code == 6


@in_loop
async def test_the_table_and_what_is_learnt_of_it(central: Adapter, peripheral: Adapter) -> None:
    opened = served(READ | NOTIFY, initial_value=b"open")
    Descriptor.add_to_characteristic(opened, UUID(0x2904), initial_value=b"form")
    closed = served(READ | WRITE, initial_value=b"shut", read_perm=Attribute.ENCRYPT_NO_MITM)
    silent = served(READ, initial_value=b"none", read_perm=Attribute.NO_ACCESS)
    peripheral.start_advertising(named("Pulse"))
    async with connected(central, parse_target("Pulse"), timeout_s=PATIENCE_S) as device:
        table = await read_table(device.connection)
        await learn(table)
        rows = {}
        for service in table.services:
            assert 0 < service.handle <= service.end_handle
            for row in service.characteristics:
                assert service.handle < row.handle <= service.end_handle
                assert row.service is service
                rows[row.uuid] = row
    first = rows[opened.uuid]
    assert first.value.octets == b"open"
    assert first.property_names == ["read", "notify"]
    assert first.descriptor(0x2904).value.octets == b"form"  # type: ignore[union-attr]
    assert first.descriptor(0x2902).value.octets == b"\0\0"  # type: ignore[union-attr]
    second = rows[closed.uuid]
    assert (second.value.octets, second.value.needs) == (None, Needs.AUTHENTICATION)
    third = rows[silent.uuid]
    assert (third.value.octets, third.value.needs) == (None, None)
    assert third.value.refusal == "Read Not Permitted (0x02)"


@in_loop
async def test_paired_at_once_it_can_be_read(central: Adapter, peripheral: Adapter) -> None:
    closed = served(READ, initial_value=b"shut", read_perm=Attribute.ENCRYPT_NO_MITM)
    peripheral.start_advertising(named("Pulse"))
    target = parse_target("Pulse")
    async with connected(central, target, timeout_s=PATIENCE_S, pair=True) as device:
        assert device.connection.paired
        table = await read_table(device.connection)
        await learn(table)
        (value,) = (each.value for each in table.characteristics if each.uuid == closed.uuid)
        assert value.octets == b"shut"
