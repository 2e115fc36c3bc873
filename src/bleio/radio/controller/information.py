"""Informational commands: what the controller is and what it can do.

Spec: Vol 4, Part E, 7.4, and the LE commands of 7.8 that only read.
"""

from __future__ import annotations

import struct

from bleio.core.private_address import encrypt
from bleio.radio.advertising.parameters import MAX_DATA_OCTETS
from bleio.radio.connection import control
from bleio.radio.controller.core import Controller
from bleio.radio.controller.dispatch import command, supported_commands
from bleio.radio.controller.flow import ACL_BUFFERS, ACL_OCTETS

HCI_VERSION, LMP_VERSION = 0x0C, 0x0C  # 5.3
COMPANY, SUBVERSION = 0xFFFF, 0x0001
MIN_POWER_DBM, MAX_POWER_DBM = -127, 20
MAX_ADVERTISING_SETS = 16
# BR/EDR Not Supported, LE Supported (Controller).
_LMP_FEATURES = 1 << 37 | 1 << 38
# Every combination of states up to the last that is defined.
_LE_STATES = (1 << 42) - 1


@command(0x1001, "Read Local Version Information", bit=(14, 3), returns=8)
def read_local_version(_controller: Controller) -> bytes:
    """Versions of HCI and the link layer."""
    return struct.pack("<BHBHH", HCI_VERSION, SUBVERSION, LMP_VERSION, COMPANY, SUBVERSION)


@command(0x1002, "Read Local Supported Commands", bit=None, returns=64)
def read_supported_commands(controller: Controller) -> bytes:
    """The bitmap of the command table."""
    return supported_commands(controller.unknown_commands)


@command(0x1003, "Read Local Supported Features", bit=(14, 5), returns=8)
def read_local_features(_controller: Controller) -> bytes:
    """LMP features: LE and nothing else."""
    return struct.pack("<Q", _LMP_FEATURES)


@command(0x1005, "Read Buffer Size", bit=(14, 7), returns=7)
def read_buffer_size(_controller: Controller) -> bytes:
    """No buffers but those of LE Read Buffer Size."""
    return struct.pack("<HBHH", 0, 0, 0, 0)


@command(0x1009, "Read BD_ADDR", bit=(15, 1), returns=6)
def read_bd_addr(controller: Controller) -> bytes:
    """The public address."""
    return controller.layer.public_address.octets


@command(0x2002, "LE Read Buffer Size", bit=(25, 1), returns=3)
def le_read_buffer_size(_controller: Controller) -> bytes:
    """ACL buffers."""
    return struct.pack("<HB", ACL_OCTETS, ACL_BUFFERS)


@command(0x2060, "LE Read Buffer Size [v2]", bit=(41, 5), returns=6)
def le_read_buffer_size_v2(_controller: Controller) -> bytes:
    """ACL buffers, and no isochronous ones."""
    return struct.pack("<HBHB", ACL_OCTETS, ACL_BUFFERS, 0, 0)


@command(0x2003, "LE Read Local Supported Features", bit=(25, 2), returns=8)
def le_read_local_features(controller: Controller) -> bytes:
    """Features of the link layer."""
    return struct.pack("<Q", controller.layer.limits.features(control.LL_FEATURES))


@command(0x201C, "LE Read Supported States", bit=(28, 3), returns=8)
def le_read_supported_states(_controller: Controller) -> bytes:
    """All states in all combinations."""
    return struct.pack("<Q", _LE_STATES)


@command(0x2007, "LE Read Advertising Physical Channel Tx Power", bit=(25, 6), returns=1)
def le_read_advertising_tx_power(controller: Controller) -> bytes:
    """Power of legacy advertising."""
    return struct.pack("<b", controller.layer.tx_power_dbm)


@command(0x204B, "LE Read Transmit Power", bit=(38, 7), returns=2)
def le_read_transmit_power(_controller: Controller) -> bytes:
    """Range of transmit power."""
    return struct.pack("<bb", MIN_POWER_DBM, MAX_POWER_DBM)


@command(0x203A, "LE Read Maximum Advertising Data Length", bit=(36, 6), returns=2)
def le_read_max_advertising_data(_controller: Controller) -> bytes:
    """Most octets of advertising data in one set."""
    return struct.pack("<H", MAX_DATA_OCTETS)


@command(0x203B, "LE Read Number of Supported Advertising Sets", bit=(36, 7), returns=1)
def le_read_advertising_sets(_controller: Controller) -> bytes:
    """How many advertising sets there can be."""
    return bytes((MAX_ADVERTISING_SETS,))


@command(0x202F, "LE Read Maximum Data Length", bit=(35, 3), returns=8)
def le_read_max_data_length(controller: Controller) -> bytes:
    """Largest data PDUs."""
    longest = controller.layer.limits.longest
    return struct.pack("<HHHH", *longest, *longest)


@command(0x2023, "LE Read Suggested Default Data Length", bit=(33, 7), returns=4)
def le_read_default_data_length(controller: Controller) -> bytes:
    """What new links ask for."""
    return struct.pack("<HH", *controller.layer.default_tx)


@command(0x2017, "LE Encrypt", "16s16s", bit=(27, 6), returns=16)
def le_encrypt(_controller: Controller, key: bytes, block: bytes) -> bytes:
    """AES-128 of one block."""
    return encrypt(key, block)


@command(0x2018, "LE Rand", bit=(27, 7), returns=8)
def le_rand(controller: Controller) -> bytes:
    """Eight random octets, from the world's generator."""
    return controller.layer.radio.random_octets(8)
