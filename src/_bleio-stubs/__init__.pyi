# Types of the `_bleio` that bleio gives; a stub package, as it must win over another
# distribution's `_bleio` folder also for type checkers.

from bleio.api import (
    UUID as UUID,
    Adapter as Adapter,
    Address as Address,
    Attribute as Attribute,
    Characteristic as Characteristic,
    CharacteristicBuffer as CharacteristicBuffer,
    Connection as Connection,
    Descriptor as Descriptor,
    PacketBuffer as PacketBuffer,
    ScanEntry as ScanEntry,
    ScanResults as ScanResults,
    Service as Service,
    set_adapter as set_adapter,
)
from bleio.errors import (
    BluetoothError as BluetoothError,
    ConnectionError as ConnectionError,
    RoleError as RoleError,
    SecurityError as SecurityError,
)

adapter: Adapter
