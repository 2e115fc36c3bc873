"""Uses the values of another stack's peripheral: paired, and once more over a new connection."""

import sys
import time

import _bleio
from desk import Desk, say

SERVICE = _bleio.UUID("73746163-6b73-0000-0000-000000000001")
SECRET, WRITTEN, ECHO = (
    _bleio.UUID(f"73746163-6b73-0000-0000-00000000000{number}") for number in (2, 3, 4)
)

ATTEMPTS = 5


def connect(address):
    """Connect; once more if the peer ends the link at once, which a test may have to explain."""
    for _ in range(ATTEMPTS - 1):
        try:
            return adapter.connect(address, timeout=120)
        except _bleio.ConnectionError as error:
            say("lost while connecting:", error)
    return adapter.connect(address, timeout=120)


adapter = _bleio.adapter
adapter.pairing_delegate = Desk(sys.argv[1])
say("scanning")
for entry in adapter.start_scan(extended=True):
    if entry.connectable and SERVICE.uuid128 in entry.advertisement_bytes:
        break
adapter.stop_scan()
say("found", entry.address)
for visit in ("first", "second"):
    connection = connect(entry.address)
    say(visit, "visit")
    (service,) = connection.discover_remote_services((SERVICE,))
    values = {characteristic.uuid: characteristic for characteristic in service.characteristics}
    try:
        say("read at once", values[SECRET].value.decode())
    except _bleio.SecurityError as error:
        say("SecurityError:", error)
    connection.pair()
    say("paired", connection.paired)
    say("read", values[SECRET].value.decode())
    echoes = _bleio.CharacteristicBuffer(values[ECHO], buffer_size=64, timeout=120)
    values[ECHO].set_cccd(notify=True)
    # A peripheral that cannot answer by another value notifies of the one that is written.
    written, answer = (WRITTEN, "echo of ") if WRITTEN in values else (ECHO, "")
    values[written].value = f"{visit} words".encode()
    say("notified of", echoes.read(len(f"{answer}{visit} words")).decode())
    connection.disconnect()
    while connection.connected:
        time.sleep(0.01)
    say("disconnected")
