"""Two programs that pair, and a secret that is read over the encrypted link."""

PAIRING_PERIPHERAL = """
import time
import _bleio
service = _bleio.Service(_bleio.UUID(0x1234))
_bleio.Characteristic.add_to_service(
    service, _bleio.UUID(0x2345), initial_value=b"secret",
    properties=_bleio.Characteristic.READ, read_perm=_bleio.Attribute.ENCRYPT_NO_MITM)
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06")
time.sleep(30)
"""

PAIRING_CENTRAL = """
import _bleio
entry = next(iter(_bleio.adapter.start_scan()))
connection = _bleio.adapter.connect(entry.address, timeout=5)
connection.pair()
(service,) = connection.discover_remote_services((_bleio.UUID(0x1234),))
print(bytes(service.characteristics[0].value))
"""
