"""Pages that change, in headless Chromium: looked at, clicked and dragged as by a person.

The browser is driven by its DevTools protocol, and time is real: tests wait for what they are sure
to see, and never for time to pass.
"""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from support.browser import chromium
from support.patience import PATIENCE_S

_OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
            "--remote-debugging-port=0", "--disable-background-timer-throttling")  # fmt: skip
_KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13, "Tab": 9}
_SHIFT = 8


class Browser:
    """One browser. A context manager."""

    def __init__(self, folder: Path) -> None:
        command = [chromium(), *_OPTIONS, f"--user-data-dir={folder}", "about:blank"]
        self._stack = contextlib.ExitStack()
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._stack.callback(self._process.wait)
        self._stack.callback(self._process.kill)
        self._socket = self._stack.enter_context(
            connect(self._address(folder), max_size=None, open_timeout=PATIENCE_S)
        )
        self._number = 0
        self._answers: dict[int, Any] = {}
        self.tabs: dict[str, Tab] = {}

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def _address(self, folder: Path) -> str:
        """Return where it listens, which it writes into its profile."""
        file, deadline = folder / "DevToolsActivePort", time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(OSError, ValueError):
                port, path = file.read_text().splitlines()
                return f"ws://127.0.0.1:{port}{path}"
            assert self._process.poll() is None, "Chromium has ended"
            assert time.monotonic() < deadline, "Chromium does not begin"
            time.sleep(0.05)

    def tab(self, url: str = "about:blank", *, size: tuple[int, int] = (1300, 850)) -> Tab:
        """Open a page in a tab of its own."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = self.tabs[session] = Tab(self, session)
        for domain in ("Page", "Runtime", "Log"):
            tab.call(f"{domain}.enable")
        tab.resize(*size)
        if url != "about:blank":
            tab.go(url)
        return tab

    def call(self, method: str, session: str = "", **arguments: Any) -> Any:
        """Call the browser. Returns: its answer."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": arguments}
        if session:
            message["sessionId"] = session
        self._socket.send(json.dumps(message))
        deadline = time.monotonic() + PATIENCE_S
        while number not in self._answers:
            self._take(deadline - time.monotonic())
        answer = self._answers.pop(number)
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def _take(self, within_s: float) -> None:
        message = json.loads(self._socket.recv(timeout=max(0.0, within_s)))
        if "id" in message:
            self._answers[message["id"]] = message
        elif tab := self.tabs.get(message.get("sessionId", "")):
            tab.note(message["method"], message["params"])


class Tab:
    """A page in the browser.

    Attributes:
        complaints: errors of its scripts, and what the browser refused it.
        lenient: there may be some.
    """

    lenient = False

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self.complaints: list[str] = []

    def call(self, method: str, **arguments: Any) -> Any:
        """Call the browser for this tab."""
        return self._browser.call(method, self._session, **arguments)

    def note(self, method: str, told: dict[str, Any]) -> None:
        """Take what the browser tells by itself."""
        if method == "Runtime.exceptionThrown":
            told = told["exceptionDetails"]
            text = told.get("exception", {}).get("description") or told["text"]
            if len(self.complaints) < 20:
                self.complaints.append(text)
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")

    def go(self, url: str) -> None:
        """Go to another page."""
        self.call("Page.navigate", url=url)

    def resize(self, wide: int, high: int) -> None:
        """Be that large."""
        self.call("Emulation.setDeviceMetricsOverride", width=wide, height=high,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip

    def prefer(self, **features: str) -> None:
        """Prefer, for example, `colour scheme` by `prefers_color_scheme="dark"`."""
        told = [{"name": name.replace("_", "-"), "value": each} for name, each in features.items()]
        self.call("Emulation.setEmulatedMedia", features=told)

    def js(self, expression: str) -> Any:
        """Return what an expression of the page's script is."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)  # fmt: skip
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str) -> Any:
        """Wait until an expression is true. Returns: what it is then."""
        deadline, why = time.monotonic() + PATIENCE_S, "false"
        while True:
            try:
                if value := self.js(expression):
                    return value
            except AssertionError as error:  # the page is not there yet, say
                why = str(error)[:1000]
            assert time.monotonic() < deadline, f"never true: {expression}\n{why}"
            assert self.lenient or not self.complaints, self.complaints
            time.sleep(0.05)

    def middle(self, selector: str) -> tuple[float, float]:
        """Return where an element is, in sight."""
        box = self.js(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'nearest'}); const b = e.getBoundingClientRect();"
            " return [b.left + b.width / 2, b.top + b.height / 2]; })()"
        )
        return box[0], box[1]

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Let the mouse do something."""
        self.call("Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, **more)

    def click(self, selector: str) -> None:
        """Click an element, where it is."""
        x, y = self.middle(selector)
        self.mouse("Moved", x, y)
        for kind in ("Pressed", "Released"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def drag(self, selector: str, right: float, down: float) -> None:
        """Drag an element by so many pixels."""
        x, y = self.middle(selector)
        self.mouse("Moved", x, y)
        self.mouse("Pressed", x, y, button="left", clickCount=1)
        for part in (0.2, 0.5, 0.8, 1.0):
            self.mouse("Moved", x + right * part, y + down * part, button="left")
        self.mouse("Released", x + right, y + down, button="left", clickCount=1)

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, **text,
                      windowsVirtualKeyCode=_KEYS[key], modifiers=_SHIFT * shift)  # fmt: skip

    def screenshot(self, file: Path) -> None:
        """Write a picture to a PNG file."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        file.write_bytes(base64.b64decode(data))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser for the tests of a module."""
    with Browser(tmp_path_factory.mktemp("browser")) as made:
        yield made
