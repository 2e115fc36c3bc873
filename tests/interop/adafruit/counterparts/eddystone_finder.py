"""Waits until it has heard both an Eddystone UID and an Eddystone URL.

The library can only send: its classes do not take what was received. So this reads the frames.
The UID's 32 octets need an extended advertisement.
"""

from adafruit_ble import BLERadio
from adafruit_ble.advertising import Advertisement

SERVICE_DATA, EDDYSTONE = 0x16, b"\xaa\xfe"
UID_FRAME, URL_FRAME = 0x00, 0x10
HTTPS = 0x03

radio = BLERadio()
heard = set()
for advertisement in radio.start_scan(Advertisement, extended=True):
    frame = bytes(advertisement.data_dict.get(SERVICE_DATA, b""))
    if not frame.startswith(EDDYSTONE):
        continue
    kind, content = frame[2], frame[4:]
    if kind == UID_FRAME:
        is_own = content[10:16] == advertisement.address.address_bytes
        heard.add(f"uid of {content[:10]} and its own address: {is_own}")
    elif kind == URL_FRAME and content[0] == HTTPS:
        heard.add(f"url https://{content[1:].decode()}")
    if len(heard) == 2:
        break
radio.stop_scan()
print(*sorted(heard), sep="\n")
