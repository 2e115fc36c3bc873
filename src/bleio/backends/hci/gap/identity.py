"""Which address we have: the identity, and how private ones are made.

On a real controller the identity is its public address, or a random static one that is derived from
adapter and program and so is the same in each run. On a simulated radio that is not enough. A
program may be started twice there, and two devices with one address are a thing that no peer could
make sense of. So a controller of ours claims its address from the radio, by a vendor command, and
takes the next that can be derived if another controller has it.
"""

from __future__ import annotations

from collections.abc import Callable

from bleio.backends.hci import entropy
from bleio.backends.hci.controller.layer import HciLayer
from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.core.private_address import make_resolvable
from bleio.core.vendor import CLAIM_STATIC_ADDRESS_OPCODE
from bleio.errors import CallerError, ControllerError, ControllerLost

# Instances of one program on one radio; more of them are a fault, not a wish.
MAX_CLAIMS = 1000

AddressOfInstance = Callable[[int], DeviceAddress]


def any_static_address(instance: int) -> DeviceAddress:
    """Make a new random static address. Spec: Vol 6, Part B, 1.3.2.1."""
    octets = entropy.token_bytes(6)
    return DeviceAddress(octets[:5] + bytes((octets[5] | 0xC0,)), random=True)


async def claim_first(layer: HciLayer, addresses: AddressOfInstance) -> DeviceAddress:
    """Take the first address that no other controller of the simulated radio has."""
    for instance in range(MAX_CLAIMS):
        address = addresses(instance)
        try:
            await claim(layer, address)
        except ControllerError as error:
            if error.status != HciErrorCode.CONNECTION_ALREADY_EXISTS:
                raise
        else:
            return address
    raise CallerError(f"{MAX_CLAIMS} instances of this program are on the radio already")


async def claim(layer: HciLayer, address: DeviceAddress) -> None:
    """Make an address ours on the simulated radio.

    Raises: ControllerError with status 0x0B if another controller has it.
    """
    await layer.request(CLAIM_STATIC_ADDRESS_OPCODE, address.octets)


async def claim_wanted(layer: HciLayer, address: DeviceAddress, radio: str) -> None:
    """Claim an address that the program has chosen. Raises: ControllerLost with a sentence."""
    try:
        await claim(layer, address)
    except ControllerError as error:
        if error.status == HciErrorCode.CONNECTION_ALREADY_EXISTS:
            raise ControllerLost(
                f"Another program on the radio {radio!r} has the address "
                f"{address.octets[::-1].hex(':')}; choose another one."
            ) from None
        raise


def check_static(address: DeviceAddress) -> None:
    """Refuse whatever cannot be an identity that we set ourselves."""
    if not address.is_static:
        raise CallerError("Only a random static address can be set")


def private_address(irk: bytes) -> DeviceAddress:
    """Make a resolvable private address. Spec: Vol 6, Part B, 1.3.2.2."""
    prand = entropy.randbelow((1 << 22) - 2) + 1  # neither all zeros nor all ones
    return DeviceAddress(make_resolvable(irk, prand.to_bytes(3, "little")), random=True)
