"""A `_bleio` that writes down what a program makes, and ends it where it begins to advertise."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest


class Advertises(Exception):
    """The program has come to its loop."""


class Played:
    """What a program has made.

    Attributes: services: a list of [uuid, characteristics]; a characteristic is [uuid, arguments,
    descriptors]. name, address: of the adapter. advertising: the arguments.
    """

    def __init__(self) -> None:
        self.services: list[Any] = []
        self.advertising: Any = None
        self.adapter = SimpleNamespace(
            start_advertising=self._advertise, connected=False, advertising=False
        )

    def _advertise(self, *args: Any, **options: Any) -> None:
        self.advertising = (args, options)
        raise Advertises

    def module(self) -> Any:
        """Return what is to be imported."""
        played = self

        class Service(list[Any]):
            def __init__(self, uuid: Any) -> None:
                super().__init__([uuid, []])
                played.services.append(self)

        class Characteristic:
            BROADCAST, INDICATE, NOTIFY, READ, WRITE, WRITE_NO_RESPONSE = (1 << i for i in range(6))

            @staticmethod
            def add_to_service(service: Any, uuid: Any, **options: Any) -> Any:
                made = [uuid, options, []]
                service[1].append(made)
                return made

        class Descriptor:
            @staticmethod
            def add_to_characteristic(characteristic: Any, uuid: Any, **options: Any) -> None:
                characteristic[2].append([uuid, options])

        class Attribute:
            NO_ACCESS, OPEN, ENCRYPT_NO_MITM, ENCRYPT_WITH_MITM = 0, 0x11, 0x21, 0x31

        return SimpleNamespace(
            adapter=self.adapter,
            Service=Service,
            Characteristic=Characteristic,
            Descriptor=Descriptor,
            Attribute=Attribute,
            Address=SimpleNamespace,
            UUID=lambda value: value,
            PacketBuffer=lambda *args, **options: SimpleNamespace(args=args),
        )


def play(source: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Played, dict[str, Any]]:
    """Run a program up to its loop. Returns: what it made, and its names."""
    played = Played()
    module = played.module()
    module.Address = lambda *args: args
    module.Address.RANDOM_STATIC = 1
    names: dict[str, Any] = {"__name__": "__main__"}
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "_bleio", module)
        with pytest.raises(Advertises):
            exec(compile(source, "twin.py", "exec"), names)
    return played, names
