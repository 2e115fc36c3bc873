"""`bleio radio`: bad input is one sentence on standard error, and an exit code."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from bleio import __version__
from support.commands import bleio
from support.patience import PATIENCE_S

DEADLINE_S = PATIENCE_S

USAGE = {
    "no name": (["--loss", "0.5"], "Missing argument 'NAME'. --loss is for a radio that this"),
    "no name to listen": (["--listen", "tcp:127.0.0.1:0"], "Missing argument 'NAME'."),
    "bad name": (["a/b"], "'a/b' is no name for a radio"),
    "long name": (["x" * 65], "use 1 to 64 letters, digits"),
    "kind": (["x", "--listen", "foo"], "no such kind of address; write tcp:HOST:PORT"),
    "no port": (["x", "--listen", "tcp:1"], "the host or port is missing"),
    "big port": (["x", "--listen", "tcp:127.0.0.1:65536"], "a number up to 65535, or 0"),
    "worded port": (["x", "--listen", "tcp:127.0.0.1:http"], "a number up to 65535, or 0"),
    "no path": (["x", "--listen", "unix:"], "the path is missing; write unix:PATH"),
    "no link": (["x", "--listen", "pty:"], "the path is missing; write pty:PATH"),
    "path loss": (["x", "--path-loss", "far"], "Invalid value for '--path-loss'"),
    "no loss": (["x", "--path-loss", "nan"], "'nan' is no number"),
    "gain": (["x", "--path-loss", "-1"], "Invalid value for '--path-loss'"),
    "all lost": (["x", "--loss", "1.5"], "Invalid value for '--loss'"),
    "what is lost": (["x", "--loss", "nan"], "'nan' is no number"),
    "folder": (["x", "--capture", "/"], "Invalid value for '--capture'"),
    "seed": (["x", "--seed", "1.5"], "Invalid value for '--seed'"),
}
FAILURES = {
    "unix:/no/such/folder": "there is no such folder; make it or use another.",
    "pty:/no/such/folder": "there is no such folder; make it or use another.",
    f"unix:/tmp/{'x' * 120}": "the path is too long for a socket; use a shorter one.",
    "tcp:192.0.2.1:0": "this machine has no such address; use one of its own or 127.0.0.1.",
}


def execute(*arguments: str) -> tuple[int, str, str]:
    ended = bleio(*arguments)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("case", USAGE)
def test_wrong_usage(case: str) -> None:
    arguments, sentence = USAGE[case]
    status, output, errors = execute("radio", *arguments)
    assert (status, output) == (2, "")
    assert sentence in errors.splitlines()[-1]
    assert "Traceback" not in errors


@pytest.mark.skipif(sys.platform == "win32", reason="of Unix sockets and pseudo terminals")
@pytest.mark.parametrize("address", FAILURES)
def test_addresses_that_cannot_be(address: str) -> None:
    name = f"test-cannot-be-{os.getpid()}"  # other workers test the other addresses just now
    assert execute("radio", name, "--listen", address) == (
        1,
        "",
        f"Error: Cannot listen on {address}: {FAILURES[address]}\n",
    )


def test_version_and_help_import_no_command() -> None:
    assert execute("--version") == (0, f"bleio, version {__version__}\n", "")
    status, output, _ = execute("--help")
    assert status == 0
    assert [line.split()[0] for line in output.splitlines() if line.startswith("  r")] == [
        "radio",
        "read",
        "run",
    ]
    code = (
        "import sys; from bleio.cli import main; main.main(['--help'], standalone_mode=False)\n"
        "assert not {'asyncio', 'bleio.cli.radio', 'bleio.cli.run'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=DEADLINE_S).returncode == 0


def test_unknown_command() -> None:
    status, _, errors = execute("rdio")
    assert status == 2
    assert "No such command 'rdio'" in errors


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_it_ends_when_nobody_reads_what_it_says_of_hosts() -> None:
    command = [sys.executable, "-m", "bleio", "radio", "read-no-more"]
    with subprocess.Popen(
        [*command, "--listen", "tcp:127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as radio:
        assert radio.stdout is not None and radio.stderr is not None
        _, listens, _ = (radio.stdout.readline() for _ in range(3))
        radio.stdout.close()
        port = int(listens.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S):
            assert radio.wait(PATIENCE_S) == 141
        assert radio.stderr.read() == ""
