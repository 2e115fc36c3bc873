"""A phone with a message: goes to a device that asks for notifications, and tells it."""

import struct
import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising import Advertisement
from adafruit_ble.characteristics import Characteristic
from adafruit_ble.services import Service
from adafruit_ble.uuid import VendorUUID

SOLICITED_128_BIT = 0x15  # the type of that AD structure
NOTIFICATION_ID = 77
NOTIFICATION = {0: "org.example.mail", 1: "Ada", 2: "Engine", 3: "It works"}


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


def tell_notification():
    """Answer a question about our notification, or say that there is one."""
    question = bytes(center.control_point)
    if any(question):
        center.control_point = b""
        text = NOTIFICATION[question[5]].encode()
        head = struct.pack("<BIBH", question[0], NOTIFICATION_ID, question[5], len(text))
        center.data_source = head + text
    elif not asked:
        center.notification_source = struct.pack("<BBBBI", 0, 0, 4, 1, NOTIFICATION_ID)
    return any(question)


radio = BLERadio()
center = NotificationCenter()
for advertisement in radio.start_scan(Advertisement):
    if advertisement.data_dict.get(SOLICITED_128_BIT) == bytes(NotificationCenter.uuid):
        break
radio.stop_scan()
connection = radio.connect(advertisement)
print("connected")
asked = False
while connection.connected:
    asked |= tell_notification()
    time.sleep(0.02 if asked else 0.1)
