"""Catalogue 3.12 and 4.4: Service, and what discovery makes of it."""

from __future__ import annotations

from typing import Any

import _bleio
import pytest
from _bleio import UUID, Characteristic, Service

from support.pair import U128, Pair, make, raises, until

BATTERY = UUID(0x180F)


def uuids(services: tuple[Service, ...]) -> list[UUID]:
    return [service.uuid for service in services]


def test_new_service(peripheral: _bleio.Adapter) -> None:
    service = Service(BATTERY)
    assert (service.uuid, service.remote, service.secondary) == (BATTERY, False, False)
    assert service.characteristics == ()
    assert Service(UUID(U128), secondary=True).secondary is True


@pytest.mark.parametrize("bad", [0x180F, U128, None])
def test_uuid_is_checked(peripheral: _bleio.Adapter, bad: Any) -> None:
    with pytest.raises(TypeError):
        Service(bad)
    with pytest.raises(TypeError):
        Service(BATTERY, True)


def test_printing(peripheral: _bleio.Adapter) -> None:
    assert repr(Service(BATTERY)) == str(Service(BATTERY)) == "Service(UUID(0x180f))"
    assert repr(Service(UUID(U128))) == f"Service(UUID('{U128}'))"


def test_characteristics_in_creation_order(peripheral: _bleio.Adapter) -> None:
    service = Service(BATTERY)
    first, second = make(service), make(service, U128)
    assert service.characteristics == (first, second)
    assert service.characteristics is not service.characteristics


def test_published_at_once_and_many_of_one_uuid(link: Pair) -> None:
    before = uuids(link.outgoing.discover_remote_services())
    Service(BATTERY)
    Service(BATTERY)
    after = uuids(link.outgoing.discover_remote_services())
    assert after.count(BATTERY) == before.count(BATTERY) + 2


def test_deinit_removes_it(link: Pair) -> None:
    service = Service(UUID(U128))
    make(service)
    assert UUID(U128) in uuids(link.outgoing.discover_remote_services())
    service.deinit()
    service.deinit()
    assert UUID(U128) not in uuids(link.outgoing.discover_remote_services())


def test_dropped_service_persists(link: Pair) -> None:
    import gc

    make(Service(UUID(U128)))
    gc.collect()
    (found,) = link.outgoing.discover_remote_services((UUID(U128),))
    assert len(found.characteristics) == 1


def test_an_old_service_may_grow(link: Pair) -> None:
    first = Service(UUID(U128))
    make(first, 0x2A01)
    make(Service(BATTERY), initial_value=b"\x63")
    make(first, 0x2A02, initial_value=b"late", properties=Characteristic.READ)
    (found,) = link.outgoing.discover_remote_services((UUID(U128),))
    assert [c.uuid for c in found.characteristics] == [UUID(0x2A01), UUID(0x2A02)]
    assert found.characteristics[1].value == b"late"


# --- discovery


def test_remote_service(link: Pair) -> None:
    make(Service(BATTERY), 0x2A19)
    (service,) = link.outgoing.discover_remote_services((BATTERY,))
    assert (service.remote, service.secondary, service.uuid) == (True, False, BATTERY)
    assert [c.uuid for c in service.characteristics] == [UUID(0x2A19)]
    assert service.characteristics[0].service is service
    with pytest.raises(_bleio.RoleError):
        make(service)


def test_whitelist_order_absent_ones_and_all_instances(link: Pair) -> None:
    Service(UUID(U128))
    Service(BATTERY)
    Service(BATTERY)
    found = link.outgoing.discover_remote_services(iter([BATTERY, UUID(0x1234), UUID(U128)]))
    assert type(found) is tuple
    assert uuids(found) == [BATTERY, BATTERY, UUID(U128)]


def test_empty_whitelist_means_none_and_none_means_all(link: Pair) -> None:
    assert link.outgoing.discover_remote_services(()) == ()
    everything = uuids(link.outgoing.discover_remote_services(None))
    assert everything == uuids(link.outgoing.discover_remote_services())
    assert {UUID(0x1800), UUID(0x1801)} <= set(everything)


def test_secondary_services_never_appear(link: Pair) -> None:
    Service(UUID(U128), secondary=True)
    assert UUID(U128) not in uuids(link.outgoing.discover_remote_services())
    assert link.outgoing.discover_remote_services((UUID(U128),)) == ()


@pytest.mark.parametrize("whitelist", [[0x180F], [BATTERY, None], ["x"]])
def test_whitelist_items_are_checked(link: Pair, whitelist: list[Any]) -> None:
    with raises(TypeError, "non-UUID found in service_uuids_whitelist"):
        link.outgoing.discover_remote_services(whitelist)


def test_whitelist_must_be_iterable(link: Pair) -> None:
    with pytest.raises(TypeError):
        link.outgoing.discover_remote_services(5)


def test_each_discovery_makes_new_objects_and_old_ones_go_on(link: Pair) -> None:
    make(Service(BATTERY), initial_value=b"\x2a", properties=Characteristic.READ)
    (first,) = link.outgoing.discover_remote_services((BATTERY,))
    (second,) = link.outgoing.discover_remote_services((BATTERY,))
    assert first is not second
    assert first.characteristics[0].value == second.characteristics[0].value == b"\x2a"


def test_size_on_air_is_kept_and_whitelist_matches_by_value(link: Pair) -> None:
    long_form = UUID("0000180f-0000-1000-8000-00805f9b34fb")
    Service(long_form)
    Service(BATTERY)
    found = link.outgoing.discover_remote_services((BATTERY,))
    assert [service.uuid.size for service in found] == [128, 16]
    assert len(link.outgoing.discover_remote_services((long_form,))) == 2


def test_descriptors_belong_to_their_characteristic(link: Pair) -> None:
    service = Service(UUID(U128))
    make(service, 0x2A01, properties=Characteristic.NOTIFY, user_description="one")
    make(service, 0x2A02, properties=Characteristic.READ)
    (found,) = link.outgoing.discover_remote_services((UUID(U128),))
    first, second = found.characteristics
    assert {d.uuid for d in first.descriptors} == {UUID(0x2901), UUID(0x2902)}
    assert second.descriptors == ()


def test_the_incoming_side_discovers_too(link: Pair) -> None:
    services = uuids(link.incoming.discover_remote_services())
    assert UUID(0x1800) in services


def test_discovery_after_the_link_is_gone(link: Pair) -> None:
    link.outgoing.disconnect()
    until(lambda: not link.outgoing.connected)
    with raises(
        _bleio.ConnectionError,
        "Connection has been disconnected and can no longer be used. Create a new connection.",
    ):
        link.outgoing.discover_remote_services()
