"""A Linux system that has Debian's kernel and bluetoothd, and nothing on a disk.

The kernel and one archive, from which Linux makes its first file system in memory. They are put
together from packages, which are not installed; so whoever may download them may make the system.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from support.stacks import CACHE, HOW, CannotFetch, cpio, debian

_KEPT_S = 24 * 3600.0
EMULATOR = "qemu-system-x86_64"
_KERNEL = "linux-image-amd64"  # depends on the newest kernel
_PACKAGES = (
    "busybox-static",
    "socat",
    "bluez",
    "dbus-daemon",
    "dbus-system-bus-common",
    "dbus-bin",
)
# What a Bluetooth host needs of the kernel beside the driver of serial controllers: the kernel
# looks for these ciphers by name only when it pairs, and bluetoothd uses them through sockets.
_MODULES = (
    *("hci_uart", "bluetooth", "algif_hash", "algif_skcipher", "cmac", "ecb", "ccm", "ctr"),
    *("aes_generic", "hmac", "sha256_generic", "sha512_generic", "sha3_generic"),
    *("jitterentropy_rng", "drbg", "ecdh_generic"),
    *("uhid", "virtio_pci", "virtio_net", "9pnet_virtio", "9p"),
)
_NOT_NEEDED = re.compile(
    r"usr/share/(doc|man|locale|lintian|bash-completion|zsh|info|bug|alsa|gdb|perl5)/"
    r"|usr/lib/[^/]+/(gconv|audit|perl5)/|usr/(include|games)/|usr/lib/(udev|systemd|locale)/"
    r"|usr/bin/(obexctl|gatttool|blue(moon|tooth-player)|mpris-proxy|(rf|l2|rc|sdp)\w*|hci(?!tool)\w*)$"
)
# Where /bin, /sbin and /lib are links into /usr, as on every Debian of today.
_MERGED = ("bin", "sbin", "lib", "lib64")


@dataclass(frozen=True)
class Image:
    """Where the system's files are."""

    folder: Path

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinux"

    @property
    def system(self) -> Path:
        return self.folder / "system.cpio"

    @property
    def modules(self) -> Path:
        """Names of the archive's kernel modules, in the order in which they can be loaded."""
        return self.folder / "modules"


def image() -> Image:
    """Return the system; its folder is named after what it is made by."""
    recipe = b"".join(
        Path(str(each)).read_bytes() for each in (__file__, cpio.__file__, debian.__file__)
    )
    suite = f"{debian.SUITE}-" if debian.SUITE else ""
    return Image(CACHE / f"bluez-{suite}{hashlib.sha256(recipe).hexdigest()[:12]}")


def missing() -> str:
    """Why tests cannot use it; empty if they can."""
    if not shutil.which(EMULATOR):
        return f"there is no {EMULATOR}; {HOW} where it may"
    if not image().folder.is_dir():
        return f"the system with Debian's kernel and bluetoothd is not in {CACHE}; {HOW}"
    return ""


def fetch() -> Path:
    """Install the emulator if it is missing and make the system; give its folder.

    Raises: CannotFetch, CalledProcessError.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise CannotFetch("Debian's packages need its apt-get and dpkg-deb")
    if not shutil.which(EMULATOR):
        debian.install("qemu-system-x86")
    made = image()
    if not made.folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as name:
            unfinished = Image(Path(name) / "image")
            unfinished.folder.mkdir()
            _make(unfinished, Path(name) / "packages")
            _remove_former()
            os.rename(unfinished.folder, made.folder)  # so that it is there whole or not at all
    return made.folder


def _remove_former() -> None:
    """Remove what older recipes have made, unless it is young: other work may still use it."""
    for former in CACHE.glob("bluez-*"):
        if former.stat().st_mtime < time.time() - _KEPT_S:
            shutil.rmtree(former)


def _make(made: Image, packages: Path) -> None:
    debian.refresh_lists()
    try:
        kernel = next(name for name in debian.depends(_KERNEL) if name.startswith("linux-image"))
    except (subprocess.CalledProcessError, StopIteration):
        raise CannotFetch(f"there is no package {_KERNEL} here") from None
    debian.download([kernel, *debian.closure(*_PACKAGES)], packages)
    entries: dict[str, cpio.Entry] = {name: cpio.link(f"usr/{name}") for name in _MERGED}
    available: dict[str, bytes] = {}
    for archive in sorted(packages.glob("*.deb")):
        if archive.name.startswith("linux-image"):
            made.kernel.write_bytes(_unpacked_kernel(archive, available))
        else:
            entries.update(_kept(archive))
    modules = dict(_in_order(_MODULES, available))
    entries.update({f"modules/{name}.ko": cpio.file(code) for name, code in modules.items()})
    made.system.write_bytes(cpio.pack(entries))
    made.modules.write_text("".join(f"{name}\n" for name in modules))


def _kept(archive: Path) -> Iterator[tuple[str, cpio.Entry]]:
    """Go through what we need of a package."""
    for member, content in debian.files(archive):
        path = member.name.removeprefix("./").rstrip("/")
        if path.partition("/")[0] in _MERGED:
            path = f"usr/{path}"
        if not path or _NOT_NEEDED.match(path):
            continue
        if member.issym():
            yield path, cpio.link(member.linkname)
        elif member.isreg():
            yield path, cpio.file(content, member.mode)


def _unpacked_kernel(archive: Path, modules: dict[str, bytes]) -> bytes:
    """Return the kernel of a package, and collect its modules.

    The kernel unpacked, since an emulated processor takes seconds to unpack it.
    """
    kernel = b""
    for member, content in debian.files(archive):
        name = Path(member.name).name
        if name.startswith("vmlinuz-"):
            kernel = content
        elif name.endswith((".ko", ".ko.xz")):
            modules[name.partition(".")[0].replace("-", "_")] = content
    begin = kernel.find(b"\xfd7zXZ\0")
    return kernel if begin < 0 else lzma.LZMADecompressor().decompress(kernel[begin:])


def _in_order(wanted: Iterable[str], available: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Go through modules, each after those that it depends on; what is built in is left out."""
    done: set[str] = set()

    def walk(name: str) -> Iterator[tuple[str, bytes]]:
        name = name.replace("-", "_")
        if name in done or name not in available:
            return
        done.add(name)
        code = available[name]
        if code.startswith(b"\xfd7zXZ"):
            code = lzma.decompress(code)
        depends = re.search(rb"\0depends=([^\0]*)\0", code)
        for other in filter(None, depends[1].decode().split(",") if depends else ()):
            yield from walk(other)
        yield name, code

    for name in wanted:
        yield from walk(name)
