# SPDX-License-Identifier: Apache-2.0
"""A real browser: Chromium without a screen, told what to do by its own protocol over two pipes.

Names below example.com are this machine's, and the one certificate is trusted by its key, without
the error that would keep the browser from believing Strict-Transport-Security. What went wrong in
a page is kept in `complaints`: exceptions, errors on the console, and errors of the browser's own.
"""
import base64
import collections
import hashlib
import json
import os
import select
import shutil
import subprocess
import time

from .certificates import openssl
from .check import Failure

COMMAND = "chromium-headless-shell"


def key_of(certificate):
    """SHA-256 of a certificate's public key, in base64."""
    key = certificate + ".key.der"
    pem = openssl("x509", "-in", certificate, "-noout", "-pubkey")[1]
    openssl("pkey", "-pubin", "-outform", "der", "-out", key, text=pem)
    with open(key, "rb") as file:
        return base64.b64encode(hashlib.sha256(file.read()).digest()).decode()


class Chromium:
    def __init__(self, scene, certificate):
        if shutil.which(COMMAND) is None:
            raise Failure(f"{COMMAND} is missing: scripts/setup test")
        to_read, self.to = os.pipe()
        self.source, to_write = os.pipe()
        options = [
            "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
            f"--user-data-dir={scene.path('chromium')}",
            "--host-resolver-rules=MAP *.example.com 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--ignore-certificate-errors-spki-list={key_of(certificate)}"]
        with open(scene.path("chromium.log"), "ab") as log:
            # It reads commands from 3 and answers on 4.
            self.process = subprocess.Popen(
                ["bash", "-c", f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}', COMMAND, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(to_read, to_write),
                env={**os.environ, "HOME": scene.folder})
        os.close(to_read)
        os.close(to_write)
        scene.started.append(self)
        self.buffer, self.number = b"", 0
        self.waiting = collections.deque()

    def page(self):
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, session)

    def ask(self, method, session=None, within=15, **parameters):
        """The result of a command; events that come meanwhile are kept."""
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        end = time.monotonic() + within
        while True:
            answer = self.message(end, f"an answer to {method}")
            if answer.get("id") != number:
                self.waiting.append(answer)
                continue
            if "error" in answer:
                raise Failure(f"{method}: {answer['error']}")
            return answer["result"]

    def message(self, end, what):
        while b"\0" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.source], [], [], left)[0]:
                raise Failure(f"the browser: no {what}")
            piece = os.read(self.source, 1 << 20)
            if not piece:
                raise Failure("the browser has gone")
            self.buffer += piece
        text, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(text)

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.source)
        return ""


class Page:
    """One tab."""

    def __init__(self, browser, session):
        self.browser, self.session = browser, session
        self.complaints, self.redirects, self.heads = [], [], {}
        for part in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{part}.enable")

    def ask(self, method, **parameters):
        return self.browser.ask(method, self.session, **parameters)

    def go(self, url, within=15):
        """Loads a page and all that belongs to it."""
        self.note()
        error = self.ask("Page.navigate", url=url).get("errorText")
        if error:
            raise Failure(f"{url}: {error}")
        self.loaded(within)

    def reload(self, within=15):
        self.note()
        self.ask("Page.reload")
        self.loaded(within)

    def loaded(self, within=15):
        end = time.monotonic() + within
        while "Page.loadEventFired" not in self.note():
            self.browser.waiting.append(self.browser.message(end, "page that is loaded"))

    def do(self, script):
        """The value of an expression, and of its promise."""
        answer = self.ask("Runtime.evaluate", expression=script, awaitPromise=True,
                          returnByValue=True)
        if "exceptionDetails" in answer:
            raise Failure(f"{script[:80]}: {json.dumps(answer['exceptionDetails'])[:600]}")
        return answer["result"].get("value")

    def note(self):
        """Takes what has come; the names of the events."""
        names = []
        while self.browser.waiting:
            event = self.browser.waiting.popleft()
            name, said = event.get("method", ""), event.get("params", {})
            names.append(name)
            if name == "Runtime.exceptionThrown":
                self.complaints.append(said["exceptionDetails"].get("text", "exception"))
            if name == "Runtime.consoleAPICalled" and said["type"] in ("error", "assert"):
                self.complaints.append(json.dumps(said["args"]))
            if name == "Log.entryAdded" and said["entry"]["level"] == "error":
                self.complaints.append(said["entry"]["text"])
            if name == "Network.requestWillBeSent" and "redirectResponse" in said:
                answer = said["redirectResponse"]
                self.redirects.append((answer["status"], answer["url"], said["request"]["url"]))
            if name == "Network.responseReceived":
                self.heads[said["response"]["url"]] = said["response"]
        return names
