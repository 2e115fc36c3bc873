"""Finds a MIDI device, pairs with it and plays three notes on it."""

import sys

import adafruit_midi
from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble_midi import MIDIService
from adafruit_midi.note_off import NoteOff
from adafruit_midi.note_on import NoteOn

radio = BLERadio()
for advertisement in radio.start_scan(ProvideServicesAdvertisement):
    if MIDIService in advertisement.services:
        break
radio.stop_scan()
connection = radio.connect(advertisement)
connection.pair()
midi = adafruit_midi.MIDI(midi_out=connection[MIDIService], out_channel=0)
for note in (60, 64, 67):
    midi.send(NoteOn(note, 100))
    midi.send(NoteOff(note, 0))
print("played")
sys.stdin.readline()
connection.disconnect()
