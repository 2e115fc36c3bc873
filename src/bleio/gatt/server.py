"""The local GATT server of one adapter: services, handles, GAP and GATT services, bearers.

(Interface fixed, body to come.)
"""

from __future__ import annotations

from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService


class LocalServer:
    """All that clients of this adapter can see. Outlives controllers; engine thread only."""

    services: list[LocalService]  # the user's, in creation order; GAP and GATT are not in it

    def set_device_name(self, name: str) -> None: ...

    def add_service(self, service: LocalService) -> None:
        """Publish an empty service at once; connected clients get Service Changed."""

    def add_characteristic(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None: ...

    def add_descriptor(
        self, characteristic: LocalCharacteristic, descriptor: LocalDescriptor
    ) -> None: ...

    def remove_service(self, service: LocalService) -> None: ...

    def remove_characteristic(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None: ...
