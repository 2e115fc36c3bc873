"""What runs the documentation's blocks finds what is wrong with them. It judges all pages."""

from __future__ import annotations

import re

import pytest

from documentation import checking
from documentation.comparing import VARYING, difference
from documentation.pages import MARKS, ROOT, BadPage, blocks, pages
from documentation.playing import play

CONVENTION = (ROOT / "tests" / "documentation" / "README.md").read_text("utf-8")


def failures(page: str) -> list[str]:
    return play(list(blocks("page.md", page.replace("'''", "```"))))


RIGHT = {
    "a program": """
'''python
assert 1 + 1 == 2
'''
""",
    "a file that a command runs": """
Save this as `hello.py`:

'''python
print("hello")
'''

'''console
$ python hello.py
hello
'''
""",
    "a program that goes on": """
'''python
number = 3
'''

<!-- continues -->
'''python
print(number)
'''

<!-- prints -->
'''text
3
'''
""",
    "a test": """
'''python
def test_a_world(ble_world):
    device = ble_world.add(source="print(1)")
    ble_world.run()
    assert device.text == "1\\n"
'''
""",
    "a program of a world": """
<!-- file: beacon.py -->
'''python
import _bleio, time
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06")
time.sleep(100000)
'''

<!-- world: beacon.py -->
'''python
import _bleio, time
time.sleep(1000)
print(next(iter(_bleio.adapter.start_scan())).rssi)
'''

<!-- prints -->
'''text
-60
'''
""",
    "another terminal": """
<!-- background -->
'''console
$ echo ready; exec sleep 1000
ready
'''

<!-- ctrl-c -->
'''console
$ python -c 'import time; print(f"after {1.5} s"); time.sleep(1000)'
after 99.2 s
'''
""",
    "lines that are left out, a folder, a variable": """
'''console
$ mkdir deep && cd deep
$ export WORD=found
$ echo a; echo b; echo c; pwd
a
...
c
/somewhere/else/deep
$ echo $WORD
found
'''
""",
    "a program beside it, whatever the block before has exported": """
<!-- needs: examples/beacon.py -->
'''console
$ export BLEIO_ADAPTER=virtual:another
'''

<!-- with: python examples/beacon.py -->
'''python
import _bleio
print(next(iter(_bleio.adapter.start_scan(timeout=60))).rssi)
'''
""",
    "input": """
<!-- input: 3 -->
'''python
print(int(input()) + 1)
'''

<!-- prints -->
'''text
4
'''
""",
    "a terminal": """
<!-- terminal -->
<!-- input: Ada -->
'''console
$ python -c 'print("Hello", input("Name? "))'
Name? Ada
Hello Ada
'''
""",
    "what fails, as it should": """
<!-- fails: ZeroDivisionError -->
'''python
1 / 0
'''

<!-- exit: 3 -->
'''console
$ exit 3
'''
""",
    "data": """
'''yaml
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: pip install "bleio[hunt]"
'''

'''json
{"a": 1}
'''
""",
}

WRONG = {
    "a program that fails": ("'''python\n1 / 0\n'''", "ZeroDivisionError"),
    "syntax": ("'''python\n1 /\n'''", "SyntaxError"),
    "another output": ("'''console\n$ echo one\ntwo\n'''", "+one"),
    "more output": ("'''console\n$ echo one; echo two\none\n'''", "+two"),
    "an exit status": ("'''console\n$ exit 1\n'''", "exit status 1"),
    "a success that should fail": ("<!-- exit: 1 -->\n'''console\n$ true\n'''", "not 1"),
    "a test": ("'''python\ndef test_it():\n    assert 0\n'''", "1 failed"),
    "a test that is skipped by what it needs": (
        "'''python\ndef test_it(no_such_fixture):\n    pass\n'''",
        "no_such_fixture",
    ),
    "a file that nothing runs": ("`it.py`:\n\n'''python\npass\n'''", "runs it.py"),
    "a file with an error": (
        "`it.py`:\n\n'''python\n1 / 0\n'''\n\n'''console\n$ python it.py\n'''",
        "ZeroDivisionError",
    ),
    "a device of a world": (
        "`it.py`:\n\n'''python\n1 / 0\n'''\n\n<!-- world: it.py -->\n'''python\n"
        "import time\ntime.sleep(1)\n'''",
        "ZeroDivisionError",
    ),
    "what goes on, and ends": ("<!-- background -->\n'''console\n$ true\nready\n'''", "ready"),
    "a failure of another kind": ("<!-- fails: KeyError -->\n'''python\n1 / 0\n'''", "KeyError"),
    "what should fail": ("<!-- fails: x -->\n'''python\npass\n'''", "should fail"),
    "an extra": ("<!-- skip: x -->\n'''console\n$ pip install 'bleio[nope]'\n'''", "no extra nope"),
    "a command": ("<!-- skip: x -->\n'''console\n$ bleio nope\n'''", "no command 'nope'"),
    "an option": ("<!-- skip: x -->\n'''console\n$ bleio sim --nope\n'''", "no option --nope"),
    "a shell's syntax": ("<!-- skip: x -->\n'''console\n$ if\n'''", "syntax error"),
    "a workflow": (
        "'''yaml\non: push\njobs:\n  a:\n    steps:\n      - run: x\n'''",
        "runs-on",
    ),
    "json": ("'''json\n{\n'''", "JSONDecodeError"),
    "text without a mark": ("'''text\nx\n'''", "needs a mark"),
    "a form of a command": (
        "<!-- shown: x -->\n'''text\nbleio sim PROGRAM [--nope]\n'''",
        "no option --nope",
    ),
    "a language": ("'''brainfuck\n+\n'''", "no language"),
}


@pytest.mark.interop
@pytest.mark.parametrize("page", RIGHT.values(), ids=RIGHT)
def test_what_is_right(page: str) -> None:
    assert failures(page) == []


@pytest.mark.interop
@pytest.mark.parametrize(("page", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong(page: str, said: str) -> None:
    (failure,) = failures(page)
    assert failure.startswith("page.md:")
    assert said in failure


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("Text\n\n    indented\n", "page.md:3: an indented block"),
        ("'''\nx\n'''", "page.md:1: a block without a language"),
        ("<!-- shpwn: x -->\n'''text\nx\n'''", "there is no mark 'shpwn'"),
        ("- a list\n\n  '''\n  x\n  '''", "without a language"),
    ],
)
def test_pages_that_do_not_keep_to_the_convention(page: str, said: str) -> None:
    with pytest.raises(BadPage, match=re.escape(said)):
        list(blocks("page.md", page.replace("'''", "```")))


def test_a_traceback_has_the_lines_of_the_page() -> None:
    (failure,) = failures("One.\n\nTwo.\n\n'''python\nfine = 1\n1 / 0\n'''")
    assert "line 7, in <module>" in failure


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        (
            "Found <Address c0:11:22:33:44:55> at -60 dBm",
            "Found <Address f0:00:00:0a:bb:01> at -7 dBm",
        ),
        ("took 1.3 s", "took 12 s"),
        ("in /tmp/a/x.py", "in /home/me/x.py"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:41234/"),
        ("a\n...\nd", "a\nb\nc\nd"),
        ("...\nd", "d"),
        ("a (...), 3 b", "a (c d), 3 b"),
        ("a  b", "a      b"),
    ],
)
def test_what_differs_from_run_to_run_is_no_difference(said: str, printed: str) -> None:
    assert difference(said, printed) == ""


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        ("Heart rate: 60 bpm", "Heart rate: 61 bpm"),
        ("a\n...\nd", "a\nb\nc"),
        ("a\n...", "b\na"),
        ("a", "a\nb"),
        ("...\nb\n...", "a\nc"),
        ("3 devices", "4 devices"),
        ("a (...), 3 b", "a (c d), 4 b"),
    ],
)
def test_what_is_a_difference(said: str, printed: str) -> None:
    assert difference(said, printed)


def test_the_convention_has_each_mark_and_no_other() -> None:
    assert set(re.findall(r"^\| `<!-- ([a-z-]+)", CONVENTION, re.MULTILINE)) == MARKS


def test_the_convention_has_each_language_and_each_word() -> None:
    table = CONVENTION.partition("| language |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", table)) >= checking.CHECKS.keys()
    for _, word in VARYING:
        for shown in re.findall(r"[A-Z]{2,}", word):
            assert shown in CONVENTION


def test_all_pages_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    found = pages()
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # as in an unpacked distribution
    assert {page for page in pages() if not page.startswith(".")} >= {
        page for page in found if not page.startswith(".")
    }
    assert {"README.md", "CHANGELOG.md", "docs/worlds.md", "examples/README.md"} <= set(found)
