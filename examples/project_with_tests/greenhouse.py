"""The library of this project: a service for a thermostat, and its rules."""

from adafruit_ble.characteristics import Characteristic
from adafruit_ble.characteristics.float import FloatCharacteristic
from adafruit_ble.characteristics.int import Uint8Characteristic
from adafruit_ble.services import Service
from adafruit_ble.uuid import VendorUUID

LOWEST_C, HIGHEST_C = 5, 30
HYSTERESIS_C = 0.5


class ThermostatService(Service):
    """What the greenhouse tells, and the temperature that it is asked for."""

    uuid = VendorUUID("9f1b0001-6c1f-4b0e-9a57-1f0c3a52d5b1")
    celsius = FloatCharacteristic(
        uuid=VendorUUID("9f1b0002-6c1f-4b0e-9a57-1f0c3a52d5b1"),
        properties=Characteristic.READ | Characteristic.NOTIFY,
    )
    target_c = FloatCharacteristic(
        uuid=VendorUUID("9f1b0003-6c1f-4b0e-9a57-1f0c3a52d5b1"),
        properties=Characteristic.READ | Characteristic.WRITE,
        initial_value=15,
    )
    heating = Uint8Characteristic(
        uuid=VendorUUID("9f1b0004-6c1f-4b0e-9a57-1f0c3a52d5b1"),
        properties=Characteristic.READ | Characteristic.NOTIFY,
        initial_value=0,
    )


def allowed(target_c):
    """Return the nearest target that plants survive; LOWEST_C for what is no number."""
    if target_c != target_c:
        return LOWEST_C
    return min(max(target_c, LOWEST_C), HIGHEST_C)


def should_heat(celsius, target_c, heating):
    """Say whether to heat now. Goes on a little above the target, so as not to flicker."""
    return celsius < target_c + (HYSTERESIS_C if heating else -HYSTERESIS_C)
