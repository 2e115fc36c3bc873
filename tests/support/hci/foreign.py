"""Radios that other people's hosts can join by a byte stream."""

from __future__ import annotations

from support.hci.world import BumbleWorld, ListenWorld


class ForeignBumbleWorld(BumbleWorld):
    """bumble's controllers."""

    @property
    def foreign_transport(self) -> str:
        return self.radio.transport


ForeignWorld = ForeignBumbleWorld | ListenWorld
FOREIGN_WORLDS = {"bumble": ForeignBumbleWorld, "listen": ListenWorld}
