"""Programs of ours inside the machine, as on a Raspberry Pi: by Debian's python3, on its kernel.

They see what programs on this system cannot by the forwarded bus: file descriptors that bluetoothd
passes, the kernel's list of connections, its monitor channel. The machine mounts two folders of
this system: Python with what bleio depends on (`python_tree`), and a virtual environment that has
the tested bleio and the tests' programs. A user `pi` with no rights of its own runs them.

A program's lines come to a process here that a test handles as it does any other: see `Program`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sys
import threading
from pathlib import Path

from support.processes import Program
from support.stacks.machine import Machine
from support.stacks.python_tree import MOUNTED, PythonTree, tree

REPOSITORY = Path(__file__).parents[3]
ENVIRONMENT = "/home/pi/bleio-env"
_OPTIONS = "-t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000"
_SET_UP = f"""
mkdir -p {MOUNTED} {ENVIRONMENT} /bin /usr/bin /var
mount {_OPTIONS} python {MOUNTED}
mount {_OPTIONS} tested {ENVIRONMENT}
cd {MOUNTED}/usr
for each in lib/*-linux-gnu/* lib/python3*; do
    [ -e /usr/$each ] || ln -s {MOUNTED}/usr/$each /usr/$each
done
touch /usr/bin/python3
mount --bind {MOUNTED}/usr/bin/python3.?? /usr/bin/python3
for each in lib/python3.*; do
    rm /usr/$each; mkdir /usr/$each; mount --bind {MOUNTED}/usr/$each /usr/$each
done
ln -sf /applets/sh /bin/sh
[ -e /var/run ] || ln -s /run /var/run
echo pi:x:1000:1000::/home/pi:/bin/sh >>/etc/passwd
echo pi:x:1000: >>/etc/group
chown pi:pi /home/pi
"""
_ACTIVATE = f'VIRTUAL_ENV="{ENVIRONMENT}"\nPATH="$VIRTUAL_ENV/bin:$PATH"\nexport VIRTUAL_ENV PATH\n'
_READY = "the program begins as"
_STATUS = "status of the program:"


def folders(tested: Path) -> dict[str, Path]:
    """Return what a `Machine` may mount. Args: tested: a folder that is filled later, if at all."""
    python = tree().folder
    return {"tested": tested, "python": python if python.is_dir() else tested}


def fill(tested: Path) -> None:
    """Make the environment, with the tested bleio and a folder for programs."""
    python = tree()
    site = tested / "lib" / python.standard_modules.name / "site-packages"
    site.mkdir(parents=True)
    for name in ("bin", "programs"):
        (tested / name).mkdir()
    for name in ("python", "python3"):
        (tested / "bin" / name).symlink_to("/usr/bin/python3")
    (tested / "bin" / "activate").write_text(_ACTIVATE)
    (tested / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    (site / "dependencies.pth").write_text(f"{MOUNTED}/site\n")
    _install(python, site)


def _install(python: PythonTree, site: Path) -> None:
    """Put in place what a wheel of the tested bleio has.

    What this system's Python has compiled comes along and is compiled anew if it is another one.
    """
    source = REPOSITORY / "src"
    for name in ("bleio", "_bleio-stubs"):
        shutil.copytree(source / name, site / name)
    shutil.copy2(source / "bleio-precedence.pth", site)
    python.compile(site, f"{ENVIRONMENT}/{site.relative_to(site.parents[2])}")


def set_up(machine: Machine) -> None:
    """Have a machine mount its folders, and give it a user."""
    machine.run(f"set -e\n{_SET_UP}")


def start(
    machine: Machine, folder: Path, tag: str, *words: str, user: str = "pi", **environment: str
) -> Program:
    """Start a program in the machine, such as `python3 programs/central.py`, in the environment.

    Args: folder: one of this system, for the process that hands the lines on. user: `root` has all
        rights.
    """
    settings = " ".join(f"{name}='{value}'" for name, value in environment.items())
    run = f"exec env PYTHONUNBUFFERED=1 {settings} {' '.join(words)}"
    command = f"cd {ENVIRONMENT}; . bin/activate; {run}"
    arguments = ["-m", "support.stacks.inside", str(machine.shell_port), user, command]
    path = {**os.environ, "PYTHONPATH": str(REPOSITORY / "tests")}
    return Program(tag, arguments, path, folder)


def main(port: int, user: str, command: str) -> int:
    """Run a command in the machine whose shell is at a port, with this process's input and output.

    Ctrl-C is passed on. Returns: its exit status.
    """
    quoted = command.replace("'", "'\\''")
    script = (
        f"exec 2>&1\nsu {user} -s /applets/sh -c 'echo {_READY} $$; {quoted}'; "
        f"echo {_STATUS} $?; exit\n"
    )
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(script.encode())
        with connection.makefile("r", encoding="utf-8", errors="replace") as lines:
            begins = re.fullmatch(rf"{_READY} (\d+)\n", lines.readline())
            assert begins is not None, "it does not begin"
            signal.signal(signal.SIGINT, lambda *_: _interrupt(port, begins[1]))
            threading.Thread(target=_type, args=(connection,), daemon=True).start()
            for line in lines:
                if ended := re.fullmatch(rf"(.*){_STATUS} (\d+)\n", line):
                    print(ended[1], end="" if not ended[1] else "\n", flush=True)
                    return int(ended[2])
                print(line, end="", flush=True)
    return 1


def _type(connection: socket.socket) -> None:
    for line in sys.stdin:
        connection.sendall(line.encode())


def _interrupt(port: int, process: str) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"kill -INT {process}; exit\n".encode())
        connection.recv(1)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
