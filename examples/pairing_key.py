"""A key for the lock of pairing_lock.py: pairs, and opens it.

    python pairing_key.py just-works|passkey-display|passkey-keyboard|comparison|out-of-band

Both need the same word. pairing_person.py says what the words mean.
"""

import _bleio
from pairing_person import method_of_command_line, prepare

LOCK = _bleio.UUID("7d1a0001-95a1-4f3c-8f0e-6f4e8a2c1b10")
BOLT = _bleio.UUID("7d1a0002-95a1-4f3c-8f0e-6f4e8a2c1b10")
OPEN = b"\x01"

method = method_of_command_line()
adapter = _bleio.adapter
prepare(adapter, method, "key")

print("Looking for a lock")
entry = next(adapter.start_scan(b"\x11\x07" + LOCK.uuid128))
adapter.stop_scan()
connection = adapter.connect(entry.address, timeout=10)
(service,) = connection.discover_remote_services((LOCK,))
(bolt,) = service.characteristics
try:
    bolt.value = OPEN
    print("The bond of an earlier pairing is enough")
except _bleio.SecurityError as error:
    print("Before pairing:", error)
    connection.pair()
    bolt.value = OPEN
print("The lock is open")
connection.disconnect()
