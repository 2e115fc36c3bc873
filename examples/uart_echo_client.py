"""Sends three lines over the Nordic UART Service and prints what comes back.

The other side is uart_echo_server.py.
"""

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.nordic import UARTService

LINES = (b"hello\n", b"how are you?\n", b"a line that is longer than one small packet can be\n")

radio = BLERadio()

print("Scanning")
for advertisement in radio.start_scan(ProvideServicesAdvertisement):
    if UARTService in advertisement.services:
        break
radio.stop_scan()

connection = radio.connect(advertisement)
print("Connected to", advertisement.address)
uart = connection[UARTService]
for line in LINES:
    print("Sending ", line)
    uart.write(line)
    answer = b""
    while connection.connected and not answer.endswith(b"\n"):
        answer += uart.readline()  # waits for a second at most
    print("Received", answer)
connection.disconnect()
