"""`_bleio.Address`."""

from __future__ import annotations

from bleio.api._arguments import ReadableBuffer, described, in_range, public, readable
from bleio.core.address import AddressType, DeviceAddress, parse_address


@public
class Address:
    """A device address: six octets, least significant first, and one of four types.

    Spec: Vol 6, Part B, 1.3.
    Args: address: six octets, least significant first, as CircuitPython has it. Ours beside that
        is text, most significant first: `c0:11:22:33:44:55`, with dashes, or as an Address prints
        itself. address_type: text does not tell it, and a random address that is taken for a
        public one is another device's.
    Raises: TypeError, ValueError for arguments of another kind, length or range.
    """

    __slots__ = ("_octets", "_type")

    PUBLIC = int(AddressType.PUBLIC)
    RANDOM_STATIC = int(AddressType.RANDOM_STATIC)
    RANDOM_PRIVATE_RESOLVABLE = int(AddressType.RANDOM_PRIVATE_RESOLVABLE)
    RANDOM_PRIVATE_NON_RESOLVABLE = int(AddressType.RANDOM_PRIVATE_NON_RESOLVABLE)

    def __init__(self, address: ReadableBuffer, address_type: int = PUBLIC) -> None:
        octets = _parsed(address) if isinstance(address, str) else readable(address)
        if len(octets) != 6:
            raise ValueError("address length must be 6")
        self._octets = octets
        self._type = in_range("address_type", address_type, 0, 3)

    @classmethod
    def _on_air(cls, device: DeviceAddress) -> Address:
        address = cls.__new__(cls)  # nothing is to be checked
        address._octets = device.octets
        address._type = int(device.type)
        return address

    def _device(self) -> DeviceAddress:
        """Return the address as it is on air: types 1 to 3 are all random."""
        return DeviceAddress(self._octets, self._type != self.PUBLIC)

    @property
    def address_bytes(self) -> bytes:
        """The six octets, least significant first."""
        return self._octets

    @property
    def type(self) -> int:
        """PUBLIC or one of the RANDOM constants."""
        return self._type

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Address)
            and self._octets == other._octets
            and self._type == other._type
        )

    def __hash__(self) -> int:
        return hash((self._octets, self._type))

    @described
    def __repr__(self) -> str:
        return f"<Address {self._octets[::-1].hex(':')}>"


def _parsed(text: str) -> bytes:
    """Read an address as people write it, or as `str` gives it. Raises: ValueError."""
    if text.startswith("<Address ") and text.endswith(">"):
        text = text[len("<Address ") : -1]
    return parse_address(text)
