"""The classes of `_bleio`, one module each, which adapter is the current one, and pairing.

They check arguments and wait, in the program's threads; nothing of Bluetooth is decided here.
Modules with an underscore are what several of the classes share. What is ours beyond CircuitPython
(pairing delegates, settings, contexts) is exported here and not by `_bleio`, whose names stay those
of a board.
"""

from bleio.api.adapter import Adapter, current_adapter, set_adapter, use_adapter
from bleio.api.address import Address
from bleio.api.attribute import Attribute
from bleio.api.characteristic import Characteristic
from bleio.api.characteristic_buffer import CharacteristicBuffer
from bleio.api.connection import Connection
from bleio.api.descriptor import Descriptor
from bleio.api.packet_buffer import PacketBuffer
from bleio.api.pairing import (
    IoCapability,
    OobData,
    PairingDelegate,
    PairingMethod,
    PairingRequest,
    SecuritySettings,
)
from bleio.api.scan_entry import ScanEntry
from bleio.api.scan_results import ScanResults
from bleio.api.service import Service
from bleio.api.uuid import UUID

__all__ = [
    "UUID",
    "Adapter",
    "Address",
    "Attribute",
    "Characteristic",
    "CharacteristicBuffer",
    "Connection",
    "Descriptor",
    "IoCapability",
    "OobData",
    "PacketBuffer",
    "PairingDelegate",
    "PairingMethod",
    "PairingRequest",
    "ScanEntry",
    "ScanResults",
    "SecuritySettings",
    "Service",
    "current_adapter",
    "set_adapter",
    "use_adapter",
]
