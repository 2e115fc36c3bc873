"""Radios that other people's hosts can join by a byte stream."""

from __future__ import annotations

from support.hci.world import BumbleWorld


class ForeignWorld(BumbleWorld):
    """bumble's controllers."""

    @staticmethod
    def missing() -> str | None:
        return None

    @property
    def foreign_transport(self) -> str:
        return self.radio.transport


FOREIGN_WORLDS = {"bumble": ForeignWorld}
