"""Local services, characteristics and descriptors: creating, storing, telling subscribers."""

from __future__ import annotations

from typing import Any

import pytest

from bleio.api import UUID, Characteristic, Descriptor, Service
from bleio.core.codes import Properties
from bleio.errors import LinkLost, RoleError, TransactionTimeout
from support.api_bench import Bench, InThread, raises, until

U = UUID(0x2A19)
NOTIFY, INDICATE = Characteristic.NOTIFY, Characteristic.INDICATE
DEINITIALIZED = "Object has been deinitialized and can no longer be used. Create a new object."


def add(service: Service, **options: Any) -> Characteristic:
    return Characteristic.add_to_service(service, U, **options)


@pytest.mark.parametrize(
    ("constant", "on_air"),
    [
        (Characteristic.BROADCAST, Properties.BROADCAST),
        (Characteristic.INDICATE, Properties.INDICATE),
        (Characteristic.NOTIFY, Properties.NOTIFY),
        (Characteristic.READ, Properties.READ),
        (Characteristic.WRITE, Properties.WRITE),
        (Characteristic.WRITE_NO_RESPONSE, Properties.WRITE_WITHOUT_RESPONSE),
    ],
)
def test_properties_on_air(service: Service, constant: int, on_air: Properties) -> None:
    characteristic = add(service, properties=constant)
    assert characteristic._end.model.properties == on_air
    assert characteristic.properties == constant


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        (dict(properties=0x40), ValueError, "Invalid properties"),
        (dict(read_perm=0x13), ValueError, "Invalid security_mode"),
        (dict(write_perm=0x10), ValueError, "Invalid security_mode"),
        (dict(max_length=-1), ValueError, "max_length must be >= 0"),
        (dict(max_length=513), ValueError, "max_length must be 0-512 when fixed_length is False"),
        (
            dict(max_length=513, fixed_length=1),
            ValueError,
            "max_length must be 0-512 when fixed_length is True",
        ),
        (
            dict(max_length=2, initial_value=b"abc"),
            ValueError,
            "initial_value length must be <= 2",
        ),
        (
            dict(max_length=2, fixed_length=True, initial_value=b"a"),
            ValueError,
            "initial_value length must be 2",
        ),
        (dict(initial_value=1), TypeError, "object with buffer protocol required"),
        (
            dict(max_length=513, initial_value=bytes(514)),
            ValueError,
            "initial_value length must be <= 513",
        ),
        (
            dict(max_length=513, fixed_length=True, initial_value=b"a"),
            ValueError,
            "initial_value length must be 513",
        ),
        (
            dict(max_length=513, initial_value=1),
            TypeError,
            "object with buffer protocol required",
        ),
        (
            dict(max_length=513, initial_value=b"fits"),
            ValueError,
            "max_length must be 0-512 when fixed_length is False",
        ),
        (dict(user_description=0), TypeError, "user_description must be of type str, not int"),
        (
            dict(user_description="x" * 513),
            ValueError,
            "user_description length must be <= 512",
        ),
    ],
)
def test_refused_arguments_publish_nothing(
    bench: Bench, service: Service, options: dict[str, Any], error: Any, text: str
) -> None:
    with raises(error, text):
        add(service, **options)
    assert service.characteristics == ()
    assert bench.session.server.services[0].characteristics == []


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (dict(max_length=513, initial_value=bytes(514)), "initial_value length must be <= 513"),
        (dict(max_length=513), "max_length must be 0-512 when fixed_length is False"),
    ],
)
def test_descriptors_check_in_the_same_order(
    service: Service, options: dict[str, Any], text: str
) -> None:
    with raises(ValueError, text):
        Descriptor.add_to_characteristic(add(service), U, **options)


def test_wrong_classes(service: Service) -> None:
    with raises(TypeError, "service must be of type Service, not UUID"):
        Characteristic.add_to_service(U, U)
    with raises(TypeError, "uuid must be of type UUID, not int"):
        Characteristic.add_to_service(service, 0x2A19)
    with raises(TypeError, "characteristic must be of type Characteristic, not Service"):
        Descriptor.add_to_characteristic(service, U)


def test_local_set_cccd_is_refused(service: Service) -> None:
    with raises(RoleError, "Can't set CCCD on local Characteristic"):
        add(service).set_cccd()


def test_a_service_taken_out_takes_no_more(bench: Bench, service: Service) -> None:
    kept = add(service, initial_value=b"x")
    service.deinit()
    service.deinit()
    assert bench.session.server.services == []
    with pytest.raises(ValueError, match=DEINITIALIZED):
        add(service)
    assert service.characteristics == (kept,)
    assert kept.value == b"x"
    kept.deinit()
    assert service.characteristics == ()


def test_dropped_objects_stay_published(bench: Bench) -> None:
    add(Service(UUID(0x1234)), initial_value=b"kept")
    (record,) = bench.session.server.services
    assert record.characteristics[0].value == b"kept"


# --- telling subscribers


def test_a_value_is_stored_without_a_link(service: Service) -> None:
    characteristic = add(service, properties=NOTIFY)
    characteristic.value = b"stored"
    assert characteristic.value == b"stored"


@pytest.mark.parametrize(
    ("notify", "indicate", "told"),
    [
        (False, False, []),
        (True, False, [("notify", b"v")]),
        (False, True, [("indicate", b"v")]),
        (True, True, [("notify", b"v"), ("indicate", b"v")]),
    ],
)
def test_subscribers_are_told(
    bench: Bench, service: Service, notify: bool, indicate: bool, told: list[Any]
) -> None:
    characteristic = add(service, properties=NOTIFY | INDICATE)
    links = [bench.connect() for _ in range(3)]
    for link in links[:2]:
        bench.subscribe(link, characteristic._end.model, notify, indicate)
    characteristic.value = b"v"
    assert [link.log for link in links] == [told, told, []]


def test_setting_waits_for_a_confirmation_but_stores_first(bench: Bench, service: Service) -> None:
    characteristic = add(service, properties=INDICATE)
    link = bench.connect()
    bench.subscribe(link, characteristic._end.model, indicate=True)
    bench.hold(link)
    setting = InThread(lambda: setattr(characteristic, "value", b"new"))
    until(lambda: link.waiting)
    assert characteristic.value == b"new"
    assert setting.running
    bench.release(link)
    setting.join()
    assert link.log == [("indicate", b"new")]


@pytest.mark.parametrize("error", [LinkLost(0x08), TransactionTimeout("no confirmation")])
def test_a_lost_subscriber_does_not_keep_it_from_others(
    bench: Bench, service: Service, error: Exception
) -> None:
    characteristic = add(service, properties=NOTIFY)
    first, second = bench.connect(), bench.connect()
    first.failing["notify"] = error
    for link in (first, second):
        bench.subscribe(link, characteristic._end.model, notify=True)
    characteristic.value = b"v"
    assert second.log == [("notify", b"v")]


# --- descriptors


def test_descriptors_in_order_of_creation(service: Service) -> None:
    owner = add(service, user_description="text")
    added = Descriptor.add_to_characteristic(owner, UUID(0x2908), initial_value=b"\x01\x01")
    described = owner.descriptors[0]
    assert owner.descriptors == (described, added)
    assert (described.uuid, described.value) == (UUID(0x2901), b"text")
    assert described.characteristic is added.characteristic is owner


def test_no_descriptor_for_an_unusable_characteristic(service: Service) -> None:
    owner = add(service)
    owner.deinit()
    with pytest.raises(ValueError, match=DEINITIALIZED):
        Descriptor.add_to_characteristic(owner, UUID(0x2908))


def test_a_fixed_descriptor_needs_its_value(service: Service) -> None:
    with raises(ValueError, "initial_value length must be 20"):
        Descriptor.add_to_characteristic(add(service), UUID(0x2908), fixed_length=True)
