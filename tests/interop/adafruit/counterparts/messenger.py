"""Sends messages with the radio library, short ones and one of the greatest length."""

from adafruit_ble_radio import Radio

LONGEST = 246  # the library's own limit of 248 is more than its advertisement holds

radio = Radio(channel=7)
number = 0
while True:
    number += 1
    radio.send(f"message {number}")
    radio.send("x" * (LONGEST - 3) + "end")
    Radio(channel=8).send("for somebody else")
