"""A headless Chromium that tests drive over a pipe, by the DevTools protocol."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-pipe",
)
WAIT_S = 30
KEYS = {
    " ": 32,
    "Enter": 13,
    "Tab": 9,
    "Escape": 27,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}


def find() -> str | None:
    """Return the path of a browser of this machine, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One tab. Every method waits for the browser's answer."""

    def __init__(self, reader: IO[bytes], writer: IO[bytes]) -> None:
        self._reader = reader
        self._writer = writer
        self._last = 0
        self._session: str | None = None
        self._loaded = False
        self.problems: list[str] = []
        made = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=made, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result; note what the page complains of meanwhile."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._writer.write(json.dumps(message).encode() + b"\0")
        self._writer.flush()
        while True:
            answer = self._read()
            if answer.get("id") != self._last:
                self._note(answer)
                continue
            if "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            result: dict[str, Any] = answer["result"]
            return result

    def open(self, url: str) -> None:
        """Go to an address and wait until its document and scripts are there."""
        self._loaded = False
        went = self.call("Page.navigate", url=url)
        # Another fragment of the same address loads nothing.
        while "loaderId" in went and not self._loaded:
            self._note(self._read())

    def run(self, script: str) -> Any:
        """Evaluate an expression in the page and return its value."""
        got = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in got:
            raise AssertionError(got["exceptionDetails"])
        return got["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait until an expression is true; fail with the page's text after `WAIT_S` seconds."""
        done = self._comes(condition, WAIT_S)
        assert done, f"never came: {condition}\n{self.run('document.body.innerText')}"

    def press(self, key: str) -> None:
        """Press and release a key, as a person does."""
        shown = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
        code = KEYS.get(key, ord(key[0].upper()))
        common = {"key": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", **common, **shown)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def point(self, selector: str) -> None:
        """Move the mouse over the middle of an element."""
        box = f"document.querySelector({json.dumps(selector)}).getBoundingClientRect()"
        x, y = self.run(f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({box})")
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def point_until(self, selector: str, condition: str) -> None:
        """Keep the mouse over an element, wherever it moves, until an expression is true."""
        for _ in range(WAIT_S // 3):
            self.point(selector)
            if self._comes(condition, 3):
                return
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=0, y=0)
        raise AssertionError(f"never came: {condition}\n{self.run('document.body.innerText')}")

    def choose(self, selector: str, paths: Sequence[Path]) -> None:
        """Choose files for an input, as a person does in the window of the system."""
        found = self.call(
            "Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})"
        )
        files = [str(path) for path in paths]
        self.call("DOM.setFileInputFiles", files=files, objectId=found["result"]["objectId"])

    def write(self, text: str) -> None:
        """Type text where the focus is."""
        self.call("Input.insertText", text=text)

    def look(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Set the size of the window and the colours that the viewer prefers."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Save what is to be seen, or the whole page, as a PNG."""
        picture: dict[str, Any] = {}
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            picture = {"captureBeyondViewport": True, "clip": {**size, "scale": 1}}
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", **picture)["data"]))

    def close(self) -> None:
        """Close the browser."""
        self._session = None
        self.call("Browser.close")

    def _comes(self, condition: str, seconds: int) -> bool:
        return bool(
            self.run(
                f"""new Promise((resolve) => {{
                  const end = Date.now() + {seconds * 1000};
                  const look = () => {{
                    if ({condition}) resolve(true);
                    else if (Date.now() > end) resolve(false);
                    else setTimeout(look, 20);
                  }};
                  look();
                }})"""
            )
        )

    def _read(self) -> dict[str, Any]:
        data = bytearray()
        while (byte := self._reader.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("the browser ended")
            data += byte
        answer: dict[str, Any] = json.loads(data)
        return answer

    def _note(self, event: dict[str, Any]) -> None:
        """Keep errors: exceptions, refused scripts and styles, missing files; note the load."""
        if event["method"] == "Page.loadEventFired":
            self._loaded = True
        if event["method"] == "Runtime.exceptionThrown":
            self.problems.append(str(event["params"]["exceptionDetails"]))
        if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            entry = event["params"]["entry"]
            self.problems.append(f"{entry['text']} {entry.get('url', '')}".rstrip())


@contextmanager
def opened(browser: str, profile: Path, *flags: str) -> Iterator[Page]:
    """Start a browser with a new profile and more flags, and end it."""
    to_read, to_browser = os.pipe()
    from_browser, to_write = os.pipe()
    command = [browser, *FLAGS, *flags, f"--user-data-dir={profile}"]
    # The browser reads its commands from descriptor 3 and writes its answers to 4. A plain sh
    # takes no descriptor over 9.
    shell = f'exec "$@" 3<&{to_read} 4>&{to_write}'
    process = subprocess.Popen(
        ["bash", "-c", shell, "bash", *command],
        pass_fds=(to_read, to_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_read)
    os.close(to_write)
    try:
        with os.fdopen(from_browser, "rb") as reader, os.fdopen(to_browser, "wb") as writer:
            page = Page(reader, writer)
            yield page
            page.close()
    finally:
        process.terminate()
        process.wait()
