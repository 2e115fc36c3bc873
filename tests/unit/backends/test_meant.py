"""Which adapter string is meant by what people type."""

from __future__ import annotations

import pytest

from bleio.backends.meant import meant, suggestion
from bleio.errors import CallerError
from bleio.runtime.selection import backend_for

DESK = ("virtual:desk",)
HCI0 = ("os:hci0", "hci:hci-socket:0")
USB = ("hci:usb:0",)
BOARD = ("hci:serial:/dev/ttyACM0,1000000",)
TCP = ("hci:tcp-client:127.0.0.1:6402",)

MEANT = {
    **dict.fromkeys(("virtual-desk", "virtual_desk", "virtual desk", "virtual/desk"), DESK),
    **dict.fromkeys(("virtual=desk", "virtual::desk", "Virtual:desk", "virtualdesk"), DESK),
    **dict.fromkeys(("virtal:desk", "vrtual:desk", "virtual:desk ", "'virtual:desk'"), DESK),
    **dict.fromkeys(("desk", "radio:desk", "virtual.desk"), DESK),
    **dict.fromkeys(("VIRTUAL", "virtual:", "vitual", "simulated", "sim"), (*DESK, "virtual")),
    **dict.fromkeys(("hci0", "HCI0", "os-hci0", "hci:hci0", "linux:hci0"), HCI0),
    **dict.fromkeys(("os:0", "os0", "os:hci0 ", "OS:hci0"), ("os:hci0",)),
    **dict.fromkeys(("usb:0", "usb0", "usb", "hci:usb0", "hci-usb-0", "hci", "hci:"), USB),
    **dict.fromkeys(("hcl:usb:0", "hci:usb:"), USB),
    **dict.fromkeys(("usb:0a12:0001", "0a12:0001"), ("hci:usb:0a12:0001",)),
    **dict.fromkeys(("/dev/ttyACM0", "ttyACM0", "hci:/dev/ttyACM0"), BOARD),
    **dict.fromkeys(("serial:/dev/ttyACM0", "hci:serial/dev/ttyACM0"), BOARD),
    "hci:sreial:/dev/ttyACM0": BOARD,
    "/dev/ttyUSB0,115200": ("hci:serial:/dev/ttyUSB0,115200",),
    "/dev/cu.usbmodem1": ("hci:serial:/dev/cu.usbmodem1,1000000",),
    "COM3": ("hci:serial:COM3,1000000",),
    **dict.fromkeys(("hci-socket:0", "hci:socket:0"), ("hci:hci-socket:0",)),
    **dict.fromkeys(("tcp:127.0.0.1:6402", "127.0.0.1:6402", "tcp-client:127.0.0.1:6402"), TCP),
    "hci:tcp:127.0.0.1:6402": TCP,
    "unix:/tmp/hci": ("hci:unix:/tmp/hci",),
    "pty": ("hci:pty",),
    **dict.fromkeys(("bluez", "BlueZ", "bluetooth", "os:", "os:hci", "oss"), ("os",)),
    **dict.fromkeys(("auto:x", "auot"), ("auto",)),
    **dict.fromkeys(("kitchen.local", "esphome-kitchen.local"), ("esphome:kitchen.local",)),
    "192.168.1.20": ("esphome:192.168.1.20",),
    **dict.fromkeys(("", " ", "aa:bb:cc:dd:ee:ff", "no/name", "esphome", "esphome:"), ()),
    **dict.fromkeys(("x" * 300, "virtual:a\nb", "\x1b[31m", "schreibtisch\u00e4"), ()),
}


@pytest.mark.parametrize("typed", MEANT, ids=ascii)
def test_what_is_meant(typed: str) -> None:
    assert meant(typed) == MEANT[typed]
    for each in meant(typed):
        backend_for(each)  # it is one that can be


# These have the form of one; what is wrong is seen when they are opened.
OPENED_FIRST = ("virtual::desk", "virtual:desk ", "virtual:a\nb")
REFUSED = [each for each in MEANT if not each.startswith("hci:") and each not in OPENED_FIRST]


@pytest.mark.parametrize("typed", REFUSED, ids=ascii)
def test_the_error_names_it_and_the_setting(typed: str) -> None:
    with pytest.raises(CallerError) as caught:
        backend_for(typed)
    text = str(caught.value)
    assert "BLEIO_ADAPTER" in text
    assert all(f'"{each}"' in text for each in MEANT[typed])


def test_a_sentence_ends_with_what_can_be_typed() -> None:
    assert suggestion("hci0") == (
        '; did you mean "os:hci0" or "hci:hci-socket:0" (BLEIO_ADAPTER=os:hci0)?'
    )
    assert suggestion("") == ""
