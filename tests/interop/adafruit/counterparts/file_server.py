"""Runs the published file server, whose path it is given, with a version that can be read.

The library does not declare that; a controller that goes by permissions alone does not miss it.
"""

import runpy
import sys

from adafruit_ble.characteristics import Characteristic
from adafruit_ble.characteristics.int import Uint32Characteristic
from adafruit_ble_file_transfer import FileTransferService, FileTransferUUID

FileTransferService.version = Uint32Characteristic(
    uuid=FileTransferUUID(0x0100), properties=Characteristic.READ, initial_value=4
)
runpy.run_path(sys.argv[1], run_name="__main__")
