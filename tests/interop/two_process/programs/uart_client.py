"""Sends lines over the Nordic UART Service and checks the answers, then answers questions."""

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.nordic import UARTService

radio = BLERadio()
for advertisement in radio.start_scan(ProvideServicesAdvertisement):
    if UARTService in advertisement.services:
        break
radio.stop_scan()
connection = radio.connect(advertisement)
uart = connection[UARTService]
for length in range(1, 60):
    line = bytes(33 + (length + i) % 90 for i in range(length)) + b"\n"
    uart.write(line)
    answer = b""
    while len(answer) < len(line):
        answer += uart.read(len(line) - len(answer))
    assert answer == line[::-1], (line, answer)
print("all answers right")
uart.write(b"your turn\n")
for _ in range(20):
    question = b""
    while not question.endswith(b"\n"):
        question += uart.readline()
    number = int(question.split()[0])
    uart.write(b"%d\n" % (number * number))
print("answered all")
while uart.in_waiting:
    pass
connection.disconnect()
