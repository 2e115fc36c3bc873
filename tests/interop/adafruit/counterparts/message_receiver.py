"""Receives messages with the radio library until it has had a short and a long one."""

from adafruit_ble_radio import Radio

radio = Radio(channel=7)
print("listening")
lengths = set()
while not lengths >= {True, False}:
    message = radio.receive_full()
    if message:
        payload, rssi, when = message
        text = bytes(payload).decode()
        lengths.add(len(text) > 31)
        print("received", len(text), text[:10], text[-3:], rssi < 0, when > 0)
