#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens a page in headless Chromium and says as JSON what it did:

    page.py [OPTION…] URL [NAME=EXPRESSION…]

{"console": […], "requests": […], "dialogs": […], "values": {NAME: …}, "tabs": […]}

--no-script      the page's own scripts do not run
--dark           prefers-color-scheme: dark
--width N        of the window (default 1200)
--clip X,Y,W,H   of the screenshot; without: the whole page
--shot FILE      PNG;   --pdf FILE   as it prints
--press "SELECTOR KEY"   focuses that element and presses Enter, Space, ArrowRight, …
--tabs N         presses Tab so often and says what has the focus each time

Spoken by DevTools' protocol over descriptors 3 and 4 (--remote-debugging-pipe).
"""
import argparse
import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

PATIENCE = 120  # seconds for anything: the machine may be busy

FOCUSED = """(() => { const e = document.activeElement; return e === document.body ? "body" :
    e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + " " +
    (e.getAttribute("aria-label") || e.textContent || e.value || "").trim().slice(0, 40); })()"""


class Browser:
    def __init__(self, profile):
        down, self.down = os.pipe()  # ours to the browser
        self.up, up = os.pipe()
        args = [shutil.which("chromium") or "chromium", "--headless=new", "--no-sandbox",
                "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
                "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--disable-dev-shm-usage", "--user-data-dir=" + profile,
                "--remote-debugging-pipe", "about:blank"]

        def place():
            keep = [os.dup(down), os.dup(up)]  # 3 and 4 may be what is moved
            os.dup2(keep[0], 3)
            os.dup2(keep[1], 4)

        self.process = subprocess.Popen(args, preexec_fn=place, close_fds=False,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(down)
        os.close(up)
        self.bytes = b""
        self.number = 0
        self.session = None
        self.events = []

    def read(self, until):
        while b"\0" not in self.bytes:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.up], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            piece = os.read(self.up, 1 << 20)
            if not piece:
                raise EOFError("the browser has ended")
            self.bytes += piece
        message, self.bytes = self.bytes.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.down, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + PATIENCE
        while True:
            answer = self.read(until)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.seen(answer)

    def seen(self, event):
        self.events.append(event)
        if event.get("method") == "Page.javascriptDialogOpening":
            # a dialog would hold everything up; its answer is not waited for
            self.number += 1
            os.write(self.down, json.dumps({
                "id": self.number, "method": "Page.handleJavaScriptDialog",
                "params": {"accept": False}, "sessionId": self.session}).encode() + b"\0")

    def wait(self, method):
        until = time.monotonic() + PATIENCE
        while not any(e.get("method") == method for e in self.events):
            self.seen(self.read(until))

    def settle(self, seconds):
        """What comes late is seen too."""
        until = time.monotonic() + seconds
        while True:
            try:
                self.seen(self.read(until))
            except TimeoutError:
                return

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def named(self, method):
        return [e["params"] for e in self.events if e.get("method") == method]

    def close(self):
        try:
            self.session = None
            self.call("Browser.close")
        except (RuntimeError, OSError, EOFError, TimeoutError):
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


CODES = {"Tab": 9, "Enter": 13, "Space": 32, "ArrowLeft": 37, "ArrowRight": 39}


def press(b, key):
    text = {"Enter": "\r", "Space": " "}.get(key, "")
    for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
        b.call("Input.dispatchKeyEvent", type=kind, key=" " if key == "Space" else key, code=key,
               windowsVirtualKeyCode=CODES[key], **({"text": text} if kind == "keyDown" else {}))


def look(b, a):
    target = b.call("Target.createTarget", url="about:blank")["targetId"]
    b.session = b.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Network", "Log", "Runtime", "DOM"):
        b.call(domain + ".enable")
    b.call("Emulation.setDeviceMetricsOverride", width=a.width, height=900,
           deviceScaleFactor=1, mobile=False)
    if a.dark:
        b.call("Emulation.setEmulatedMedia",
               features=[{"name": "prefers-color-scheme", "value": "dark"}])
    if a.no_script:
        b.call("Emulation.setScriptExecutionDisabled", value=True)
    b.events.clear()
    b.call("Page.navigate", url=a.url)
    b.wait("Page.loadEventFired")
    b.settle(1)
    out = {"values": {}, "tabs": []}
    for pair in a.press:
        selector, key = pair.rsplit(" ", 1)
        root = b.call("DOM.getDocument")["root"]["nodeId"]
        node = b.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        b.call("DOM.focus", nodeId=node)
        press(b, key)
    for pair in a.values:
        name, expression = pair.split("=", 1)
        out["values"][name] = b.value(expression)
    for _ in range(a.tabs):
        press(b, "Tab")
        out["tabs"].append(b.value(FOCUSED))
    if a.shot:
        clip = [float(x) for x in a.clip.split(",")] if a.clip else None
        options = {"captureBeyondViewport": True}
        if not clip:
            size = b.call("Page.getLayoutMetrics")["cssContentSize"]
            clip = [0, 0, a.width, min(size["height"], 16000)]
        options["clip"] = dict(zip(("x", "y", "width", "height"), clip), scale=1)
        with open(a.shot, "wb") as f:
            f.write(base64.b64decode(b.call("Page.captureScreenshot", **options)["data"]))
    if a.pdf:
        with open(a.pdf, "wb") as f:
            f.write(base64.b64decode(
                b.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True,
                       paperWidth=8.27, paperHeight=11.69)["data"]))
    b.settle(0.2)
    out["console"] = ([e["type"] + ": " + str(e["args"]) for e in b.named("Runtime.consoleAPICalled")] +
                      [str(e["exceptionDetails"]) for e in b.named("Runtime.exceptionThrown")] +
                      [e["entry"]["level"] + ": " + e["entry"]["text"] for e in b.named("Log.entryAdded")])
    out["requests"] = [e["request"]["url"] for e in b.named("Network.requestWillBeSent")]
    out["dialogs"] = [e["message"] for e in b.named("Page.javascriptDialogOpening")]
    return out


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--no-script", action="store_true")
    p.add_argument("--dark", action="store_true")
    p.add_argument("--width", type=int, default=1200)
    p.add_argument("--clip")
    p.add_argument("--shot")
    p.add_argument("--pdf")
    p.add_argument("--press", action="append", default=[])
    p.add_argument("--tabs", type=int, default=0)
    p.add_argument("url")
    p.add_argument("values", nargs="*")
    a = p.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        b = Browser(profile)
        try:
            out = look(b, a)
        finally:
            b.close()
    json.dump(out, sys.stdout, indent=1)
    print()


main()
