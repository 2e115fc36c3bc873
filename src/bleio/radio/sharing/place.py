"""Where a shared radio of this machine and user is found: its name, its folder, its socket.

All is in one folder that only this user can enter, and that no other user can exchange for one of
the same name (`bleio/ownership.py`). A radio NAME has there `NAME.lock`, which its
process holds as long as it lives, `NAME.starting`, held by the program that starts one, and
`NAME.sock`, or `NAME.port` (a TCP port and a secret) where there are no Unix sockets.

The locks say what is alive, the files never do: a killed process leaves its files, but the system
frees its locks. Whoever empties the folder takes the names from the living, so each removes only
what it has made itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import socket
import stat
import sys
import tempfile
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import platformdirs

from bleio.errors import CallerError, ControllerLost
from bleio.locks import FileLock
from bleio.ownership import risk_above

MAX_NAME_LENGTH = 64
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_MAX_SOCKET_PATH = 100  # octets; systems allow 104 to 108 with the final zero
_BACKLOG = 128
HAS_UNIX_SOCKETS = sys.platform != "win32"


class RadioPlace:
    """The files of one shared radio.

    Raises: CallerError if the name is no good, ControllerLost if there is no safe folder.
    """

    def __init__(self, name: str) -> None:
        check_name(name)
        self.name = name
        self.folder = runtime_folder()
        self.lock = FileLock(self.folder / f"{name}.lock")
        self.starting = FileLock(self.folder / f"{name}.starting")
        self.log_file = self.folder / f"{name}.log"
        self._port_file = self.folder / f"{name}.port"
        self._socket_file: SocketFile | None = None
        self._socket_path = self._short_enough(self.folder / f"{name}.sock")

    def listen(self) -> tuple[socket.socket, bytes]:
        """Open the radio's own socket; only for the holder of `lock`, for it replaces an old one.

        Returns: the listening socket, and the secret that users of this radio know.
        """
        if HAS_UNIX_SOCKETS:
            self._socket_path.unlink(missing_ok=True)
            listening = socket.socket(socket.AF_UNIX)
            with _closed_on_error(listening):
                listening.bind(str(self._socket_path))
                self._socket_file = SocketFile(self._socket_path)
                listening.listen(_BACKLOG)
            return listening, b""
        listening = socket.socket(socket.AF_INET)
        secret = secrets.token_hex(16).encode()
        with _closed_on_error(listening):
            listening.bind(("127.0.0.1", 0))
            listening.listen(_BACKLOG)
            self._publish(b"%d %s" % (listening.getsockname()[1], secret))
        return listening, secret

    def target(self) -> tuple[socket.AddressFamily, str | tuple[str, int], bytes]:
        """Where to connect to, and with which secret. Raises: OSError if no radio runs."""
        if HAS_UNIX_SOCKETS:
            return socket.AF_UNIX, str(self._socket_path), b""
        try:
            port, secret = self._port_file.read_bytes().split()
            return socket.AF_INET, ("127.0.0.1", int(port)), secret
        except ValueError:
            raise OSError(f"{self._port_file} is damaged") from None

    def remove(self) -> None:
        """Remove the name of the radio's socket; only for the holder of `lock`."""
        if self._socket_file is not None:
            self._socket_file.remove()
        self._port_file.unlink(missing_ok=True)

    def _publish(self, content: bytes) -> None:
        part = self._port_file.with_suffix(".part")
        part.write_bytes(content)
        os.replace(part, self._port_file)

    def _short_enough(self, path: Path) -> Path:
        """Socket paths have a low limit: a long name becomes its hash."""
        if len(os.fsencode(path)) <= _MAX_SOCKET_PATH:
            return path
        path = path.with_name(hashlib.sha256(self.name.encode()).hexdigest()[:16])
        if HAS_UNIX_SOCKETS and len(os.fsencode(path)) > _MAX_SOCKET_PATH:
            raise ControllerLost(
                f"Cannot share a radio in {self.folder}: the path is too long for a socket; "
                "set XDG_RUNTIME_DIR or TMPDIR to a shorter one"
            )
        return path


class SocketFile:
    """The file that a Unix socket has as its name, from after `bind` until the socket is closed.

    Somebody may remove it meanwhile, and another program, or a radio, listen there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made = path.lstat()

    def remove(self) -> None:
        """Remove the file, but not another socket's; idempotent.

        Call it before the socket is closed: until then no new file can have the number of ours.
        """
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(self._path.lstat(), self._made):
                self._path.unlink()


def check_name(name: str) -> None:
    """Raises: CallerError with a sentence if a radio cannot be called that."""
    if not _is_name(name):
        raise CallerError(
            f"{name[:80]!r} is no name for a radio; use 1 to {MAX_NAME_LENGTH} letters, digits, "
            "'.', '_' or '-', and no '.' in front, as in BLEIO_ADAPTER=virtual:desk"
        )


def _is_name(name: str) -> bool:
    return len(name) <= MAX_NAME_LENGTH and _NAME.fullmatch(name) is not None


def runtime_folder() -> Path:
    """The folder for sockets, made if need be; no other user can enter or exchange it.

    Raises: ControllerLost with a sentence.
    """
    objections = []
    for choose in (_users_folder, _temporary_folder):
        try:
            folder = choose()
            folder.mkdir(mode=0o700, exist_ok=True)
            objection = _objection(folder)
        except OSError as error:
            objection = str(error)
        if objection is None:
            return folder
        objections.append(objection)
    raise ControllerLost(
        "Cannot share a radio, as no folder for its socket is safe to use "
        f"({'; '.join(objections)}); set XDG_RUNTIME_DIR to a folder of your own"
    )


def known_radios() -> list[str]:
    """Return the names of radios that run, or were killed. It makes no folder.

    Raises: OSError if the folder cannot be read.
    """
    for choose in (partial(_users_folder, make=False), _temporary_folder):
        try:
            folder = choose()
            if folder.is_dir() and _is_own(folder):
                names = sorted(each.stem for each in folder.glob("*.lock"))
                return [each for each in names if _is_name(each)]
        except FileNotFoundError:
            continue
    return []


def _is_own(folder: Path) -> bool:
    return sys.platform == "win32" or folder.lstat().st_uid == os.geteuid()


def _users_folder(make: bool = True) -> Path:
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR it guesses, and says so; `_objection` judges the guess.
        warnings.simplefilter("ignore")
        return platformdirs.user_runtime_path("bleio", appauthor=False, ensure_exists=make)


def _temporary_folder() -> Path:
    user = str(os.geteuid()) if sys.platform != "win32" else "user"
    return Path(tempfile.gettempdir()) / f"bleio-{user}"


def _objection(folder: Path) -> str | None:
    """Why sockets are not safe in a folder. On Windows the user's folders are the user's own."""
    if sys.platform == "win32":
        return None
    risk = risk_above(folder)
    if risk is not None:
        return f"{folder} {risk}"
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return f"{folder} is no folder"
    if status.st_uid != os.geteuid():
        return f"{folder} belongs to another user"
    if status.st_mode & 0o077:
        folder.chmod(0o700)
    return None


@contextlib.contextmanager
def _closed_on_error(sock: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        sock.close()
        raise
