"""Access addresses of connections: drawn at random by the rules. Spec: Vol 6, Part B, 2.1.2.

A receiver finds the beginning of a packet by its access address, and tells its link from others by
it. So an address must not look like noise or a carrier (long runs, too few or too many changes of
the bit), nor like the address of advertising with one bit received wrong. Addresses of the world's
links are drawn without a look at each other: two alike are as likely here as on air.
"""

from __future__ import annotations

from random import Random

from bleio.radio.air import phy

_BITS = 32
_MAX_RUN = 6
_MAX_TRANSITIONS = 24
# What the Coded PHY asks as well, of the least significant bits.
_CODED_ONES, _CODED_ONES_IN = 3, 8
_CODED_MAX_TRANSITIONS, _CODED_TRANSITIONS_IN = 11, 16
# The fewest transitions in the most significant bits.
_LAST_TRANSITIONS, _LAST_BITS = 2, 6


def _transitions(value: int, bits: int) -> int:
    """How often a bit differs from the one before it."""
    return ((value ^ value >> 1) & (1 << bits - 1) - 1).bit_count()


def _longest_run(address: int) -> int:
    text = f"{address:0{_BITS}b}"
    return max(len(run) for bit in "01" for run in text.split(str(1 - int(bit))))


def is_valid(address: int) -> bool:
    """Whether a connection on any PHY may use it."""
    if (address ^ phy.ADVERTISING_ACCESS_ADDRESS).bit_count() <= 1:
        return False
    if len(set(address.to_bytes(4, "little"))) == 1 or _longest_run(address) > _MAX_RUN:
        return False
    if _transitions(address, _BITS) > _MAX_TRANSITIONS:
        return False
    if _transitions(address >> _BITS - _LAST_BITS, _LAST_BITS) < _LAST_TRANSITIONS:
        return False
    if (address & (1 << _CODED_ONES_IN) - 1).bit_count() < _CODED_ONES:
        return False
    low = address & (1 << _CODED_TRANSITIONS_IN) - 1
    return _transitions(low, _CODED_TRANSITIONS_IN) <= _CODED_MAX_TRANSITIONS


def draw(random: Random) -> int:
    """One that is valid; two links have different ones but for a chance of one in a billion."""
    while True:
        address = random.getrandbits(_BITS)
        if is_valid(address):
            return address
