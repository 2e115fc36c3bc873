"""A device's disk: its bonds are kept there, and it can be full.

Bonds are in memory, which is the simulated disk's, or in files below a folder. Both do on a full
disk what a real host does: a link does not fail, for its keys are good, so a bond counts until the
adapter is opened anew, there is one warning, and what was not saved is saved once there is room.

What a program opens for writing goes to real files, whose disk has room. So `Disk.open` is what a
device's programs have in place of the builtin `open`: it lets writes fail where they would on a
full disk. That is not in `open`, which empties a file that is there and succeeds, nor in `write`,
which fills a buffer, but where that is written out: in `flush`, in `close` or in a long `write`.
Programs that write a file anew in its place lose it that way, and seldom know.
"""

from __future__ import annotations

import builtins
import errno
import io
import logging
import os
import stat
from typing import IO, TYPE_CHECKING, Any

from bleio.backends.hci import entropy
from bleio.backends.hci.bonds.store import Bond, BondsByRole, BondStore, MemoryBondStore
from bleio.core.address import DeviceAddress
from bleio.testing.air.sharedair import SharedAir

if TYPE_CHECKING:
    from pathlib import Path

    from bleio.backends.hci.bonds.file import FileBondStore, Stamp

_log = logging.getLogger(__name__)


class Disk:
    """What a device keeps when its power goes.

    Args: state_folder: where bonds are kept, in a folder of the device's name; None is in memory.
    """

    def __init__(self, air: SharedAir, name: str, state_folder: str | None) -> None:
        self._air = air
        self._name = name
        self._state_folder = state_folder
        self._full = False
        self._files: FileBondStore | None = None  # of the newest adapter
        with entropy.predictable(air.entropy):
            self._memory = _SimulatedBonds(name)

    @property
    def full(self) -> bool:
        """Whether nothing can be written."""
        return self._full

    def become(self, *, full: bool, in_use: bool) -> None:
        """Be full or have room; what could not be saved is saved then, if somebody still has it."""
        self._full = full
        if not in_use:
            self.forget()
        self._air.portal.run(self._apply)

    def forget(self) -> None:
        """The power has gone, and with it what is in memory alone."""
        self._memory.read()
        self._files = None

    def _apply(self) -> None:
        """Thread: the engine's."""
        self._memory.full = self._full
        if self._files is not None and not self._full:
            self._files.write_unsaved(last=False)

    def bonds(self, identity: DeviceAddress) -> BondStore:
        """Return the bonds as they are on the disk, for an adapter that is opened."""
        if self._state_folder is None:
            self._memory.read()
            return self._memory
        from pathlib import Path

        from bleio.backends.hci.bonds.file import FileBondStore  # few worlds keep any

        folder = Path(self._state_folder, self._name, "bonds")
        self._files = FileBondStore(folder, identity, judged=False, write=self._write_bonds)
        return self._files

    def _write_bonds(self, part: Path, octets: bytes) -> Stamp:
        from bleio.backends.hci.bonds.file import write_whole

        if self._full:
            raise disk_full()
        return write_whole(part, octets)

    def open(self, file: Any, mode: str = "r", *args: Any, **options: Any) -> IO[Any]:
        """Open a file as the builtin does, but writing to it fails while the disk is full."""
        opened: IO[Any] = builtins.open(file, mode, *args, **options)  # noqa: SIM115
        if not opened.writable() or not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            return opened
        with opened:
            own: IO[Any] = self._as_own(opened, mode, *args, **options)
        return own

    def _as_own(
        self,
        opened: Any,
        mode: str,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        """Open the same file once more, with the same layers above another lowest one."""
        raw = _OnDisk(self, opened)
        if isinstance(opened, io.RawIOBase):
            return raw
        size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
        if not isinstance(opened, io.TextIOWrapper):
            return type(opened)(raw, size)
        buffer: Any = opened.buffer
        text: Any = io.TextIOWrapper(
            type(buffer)(raw, size),
            opened.encoding,
            opened.errors,
            newline,
            opened.line_buffering,
        )
        text.mode = mode
        return text


class _OnDisk(io.FileIO):
    """A file that is open for writing, and was opened by `opened`."""

    def __init__(self, disk: Disk, opened: Any) -> None:
        raw = getattr(opened, "buffer", opened)
        raw = getattr(raw, "raw", raw)
        descriptor = os.dup(opened.fileno())
        super().__init__(descriptor, raw.mode.replace("x", "w"))
        self.name = opened.name
        self._disk = disk

    def write(self, octets: Any) -> int:
        if self._disk.full:
            raise disk_full()
        return super().write(octets)


class _SimulatedBonds(MemoryBondStore):
    """Bonds on a simulated disk."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self._device = device
        self._on_disk: BondsByRole | None = None  # if others are in memory
        self._warned = False

    @property
    def full(self) -> bool:
        """Whether what is saved is not on the disk; rw."""
        return self._on_disk is not None

    @full.setter
    def full(self, full: bool) -> None:
        if full != self.full:
            self._on_disk = dict(self._bonds) if full else None
            self._warned = False

    def read(self) -> None:
        """Forget what is in memory alone."""
        if self._on_disk is not None:
            self._bonds = dict(self._on_disk)

    def save(self, bond: Bond, central: bool) -> None:
        super().save(bond, central)
        self._warn("saved", "end with its power")

    def erase(self, peer: DeviceAddress | None = None) -> None:
        super().erase(peer)
        self._warn("erased", "will be back with its power")

    def _warn(self, done: str, then: str) -> None:
        if self.full and not self._warned:
            self._warned = True
            why = disk_full().strerror
            _log.warning("Bonds of %s cannot be %s (%s) and %s", self._device, done, why, then)


def disk_full() -> OSError:
    """Return what a full disk says."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
