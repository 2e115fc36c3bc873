"""docs/dongles.md names USB controllers as bumble's drivers know them."""

from __future__ import annotations

import re

from bumble.drivers import intel, rtk

from documentation.pages import ROOT

TEXT = (ROOT / "docs" / "dongles.md").read_text("utf-8")


def test_controllers_are_those_of_the_drivers() -> None:
    table = TEXT.partition("| chip |")[2].partition("\n\n")[0]
    rows = [line for line in table.split("\n") if line.startswith("| ") and ":" in line]
    assert len(rows) == 4
    for row in rows:
        known = intel.INTEL_USB_PRODUCTS if "Intel" in row else rtk.RTK_USB_PRODUCTS
        numbers = re.findall(r"`([0-9a-f]{4}):([0-9a-f]{4})`", row)
        assert numbers
        for vendor, product in numbers:
            assert (int(vendor, 16), int(product, 16)) in known, row


def test_firmware_is_what_the_driver_looks_for() -> None:
    names = {info.fw_name for info in rtk.Driver.DRIVER_INFOS}
    assert set(re.findall(r"`(rtl\w+_fw\.bin)`", TEXT)) <= names


def test_places_of_firmware_are_those_of_the_drivers() -> None:
    named = set(re.findall(r"BUMBLE_\w+", TEXT))
    assert named == {rtk.RTK_FIRMWARE_DIR_ENV, intel.INTEL_FIRMWARE_DIR_ENV}
