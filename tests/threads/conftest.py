"""Programs in processes of their own, written where they are used."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from support.processes import Program, SharedRadio, shared_radio
from support.two_adapters import central, peripheral, radio

__all__ = ["central", "peripheral", "radio", "shared_radio"]

Start = Callable[..., Program]

PREAMBLE = """
import os, sys, threading, time
import _bleio
adapter = _bleio.adapter

def say(*words):
    print(*words, flush=True)
"""


@pytest.fixture
def start(shared_radio: SharedRadio, tmp_path: Path) -> Start:
    """Start a program, given as source, on this test's radio."""

    def start(tag: str, source: str, *arguments: str) -> Program:
        program = tmp_path / f"{tag}.py"
        program.write_text(PREAMBLE + textwrap.dedent(source))
        return shared_radio.start(program, *arguments, tag=tag)

    return start
