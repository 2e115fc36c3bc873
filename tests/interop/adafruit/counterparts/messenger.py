"""Sends messages with the radio library, short ones and one of the greatest length."""

from adafruit_ble_radio import MAX_LENGTH, Radio

radio = Radio(channel=7)
number = 0
while True:
    number += 1
    radio.send(f"message {number}")
    radio.send("x" * (MAX_LENGTH - 3) + "end")
    Radio(channel=8).send("for somebody else")
