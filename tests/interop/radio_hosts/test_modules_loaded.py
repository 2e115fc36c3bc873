"""A program whose adapter is a controller of its own loads nothing of the simulated radio."""

from __future__ import annotations

from support.radio_processes import Radios, listening

# Two adapters in one program do all that there is to do: publish, advertise, scan, connect, pair,
# discover, read, notify, and keep a bond.
PROGRAM = """
import sys
import time
import _bleio
from bleio.api import use_adapter

C = _bleio.Characteristic
sensor, phone = (_bleio.Adapter(f"hci:tcp-client:127.0.0.1:{sys.argv[1]}") for _ in range(2))
with use_adapter(sensor):
    service = _bleio.Service(_bleio.UUID(0xFE10))
    value = C.add_to_service(
        service, _bleio.UUID(0xFE11), properties=C.READ | C.NOTIFY,
        read_perm=_bleio.Attribute.ENCRYPT_NO_MITM, initial_value=b"value")
    sensor.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
with use_adapter(phone):
    entry = next(iter(phone.start_scan(timeout=120)))
    phone.stop_scan()
    connection = phone.connect(entry.address, timeout=120)
    connection.pair()
    (service,) = connection.discover_remote_services((_bleio.UUID(0xFE10),))
    (heard,) = service.characteristics
    assert bytes(heard.value) == b"value"
    buffer = _bleio.PacketBuffer(heard, buffer_size=2)
    value.value = b"notified"
    packet = bytearray(buffer.incoming_packet_length)
    while not buffer.readinto(packet):
        time.sleep(0.01)
    connection.disconnect()
print("radio:", *(name for name in sys.modules if name.startswith("bleio.radio")))
"""


def test_a_program_on_a_controller_loads_no_simulated_radio(radios: Radios) -> None:
    radio = radios.foreground("controllers", "--listen", "tcp:127.0.0.1:0")
    port = listening(radio, "tcp:127.0.0.1")
    program = radios.start("program", "-c", PROGRAM, str(port))
    assert program.wait_for("^radio:(.*)").group(1) == ""
    program.ends_well()
