# SPDX-License-Identifier: Apache-2.0
"""Everything at once at a cache: nobody gets what is in part, or what was for another."""
import asyncio
import gzip
import random
import time

from harness import eventually, expect, scenario
from harness.ask import field
from harness.crowd import _read, request
from harness.edge import Edge
from harness.script import CUT, Answer, Script

PATHS = 60


def content(path, lang, number):
    """What tells of whom it is for, all the way through."""
    line = f"{path} {lang} {number};".encode()
    return line * (1 + hash_of(path) % 9000)


def hash_of(path):
    return sum(ord(letter) * (7 + place) for place, letter in enumerate(path)) * 2654435761 % (1 << 32)


class Origin:
    """Each path behaves in its own way, and changes with time."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.failing = False

    def answer(self, asked):
        path = asked.target.partition("?")[0]
        kind = int(path.strip("/")) % 12
        lang = asked.fields.get("accept-language", "none")
        if asked.method not in ("GET", "HEAD"):
            return Answer(status=204)
        if self.failing and self.draw.random() < 0.5:
            return Answer(status=503)
        whole = content(path, lang if kind in (1, 7) else "all", asked.number)
        half = len(whole) // 2
        age = self.draw.choice((0, 1, 1, 5))
        lines = [f"Cache-Control: max-age={age}, stale-while-revalidate={age % 2}, stale-if-error=9",
                 f'ETag: "{asked.number}"', "Content-Type: text/plain"]
        pieces, form, before = [whole], self.draw.choice(("length", "chunked", "close")), ()
        if kind in (1, 7):
            lines.append("Vary: Accept-Language")
        if kind == 2:
            lines[0] = "Cache-Control: no-store"
        if kind == 3:
            lines.append("Set-Cookie: a=1")
        if kind in (4, 7):
            before = (self.draw.random() * 0.2,)
        if kind == 5:
            pieces = [whole[:half], 0.05, whole[half:]]
        if kind == 6 and self.draw.random() < 0.4:
            pieces, form = [whole[:half], CUT], "chunked"
        if kind == 8:
            pieces = [whole] * (1 + 600_000 // len(whole))
        if kind == 9 and self.draw.random() < 0.3:
            return Answer(status=404)
        return Answer(*lines, pieces=pieces, form=form, before=before)


class Client:
    def __init__(self, port, number, until, wrong):
        self.port, self.draw, self.until, self.wrong = port, random.Random(number), until, wrong
        self.whole = self.asked = 0

    async def run(self):
        while time.monotonic() < self.until:
            try:
                await self.once()
            except OSError:
                pass

    async def once(self):
        draw = self.draw
        path = f"/{min(int(draw.expovariate(0.06)), PATHS - 1)}"
        lang = draw.choice(("de", "fr"))
        lines = [f"Accept-Language: {lang}"]
        method = draw.choices(("GET", "HEAD", "PURGE", "POST"), (90, 4, 3, 3))[0]
        if draw.random() < 0.3:
            lines.append(draw.choice(("Range: bytes=0-99", "Range: bytes=-50", "Range: bytes=5-,1-2",
                                      'If-None-Match: "1"', "Accept-Encoding: gzip")))
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        try:
            writer.write(request(path, *lines, method=method))
            self.asked += 1
            if draw.random() < 0.1:
                await asyncio.sleep(draw.random() * 0.1)
                if draw.random() < 0.5:
                    writer.transport.abort()
                return
            if draw.random() < 0.05:
                await asyncio.sleep(0.3)
            reply = await asyncio.wait_for(_read(reader, method == "HEAD", time.monotonic()), 15)
            self.check(path, lang, method, reply)
        except asyncio.TimeoutError:
            self.wrong.append(f"{method} {path}: no answer within 15 s")
        finally:
            writer.close()

    def check(self, path, lang, method, reply):
        if reply.status != 200 or method != "GET" or not reply.whole:
            return
        self.whole += 1
        is_coded = field(reply.head, "Content-Encoding") is not None
        body = gzip.decompress(reply.body) if is_coded else reply.body
        line = body.partition(b";")[0]
        found = line.decode().split(" ")
        size = len(line) + 1
        is_same = body == (line + b";") * (len(body) // size)
        if found[0] != path or found[1] not in (lang, "all") or not is_same:
            self.wrong.append(f"{path} {lang}: {line[:60]}, {len(body)}")
        # All of it: as long as the origin says it, or one of the long ones.
        whole = size * (1 + hash_of(path) % 9000)
        if len(body) % whole:
            self.wrong.append(f"{path}: {len(body)} of {whole}")


@scenario("a storm of clients that leave, purge, change and ask for parts, at an origin that fails", 240)
def storm(scene):
    for workers, options in ((2, "memory: 2MiB"),
                             (4, "memory: 64MiB, object-limit: 300KiB, wait: 200ms")):
        origin = Origin(workers)
        script = Script(scene, rule=origin.answer)
        edge = Edge(scene, script, options + ", purge: 127.0.0.0/8", workers=workers,
                    route="compress: {}")
        wrong = []
        until = time.monotonic() + (60 if scene.full else 4)
        clients = [Client(edge.http, number, until, wrong) for number in range(60)]

        async def run():
            async def fail():
                while time.monotonic() < until:
                    origin.failing = not origin.failing
                    await asyncio.sleep(0.7)
            await asyncio.gather(fail(), *(client.run() for client in clients))

        asyncio.run(run())
        origin.failing = False
        whole, asked = (sum(getattr(client, name) for client in clients) for name in ("whole", "asked"))
        expect(not wrong, lambda: f"{workers} workers: {len(wrong)} of {asked}: {'; '.join(wrong[:6])}")
        expect(whole > asked // 3 and asked > 500, f"{whole} of {asked} were whole")
        # Nothing of it is left: nobody waits, and the next one is served.
        eventually("all connections of clients end", lambda: edge.martlet.metric(
            "martlet_http_connections") <= 1, within=5)
        expect(edge.ask("/0").status == 200, "and all goes on")
        edge.martlet.stop()
