"""Reads the battery levels of as many peripherals as it is told, and watches one for changes."""

import sys
import time

import _bleio
from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.standard import BatteryService

wanted = int(sys.argv[1])
radio = BLERadio()
found = {}
for advertisement in radio.start_scan(ProvideServicesAdvertisement):
    if BatteryService in advertisement.services:
        found[advertisement.address] = advertisement
    if len(found) == wanted:
        break
radio.stop_scan()
print("found", len(found))
connections = [radio.connect(advertisement) for advertisement in found.values()]
print("connected", len(radio.connections))
services = [connection[BatteryService] for connection in connections]
print("levels", *sorted(service.level for service in services))

# The level's characteristic can notify; a bound attribute only reads, so take the raw one.
(raw,) = [c for c in services[0].bleio_service.characteristics if c.uuid == _bleio.UUID(0x2A19)]
packets = _bleio.PacketBuffer(raw, buffer_size=4)
print("subscribed to", raw)
value = bytearray(1)
changes = 0
while changes < int(sys.argv[2]):
    if packets.readinto(value):
        print("notified", value[0], "reads", services[0].level)
        changes += 1
    time.sleep(0.01)
for connection in connections:
    connection.disconnect()
while radio.connected:
    time.sleep(0.01)
print("disconnected")
