"""`BLEIO_CAPTURE` on every way to a controller."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support.radio_processes import Radios, listening
from support.tshark import complaints, fields, needs_tshark

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(sys.platform == "win32", reason="of pseudo terminals"),
]

ADVERTISE = """
import _bleio
adapter.start_advertising(b"\\x02\\x01\\x06")
adapter.stop_advertising()
adapter.enabled = False
print("done", flush=True)
"""

ADAPTERS = {
    "shared": "import _bleio; adapter = _bleio.Adapter('virtual:captured')",
    "tcp": "import _bleio; adapter = _bleio.Adapter('hci:tcp-client:127.0.0.1:{port}')",
    "uart": "import _bleio, serial\n"
    "adapter = _bleio.Adapter(uart=serial.Serial({link!r}), rts=None, cts=None)",
}


@needs_tshark
@pytest.mark.parametrize("way", ADAPTERS)
def test_it_works_on_every_adapter(
    way: str, radios: Radios, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = str(radios.folder / "tty")
    options = ("--listen", "tcp:127.0.0.1:0", "--listen", f"pty:{link}")
    radio = radios.foreground("captured", *options)
    port = listening(radio, "tcp:127.0.0.1")
    path = tmp_path / "said.btsnoop"
    monkeypatch.setenv("BLEIO_CAPTURE", str(path))
    code = ADAPTERS[way].format(port=port, link=link) + ADVERTISE
    radios.start("program", "-c", code).wait_for("^done$")
    assert complaints(path) == []
    packets = fields(path, "hci_h4.direction", "bthci_cmd.opcode", "bthci_evt.code")
    assert packets[0][:2] == ["0x00", "0x0c03"]
    assert packets[1][0] == "0x01"
    assert {"0x200a", "0x2039"} & {opcode for _, opcode, _ in packets}  # enable advertising
