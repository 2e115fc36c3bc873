"""The USB dongles that there are, in the order in which `hci:usb:0`, `hci:usb:1` count them.

bumble counts the devices that libusb lists and that say that they are Bluetooth controllers. Here
they are listed in the same way, and none is opened, so the kernel keeps what it has.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_PARTS = ("getClass", "getSubClass", "getProtocol")
_BLUETOOTH = (0xE0, 0x01, 0x01)  # wireless controller, RF, Bluetooth; Assigned Numbers of USB
_COMPOSITE = (0x00, 0xEF)  # whose interfaces say what they are
MOST = 64


class UsbDongle(NamedTuple):
    """`ids`: vendor and product; `node`: its file on Linux, as bus and address give it."""

    ids: str
    node: str


def usb_dongles() -> list[UsbDongle]:
    """List them. Raises: ImportError without libusb; whatever its Python module raises."""
    import usb1  # type: ignore[import-untyped]
    from bumble.transport.usb import load_libusb

    load_libusb()  # type: ignore[no-untyped-call]
    with usb1.USBContext() as context:
        devices = context.getDeviceIterator(skip_on_error=True)
        return [_dongle(each) for each in devices if _is_bluetooth(each)][:MOST]


def _dongle(device: Any) -> UsbDongle:
    return UsbDongle(
        f"{device.getVendorID():04x}:{device.getProductID():04x}",
        f"/dev/bus/usb/{device.getBusNumber():03}/{device.getDeviceAddress():03}",
    )


def _is_bluetooth(device: Any) -> bool:
    kind = tuple(getattr(device, f"getDevice{part[3:]}")() for part in _PARTS)
    if kind == _BLUETOOTH:
        return True
    return kind[0] in _COMPOSITE and any(
        tuple(getattr(setting, part)() for part in _PARTS) == _BLUETOOTH
        for configuration in device
        for interface in configuration
        for setting in interface
    )
