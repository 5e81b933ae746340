"""A browser by the W3C WebDriver protocol, as far as the page's test needs it; chromedriver and the standard library."""
import base64
import json
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", "--hide-scrollbars"]


class Failure(Exception):
    """What the driver says went wrong."""


def call(url: str, method: str, body: dict | None = None):
    data = json.dumps(body or {}).encode() if method == "POST" else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise Failure(json.load(error)["value"]["message"].splitlines()[0]) from None


class Browser:
    """One window; closes with the `with` block."""

    def __init__(self, language: str, width: int, height: int):
        self.profile = tempfile.TemporaryDirectory()
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        line = next(line for line in self.driver.stdout if "successfully on port" in line)
        root = f"http://127.0.0.1:{line.split('on port ')[1].split('.')[0].strip()}/session"
        arguments = ARGUMENTS + [f"--user-data-dir={self.profile.name}", f"--lang={language}",
                                 f"--accept-lang={language}", f"--window-size={width},{height}"]
        options = {"args": arguments, "prefs": {"intl.accept_languages": language}}
        self.url = root
        session = call(root, "POST", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.url = f"{root}/{session['sessionId']}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            call(self.url, "DELETE")
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.profile.cleanup()

    def open(self, url: str) -> None:
        call(f"{self.url}/url", "POST", {"url": url})

    def run(self, script: str, *arguments):
        return call(f"{self.url}/execute/sync", "POST", {"script": script, "args": list(arguments)})

    def run_async(self, script: str, *arguments):
        """The script gives its value to the function that is its last argument."""
        return call(f"{self.url}/execute/async", "POST", {"script": script, "args": list(arguments)})

    def devtools(self, command: str, **parameters):
        return call(f"{self.url}/goog/cdp/execute", "POST", {"cmd": command, "params": parameters})

    def size(self, width: int, height: int) -> None:
        """Of the page itself, narrower than a window can be."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def dark(self, on: bool) -> None:
        value = "dark" if on else "light"
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def find(self, css: str) -> str:
        return call(f"{self.url}/element", "POST", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, css: str) -> None:
        call(f"{self.url}/element/{self.find(css)}/click", "POST")

    def type(self, css: str, text: str) -> None:
        call(f"{self.url}/element/{self.find(css)}/value", "POST", {"text": text})

    def press(self, key: str) -> None:
        """To whatever has the focus."""
        call(f"{self.url}/actions", "POST", {"actions": [{"type": "key", "id": "keys", "actions": [
            {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]}]})

    def text(self, css: str) -> str:
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", css)

    def wait(self, what: str, script: str, *arguments, seconds: float = 15):
        """Until the script says something true; returns that."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.run(script, *arguments)
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"waited in vain: {what}")

    def log(self) -> list[str]:
        """What the browser complained of since the last call."""
        return [f"{entry['level']} {entry['message']}" for entry in call(f"{self.url}/se/log", "POST", {"type": "browser"})]

    def picture(self, path: Path, whole: bool = True) -> None:
        picture = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(picture["data"]))
