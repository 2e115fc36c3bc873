"""A phone that plays a song and has a message: goes to a device that asks for either service."""

import struct
import sys
import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising import Advertisement
from adafruit_ble.characteristics import Characteristic
from adafruit_ble.services import Service
from adafruit_ble.uuid import VendorUUID

SOLICITED_128_BIT = 0x15  # the type of that AD structure
MEDIA = {
    (0, 0): "Player",
    (0, 1): "1,1.0,42.0",
    (2, 0): "The Testers",
    (2, 1): "First Pass",
    (2, 2): "All Green",
}
NOTIFICATION_ID = 77
NOTIFICATION = {0: "org.example.mail", 1: "Ada", 2: "Engine", 3: "It works"}


class MediaService(Service):
    """The phone's side of the Apple Media Service."""

    uuid = VendorUUID("89D3502B-0F36-433A-8EF4-C502AD55F8DC")
    remote_command = Characteristic(
        uuid=VendorUUID("9B3C81D8-57B1-4A8A-B8DF-0E56F7CA51C2"),
        properties=Characteristic.WRITE | Characteristic.NOTIFY,
        max_length=20,
    )
    entity_update = Characteristic(
        uuid=VendorUUID("2F7CABCE-808D-411F-9A0C-BB92BA96C102"),
        properties=Characteristic.WRITE | Characteristic.NOTIFY,
        max_length=128,
    )
    entity_attribute = Characteristic(
        uuid=VendorUUID("C6B2F38C-23AB-46D8-A6AB-A3A870BBD5D7"),
        properties=Characteristic.WRITE | Characteristic.READ,
        max_length=128,
    )


class NotificationCenter(Service):
    """The phone's side of the Apple Notification Center Service."""

    uuid = VendorUUID("7905F431-B5CE-4E99-A40F-4B1E122D00D0")
    control_point = Characteristic(
        uuid=VendorUUID("69D1D8F3-45E1-49A8-9821-9BBDFDAAD9D9"),
        properties=Characteristic.WRITE,
        max_length=64,
    )
    data_source = Characteristic(
        uuid=VendorUUID("22EAC6E9-24D6-4BB5-BE44-B36ACE7C7BFB"),
        properties=Characteristic.NOTIFY,
        max_length=512,
    )
    notification_source = Characteristic(
        uuid=VendorUUID("9FBF120D-6301-42D9-8C58-25E699A21DBD"),
        properties=Characteristic.NOTIFY,
        max_length=8,
    )


def tell_media():
    """Send the attributes that the other side has registered for."""
    registered = bytes(media.entity_update)
    if registered and len(registered) < 10:  # else it is what we have sent ourselves
        for attribute in registered[1:]:
            key = (registered[0], attribute)
            media.entity_update = bytes((*key, 0)) + MEDIA[key].encode()


def tell_notification():
    """Answer a question about our notification, or say that there is one."""
    question = bytes(center.control_point)
    if question:
        center.control_point = b""
        text = NOTIFICATION[question[5]].encode()
        head = struct.pack("<BIBH", question[0], NOTIFICATION_ID, question[5], len(text))
        center.data_source = head + text
    elif not asked:
        center.notification_source = struct.pack("<BBBBI", 0, 0, 4, 1, NOTIFICATION_ID)
    return bool(question)


radio = BLERadio()
media, center = MediaService(), NotificationCenter()
wanted = {"media": MediaService, "notifications": NotificationCenter}[sys.argv[1]]
for advertisement in radio.start_scan(Advertisement):
    if advertisement.data_dict.get(SOLICITED_128_BIT) == bytes(wanted.uuid):
        break
radio.stop_scan()
connection = radio.connect(advertisement)
print("connected")
asked = False
while connection.connected:
    tell_media()
    asked |= tell_notification()
    time.sleep(0.02 if asked else 0.1)
