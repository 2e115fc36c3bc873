"""What a world tells of its devices: what they printed and counted, and what they said on the air.

What is on the air itself, its packets and keys, is told by `SharedAir`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bleio.testing.air.sharedair import SharedAir
from bleio.testing.device import Device
from bleio.testing.roster import Roster

if TYPE_CHECKING:
    from bleio.decoding.records import Decoded

LOWEST_RSSI_DBM = -127


class Results(SharedAir):
    """The part of a world that tells.

    Attributes: devices: by name, in the order in which they were added.
    """

    def __init__(self, devices: Roster, *air: Any, **options: Any) -> None:
        self.devices = devices
        super().__init__(*air, **options)

    def __getitem__(self, name: str) -> Device:
        return self.devices[name]

    def rssi_dbm(
        self, sender: Device | str, receiver: Device | str, *, tx_power_dbm: float = 0.0
    ) -> int:
        """Return the level at which one device hears another now, as its RSSI; -127 is not at all.

        Interference, and what noise and chance do to single packets, are not in it.

        Args: sender, receiver: the devices, or their names.
        Raises: RuntimeError if a program has not used its adapter yet: its radio is not there;
            KeyError for a name that no device has.
        """
        both = [self.devices.device(each) for each in (sender, receiver)]
        for device in both:
            if device.radio.station is None:
                raise RuntimeError(f"{device.name} has not used its radio yet")
        one, other = (device.radio for device in both)
        if not (one.antenna and other.antenna):
            return LOWEST_RSSI_DBM
        assert one.station is not None
        assert other.station is not None
        return self.radio.medium.rssi_dbm(one.station, other.station, tx_power_dbm)

    def output(self) -> str:
        """Return what all devices printed, in order of time, as `echo` shows it."""
        return self.devices.output()

    def decoded(self) -> list[Decoded]:
        """Return the kept packets in words, in the order of time, in clear text and by names.

        See `bleio.decoding`; `trace` has the octets as they were on air.
        """
        from bleio.testing.words import decode  # few worlds are asked

        return decode(self.packets, self.devices, self.clock.now_us)

    def story(self, *, verbose: bool = False) -> str:
        """Return what devices said on the air and printed, one line each, in the order of time.

        Packets that say nothing new are counted. Args: verbose: with octets in hexadecimal.
        """
        from bleio.testing.words import told

        lines = told(self.decoded(), self.devices, verbose=verbose)
        return "".join(f"{line}\n" for line in lines)

    def counted(self) -> str:
        """Return what devices have dropped, refused or found wrong, as text, one device a line.

        Only what is not 0; see `Device.counters`.
        """
        return self.devices.counted()
