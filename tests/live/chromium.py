"""A real browser, driven through the pipe of its DevTools protocol; no driver has to be installed.

https://chromedevtools.github.io/devtools-protocol/ describes the messages; each ends with a zero byte.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE_S = 20.0
ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--remote-debugging-pipe",
)  # fmt: skip


@dataclass
class Page:
    """One tab. `problems` are what its console complained of: blocked by policy, failed to load, thrown."""

    to_browser: int
    from_browser: int
    session: str = ""
    problems: list[str] = field(default_factory=list)
    _number: int = 0
    _rest: bytes = b""

    def ask(self, method: str, **params: Any) -> Any:
        """One command and its result; events that come before it are looked at."""
        self._number += 1
        told = {"id": self._number, "method": method, "params": params}
        if self.session:
            told["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(told).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            self._note(message)

    def go(self, url: str) -> None:
        self.ask("Page.navigate", url=url)
        self.until("document.readyState", "complete")

    def fill(self, selector: str, value: str) -> None:
        self.value(f"document.querySelector({selector!r}).value = {json.dumps(value)}")

    def click(self, selector: str) -> None:
        self.value(f"document.querySelector({selector!r}).click()")

    def value(self, expression: str) -> Any:
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def until(self, expression: str, wanted: object) -> None:
        """Wait until an expression has a value, over page loads."""
        deadline = time.monotonic() + PATIENCE_S
        while (found := self.value(f"(() => {{ try {{ return {expression} }} catch {{}} }})()")) != wanted:
            assert time.monotonic() < deadline, f"{expression} is {found!r}; {self.value('document.body.innerText')}"
            time.sleep(0.05)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self.from_browser, 1 << 16)
            assert more, "the browser went away"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.problems.append(message["params"]["entry"]["text"])
        if message.get("method") == "Runtime.exceptionThrown":
            self.problems.append(str(message["params"]["exceptionDetails"]))


@contextmanager
def running(folder: Path) -> Iterator[Page]:
    """A browser with one empty page; its profile is in `folder`."""
    there, to_browser = os.pipe()
    from_browser, back = os.pipe()

    def wire() -> None:  # the browser reads commands from 3 and answers on 4
        commands, answers = os.dup(there), os.dup(back)
        os.dup2(commands, 3)
        os.dup2(answers, 4)

    process = subprocess.Popen(
        ["chromium", *ARGUMENTS, f"--user-data-dir={folder}", "about:blank"],
        preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(there)
    os.close(back)
    try:
        page = Page(to_browser, from_browser)
        targets = page.ask("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        page.session = page.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            page.ask(f"{domain}.enable")
        yield page
    finally:
        os.close(to_browser)
        os.close(from_browser)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        if process.poll() is None:
            process.kill()
            process.wait()
