"""Waits until it has heard both an Eddystone UID and an Eddystone URL."""

from adafruit_ble import BLERadio
from adafruit_ble_eddystone import uid, url

radio = BLERadio()
heard = set()
for advertisement in radio.start_scan(uid.EddystoneUID, url.EddystoneURL):
    if isinstance(advertisement, uid.EddystoneUID):
        is_own = bytes(advertisement.instance_id) == advertisement.address.address_bytes
        heard.add(f"uid of its own address: {is_own}")
    else:
        heard.add(f"url {advertisement.url}")
    if len(heard) == 2:
        break
radio.stop_scan()
print(*sorted(heard), sep="\n")
