"""The files that a world writes while it runs: the air, and what each host and controller say."""

from __future__ import annotations

import os
import re

from bleio.backends.hci.capture.tap import CaptureFile
from bleio.files import Recording
from bleio.radio.air.radio import AirPdu, Radio
from bleio.radio.capture.air_capture import AirCapture

HOLD_OCTETS = 1 << 16
PathLike = str | os.PathLike[str]


def as_file_name(text: str) -> str:
    """Make a name that every system takes for a file."""
    return re.sub(r"[^\w.-]+", "_", text)[-120:]


class Captures:
    """All files of one world. Only the user may read them.

    Args: air: a pcapng file. hci: a folder, made if it is missing. None is not wanted.
        decipher: encrypted packets on the air are written in clear text.
    Raises: OSError.
    """

    def __init__(
        self, radio: Radio, air: PathLike | None, hci: PathLike | None, *, decipher: bool = False
    ) -> None:
        self.decipher = decipher
        self._hci = None if hci is None else os.path.abspath(hci)
        self._hci_files: dict[str, CaptureFile] = {}
        if self._hci is not None:
            os.makedirs(self._hci, exist_ok=True)
        self._file = None if air is None else Recording(air, HOLD_OCTETS)  # see close
        self._air: AirCapture | None = None
        if self._file is not None:
            self._air = AirCapture(radio, self._file.write, decipher=decipher)

    @property
    def has_air(self) -> bool:
        """Whether there is a file for the air."""
        return self._air is not None

    def add(self, packet: AirPdu) -> None:
        """Write a packet on the air."""
        if self._air is not None:
            self._air.add(packet)

    def hci_file(self, device: str) -> CaptureFile | None:
        """Open the file of a device. Raises: OSError."""
        if self._hci is None:
            return None
        stem = name = as_file_name(device)
        number = 1
        while stem.casefold() in self._hci_files:
            number += 1
            stem = f"{name}-{number}"
        file = CaptureFile(os.path.join(self._hci, f"{stem}.btsnoop"))
        self._hci_files[stem.casefold()] = file
        return file

    def close(self) -> None:
        """End all files."""
        if self._air is not None and self._file is not None:
            self._air.flush()
            self._file.close()
        for file in self._hci_files.values():
            file.close()
