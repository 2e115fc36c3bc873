"""`_bleio.Descriptor`; local or remote is a matter of its end, see `_ends`.

A local CCCD is none of these: its value differs by client, and the engine keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bleio.api._arguments import ReadableBuffer, described, instance, no_constructor, public
from bleio.api._ends import LocalDescriptorEnd, RemoteDescriptorEnd
from bleio.api._values import checked_max_length, initial_octets
from bleio.api.attribute import Attribute, security_mode
from bleio.api.uuid import UUID
from bleio.gatt.model import LocalDescriptor

if TYPE_CHECKING:
    from bleio.api.characteristic import Characteristic


@public
class Descriptor:
    """A characteristic descriptor, local or remote. Spec: Vol 3, Part G, 3.3.3."""

    _characteristic: Characteristic
    _end: LocalDescriptorEnd | RemoteDescriptorEnd

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        no_constructor(Descriptor)

    @classmethod
    def _of(
        cls, characteristic: Characteristic, end: LocalDescriptorEnd | RemoteDescriptorEnd
    ) -> Descriptor:
        descriptor = cls.__new__(cls)
        descriptor._characteristic = characteristic
        descriptor._end = end
        return descriptor

    @classmethod
    def add_to_characteristic(
        cls,
        characteristic: Characteristic,
        uuid: UUID,
        *,
        read_perm: int = Attribute.OPEN,
        write_perm: int = Attribute.OPEN,
        max_length: int = 20,
        fixed_length: bool = False,
        initial_value: ReadableBuffer | None = b"",
    ) -> Descriptor:
        """Add a descriptor to a local characteristic; clients see it at once.

        Args: max_length: octets, 0 to 512. initial_value: None means zeros if the length is fixed.
        Raises: TypeError, ValueError; RoleError if the characteristic is a peer's.
        """
        from bleio.api.characteristic import Characteristic

        instance("characteristic", characteristic, Characteristic)
        instance("uuid", uuid, UUID)
        model = LocalDescriptor(
            uuid._octets,
            security_mode("read_perm", read_perm),
            security_mode("write_perm", write_perm),
            checked_max_length(max_length),
            bool(fixed_length),
        )
        model.value = initial_octets(initial_value, model)
        end = characteristic._alive().add_descriptor(model)
        descriptor = cls._of(characteristic, end)
        characteristic._descriptors.append(descriptor)
        return descriptor

    @property
    def uuid(self) -> UUID:
        """The descriptor's UUID, in the size that is used over the air."""
        return UUID._on_air(self._end.uuid)

    @property
    def characteristic(self) -> Characteristic:
        """The characteristic it belongs to."""
        return self._characteristic

    @property
    def value(self) -> bytearray:
        """The value; a remote one is read from the peer each time, and always written with
        response. Raises: as `Characteristic.value`. Thread: any; a remote one waits."""
        return bytearray(self._end.read())

    @value.setter
    def value(self, value: ReadableBuffer) -> None:
        self._end.write(value)

    @described
    def __repr__(self) -> str:
        return f"Descriptor({self.uuid!r})"
