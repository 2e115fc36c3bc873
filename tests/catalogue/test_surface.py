"""The whole public surface, seed and current forms, as one table that a test walks.

Seed is the API of CircuitPython 6.0's pre-releases, current that of 2026; the module offers the
union. A row says what kind of member it is and, for callables, every parameter with its default.
`*` starts the keyword-only parameters. Parameters whose documents and code disagree on being
keyword-only are accepted both ways, so they stand before the `*` here.
"""

from __future__ import annotations

import builtins
import inspect
from typing import Any

import _bleio
import pytest

from support.pair import raises

RO, RW, CONST = "read-only property", "property", "constant"
REQUIRED = inspect.Parameter.empty


class Call:
    """A callable's parameters: `Call("a", "*", b=1)` is `(a, *, b=1)`."""

    def __init__(self, *names: str, how: str = "method", **defaults: Any) -> None:
        self.how = how
        positional = names[: names.index("*")] if "*" in names else names
        keyword_only = names[names.index("*") + 1 :] if "*" in names else ()
        self.positional = {name: defaults.pop(name, REQUIRED) for name in positional}
        self.keyword_only = dict.fromkeys(keyword_only, REQUIRED) | (
            defaults if "*" in names else {}
        )
        assert "*" in names or not defaults, f"defaults for unknown names: {defaults}"


SECURITY = 0x11

SURFACE: dict[str, dict[str, Any]] = {
    "Adapter": {
        "enabled": RW,
        "address": RW,
        "name": RW,
        "advertising": RO,
        "connected": RO,
        "connections": RO,
        "start_advertising": Call(
            "data",
            "*",
            scan_response=None,
            connectable=True,
            anonymous=False,
            timeout=0,
            interval=0.1,
            tx_power=0,
            directed_to=None,
        ),
        "stop_advertising": Call(),
        "start_scan": Call(
            "prefixes",
            "*",
            prefixes=b"",
            buffer_size=512,
            extended=False,
            timeout=None,
            interval=0.1,
            window=0.1,
            minimum_rssi=-80,
            active=True,
        ),
        "stop_scan": Call(),
        "connect": Call("address", "*", "timeout"),
        "erase_bonding": Call(),
    },
    "Address": {
        "PUBLIC": 0,
        "RANDOM_STATIC": 1,
        "RANDOM_PRIVATE_RESOLVABLE": 2,
        "RANDOM_PRIVATE_NON_RESOLVABLE": 3,
        "__init__": Call("address", "address_type", address_type=0),
        "address_bytes": RO,
        "type": RO,
    },
    "Attribute": {
        "NO_ACCESS": 0x00,
        "OPEN": 0x11,
        "ENCRYPT_NO_MITM": 0x21,
        "ENCRYPT_WITH_MITM": 0x31,
        "LESC_ENCRYPT_WITH_MITM": 0x41,
        "SIGNED_NO_MITM": 0x12,
        "SIGNED_WITH_MITM": 0x22,
    },
    "Characteristic": {
        "BROADCAST": 0x01,
        "INDICATE": 0x02,
        "NOTIFY": 0x04,
        "READ": 0x08,
        "WRITE": 0x10,
        "WRITE_NO_RESPONSE": 0x20,
        "add_to_service": Call(
            "service",
            "uuid",
            "*",
            how="classmethod",
            properties=0,
            read_perm=SECURITY,
            write_perm=SECURITY,
            max_length=20,
            fixed_length=False,
            initial_value=None,
            user_description=None,
        ),
        "properties": RO,
        "uuid": RO,
        "value": RW,
        "descriptors": RO,
        "service": RO,
        "max_length": RO,
        "set_cccd": Call("*", notify=False, indicate=False),
        "deinit": Call(),
    },
    "CharacteristicBuffer": {
        "__init__": Call("characteristic", "*", timeout=1, buffer_size=64),
        "in_waiting": RO,
        "read": Call("nbytes", nbytes=None),
        "readinto": Call("buf", "nbytes", nbytes=None),
        "readline": Call("limit", limit=None),
        "reset_input_buffer": Call(),
        "deinit": Call(),
        "__iter__": Call(),
        "__next__": Call(),
    },
    "Connection": {
        "connected": RO,
        "paired": RO,
        "connection_interval": RW,
        "max_packet_length": RO,
        "disconnect": Call(),
        "pair": Call("bond", bond=True),
        "discover_remote_services": Call("service_uuids_whitelist", service_uuids_whitelist=None),
    },
    "Descriptor": {
        "add_to_characteristic": Call(
            "characteristic",
            "uuid",
            "*",
            how="classmethod",
            read_perm=SECURITY,
            write_perm=SECURITY,
            max_length=20,
            fixed_length=False,
            initial_value=b"",
        ),
        "uuid": RO,
        "characteristic": RO,
        "value": RW,
    },
    "PacketBuffer": {
        "__init__": Call("characteristic", "*", "buffer_size", max_packet_size=None),
        "packet_size": RO,
        "incoming_packet_length": RO,
        "outgoing_packet_length": RO,
        "readinto": Call("buf"),
        "write": Call("data", "*", header=None),
        "deinit": Call(),
    },
    "ScanEntry": {
        "matches": Call("prefixes", "*", match_all=True, all=None),
        "address": RO,
        "advertisement_bytes": RO,
        "rssi": RO,
        "connectable": RO,
        "scan_response": RO,
    },
    "ScanResults": {"__iter__": Call(), "__next__": Call()},
    "Service": {
        "__init__": Call("uuid", "*", secondary=False),
        "deinit": Call(),
        "characteristics": RO,
        "remote": RO,
        "secondary": RO,
        "uuid": RO,
    },
    "UUID": {
        "__init__": Call("value"),
        "uuid16": RO,
        "uuid128": RO,
        "size": RO,
        "pack_into": Call("buffer", "offset", offset=0),
    },
}

# What we add to CircuitPython's classes; no class is added to the module.
OURS: dict[str, dict[str, Any]] = {
    "Adapter": {"pairing_delegate": RW, "security": RW, "local_oob": Call()},
}
for _cls, _members in OURS.items():
    SURFACE[_cls] |= _members

MEMBERS = [(cls, name) for cls, members in SURFACE.items() for name in members]
# Parameters whose default only tells "not given"; any default passes.
SENTINELS = {("ScanEntry", "matches", "all"), ("ScanEntry", "matches", "match_all")}


def _static(cls: str, name: str) -> Any:
    return inspect.getattr_static(getattr(_bleio, cls), name)


def _check_call(cls: str, name: str, expected: Call) -> None:
    raw = _static(cls, name)
    assert isinstance(raw, classmethod) == (expected.how == "classmethod")
    target = getattr(_bleio, cls) if name == "__init__" else getattr(getattr(_bleio, cls), name)
    parameters = list(inspect.signature(target).parameters.values())
    if name != "__init__" and expected.how == "method":
        parameters = parameters[1:]  # self
    kinds = {p.name: p.kind for p in parameters}
    defaults = {p.name: p.default for p in parameters}
    wanted = expected.positional | expected.keyword_only
    assert set(kinds) == set(wanted)
    assert [p.name for p in parameters][: len(expected.positional)] == list(expected.positional)
    for parameter, default in wanted.items():
        keyword_only = parameter in expected.keyword_only
        assert (kinds[parameter] is inspect.Parameter.KEYWORD_ONLY) == keyword_only, parameter
        if (cls, name, parameter) not in SENTINELS:
            assert defaults[parameter] == default, parameter


@pytest.mark.parametrize(("cls", "name"), MEMBERS, ids=[f"{c}.{n}" for c, n in MEMBERS])
def test_member(cls: str, name: str) -> None:
    expected = SURFACE[cls][name]
    if isinstance(expected, Call):
        _check_call(cls, name, expected)
    elif isinstance(expected, int):
        value = getattr(getattr(_bleio, cls), name)
        assert (type(value), value) == (int, expected)
    else:
        raw = _static(cls, name)
        assert isinstance(raw, property)
        assert (raw.fset is not None) == (expected == RW)


@pytest.mark.parametrize("cls", SURFACE)
def test_class_has_no_other_public_members(cls: str) -> None:
    public = {name for name in vars(getattr(_bleio, cls)) if not name.startswith("_")}
    assert public <= set(SURFACE[cls]), "not in the catalogue"


EXCEPTIONS = {
    "BluetoothError": (Exception,),
    "ConnectionError": (_bleio.BluetoothError, builtins.ConnectionError),
    "RoleError": (_bleio.BluetoothError,),
    "SecurityError": (_bleio.BluetoothError,),
}


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exceptions(name: str) -> None:
    error = getattr(_bleio, name)
    assert error.__bases__ == EXCEPTIONS[name]
    assert (error.__module__, error.__qualname__) == ("_bleio", name)
    assert str(error("text")) == "text"


def test_connection_error_is_an_os_error_without_errno() -> None:
    with raises(OSError, "gone") as caught:
        raise _bleio.ConnectionError("gone")
    assert caught.value.errno is None


@pytest.mark.parametrize(
    "name", ["adapter", "set_adapter", "__name__", *SURFACE, *EXCEPTIONS], ids=str
)
def test_module_exports(name: str) -> None:
    assert hasattr(_bleio, name)


def test_module_exports_nothing_else() -> None:
    public = {name for name in dir(_bleio) if not name.startswith("_")}
    assert public - {"annotations"} == {"adapter", "set_adapter", *SURFACE, *EXCEPTIONS}


@pytest.mark.parametrize("cls", SURFACE)
def test_classes_show_the_module_name_of_circuitpython(cls: str) -> None:
    assert getattr(_bleio, cls).__module__ == "_bleio"


@pytest.mark.parametrize(
    "cls",
    ["Attribute", "Characteristic", "Connection", "Descriptor", "ScanEntry", "ScanResults"],
)
@pytest.mark.parametrize("arguments", [(), (1,)], ids=["none", "one"])
def test_classes_without_a_constructor(cls: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError) as caught:
        getattr(_bleio, cls)(*arguments)
    assert str(caught.value) == f"can't create '{cls}' instances"


def test_attribute_is_no_base_class() -> None:
    assert not issubclass(_bleio.Characteristic, _bleio.Attribute)
    assert not issubclass(_bleio.Descriptor, _bleio.Attribute)
