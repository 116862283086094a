# SPDX-License-Identifier: Apache-2.0
"""An origin that says what a scenario tells it to, piece by piece, and notes who asked for what.

It runs in a thread of the scenario, so that rules can be functions, and gates can be opened.
"""
import asyncio
import collections
import re
import ssl
import threading

from .check import Failure

Asked = collections.namedtuple("Asked", "method target head fields body number")
# A piece of an answer after which the connection is reset.
CUT = object()


class Gate:
    """Answers wait at it until it is open."""

    def __init__(self):
        self._open = threading.Event()

    def open(self):
        self._open.set()

    async def passed(self):
        while not self._open.is_set():
            await asyncio.sleep(0.005)


class Answer:
    """Fields as lines, then pieces: bytes, seconds to wait, a Gate, or CUT.

    Without pieces the content is the target and the number of the request for its path. `form` is
    `length`, `chunked` or `close`; `length` another length than that of the pieces. `before` are
    waits ahead of the head.
    """

    def __init__(self, *lines, pieces=None, status=200, form="length", length=None, before=()):
        self.lines, self.pieces, self.status = lines, pieces, status
        self.form, self.length, self.before = form, length, before


class Script:
    """`rules` maps paths without queries to an Answer, a list of them of which the last stays, or a
    function of Asked; `rule` is for all other paths.
    """

    def __init__(self, scene, rules=None, rule=None, name="script", address="127.0.0.1", tls=None):
        self.name, self.address, self.port = name, address, scene.port()
        self.at = f"{address}:{self.port}"
        self.rules = rules or {}
        self.rule = rule or Answer("Cache-Control: max-age=60")
        self.tls = tls
        self.asked = []
        self.counts = collections.Counter()
        self.loop = asyncio.new_event_loop()
        self.up = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        if not self.up.wait(5):
            raise Failure("the script does not start")
        scene.started.append(self)

    def _run(self):
        asyncio.set_event_loop(self.loop)
        context = None
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
        self.loop.run_until_complete(asyncio.start_server(
            self._serve, self.address, self.port, backlog=2048, ssl=context))
        self.up.set()
        self.loop.run_forever()

    def seen(self, path=None, method=None):
        """Those who asked, of one path and method."""
        return [one for one in self.asked if path in (None, one.target.partition("?")[0])
                and method in (None, one.method)]

    def count(self, path=None):
        return len(self.seen(path))

    def end(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        return ""

    async def _serve(self, reader, writer):
        try:
            while request := await self._request(reader, writer):
                if not await self._answer(request, writer):
                    break
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass
        writer.close()

    async def _request(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return None
        method, target, _ = head.split(" ", 2)
        fields = {name.lower(): value for name, value in re.findall(
            r"(?m)^([^:\r\n ]+):[ \t]*(.*?)[ \t]*\r$", head)}
        body = b""
        if "chunked" in fields.get("transfer-encoding", ""):
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readuntil(b"\r\n")
        elif length := int(fields.get("content-length", 0)):
            body = await reader.readexactly(length)
        path = target.partition("?")[0]
        self.counts[path] += 1
        asked = Asked(method, target, head, fields, body, self.counts[path])
        self.asked.append(asked)
        return asked

    def _choose(self, asked):
        rule = self.rules.get(asked.target.partition("?")[0], self.rule)
        if isinstance(rule, list):
            rule = rule[min(asked.number, len(rule)) - 1]
        return rule(asked) if callable(rule) else rule

    async def _answer(self, asked, writer):
        """True when the connection may go on."""
        answer = self._choose(asked)
        for wait in answer.before:
            await pause(wait)
        lines = list(answer.lines)
        if answer.status == 200 and is_unchanged(asked, lines):
            writer.write(head_of(304, lines))
            return True
        pieces = answer.pieces
        if pieces is None:
            pieces = [f"{asked.target} #{asked.number}\n".encode()]
        length = sum(len(piece) for piece in pieces if isinstance(piece, bytes))
        has_content = answer.status >= 200 and answer.status not in (204, 304)
        if has_content and answer.form == "length":
            lines.append(f"Content-Length: {answer.length or length}")
        elif has_content and answer.form == "chunked":
            lines.append("Transfer-Encoding: chunked")
        elif has_content:
            lines.append("Connection: close")
        writer.write(head_of(answer.status, lines))
        if not has_content or asked.method == "HEAD":
            return True
        for piece in pieces:
            if piece is CUT:
                await writer.drain()
                writer.transport.abort()
                return False
            if not isinstance(piece, bytes):
                await pause(piece)
                continue
            framed = b"%x\r\n%s\r\n" % (len(piece), piece) if answer.form == "chunked" else piece
            writer.write(framed)
            await writer.drain()
        if answer.form == "chunked":
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        return answer.form != "close"


def is_unchanged(asked, lines):
    """Whether the request has a validator that is among these fields."""
    said = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "etag" in said and "if-none-match" in asked.fields:
        return said["etag"] in asked.fields["if-none-match"]
    return "last-modified" in said and said["last-modified"] == asked.fields.get("if-modified-since")


async def pause(wait):
    await (wait.passed() if isinstance(wait, Gate) else asyncio.sleep(wait))


def head_of(status, lines):
    return "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status} X", *lines, "")).encode("latin-1")
