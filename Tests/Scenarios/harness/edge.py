# SPDX-License-Identifier: Apache-2.0
"""A Martlet with a cache in front of one origin, as most scenarios of caching want it."""
import re

from .ask import field, raw
from .check import eventually, expect_equal
from .crowd import crowd, request
from .service import service


class Edge:
    """Route `www.example.com` has cache `edge` with these `options`, in YAML without braces."""

    def __init__(self, scene, origin, options="", workers=2, route="", more="", pool="", **others):
        self.scene, self.origin = scene, origin
        self.http = scene.port()
        self.number = 0
        self.given = {"workers": workers, "route": route, "more": more, "pool": pool, **others}
        self.martlet = scene.martlet(self.text(options))

    def text(self, options="", **changed):
        given = {**self.given, **changed}
        own = given.pop("route")
        route = "cache: edge" + (f", {own}" if own else "")
        more = f"caches: {{ edge: {{ {options} }} }}\n" + given.pop("more")
        # What an origin does on purpose takes it out of no pool, unless a scenario says so.
        pool = given.pop("pool") or "passive: { failures: 0, error-rate: 0% }"
        self.number += 1
        return service(self.http, None, [self.origin], probe="", route=route, pool=pool, more=more,
                       **given).replace("routes:\n", f"""routes:
  - {{ host: number.test, respond: {{ status: 200, body: 'number {self.number};' }} }}
""", 1)

    def take(self, text):
        """Reloads with what `text` gave, and waits until the workers know of it."""
        self.martlet.reload(text)
        number = re.search(r"number \d+;", text)[0].encode()
        ask = b"GET / HTTP/1.1\r\nHost: number.test\r\nConnection: close\r\n\r\n"
        # Each connection comes to any of them.
        eventually("all workers know of it", lambda: all(
            raw(self.http, ask).endswith(number) for _ in range(12)))

    def reload(self, options="", **changed):
        self.take(self.text(options, **changed))

    def ask(self, path="/", *lines, **given):
        """A Reply."""
        return crowd(self.http, [request(path, *lines, **given)])[0]

    def word(self, path="/", *lines, **given):
        """What `X-Cache-Status` says."""
        return field(self.ask(path, *lines, **given).head, "X-Cache-Status")

    def expect_words(self, path, *words, lines=()):
        """As `word`, for one request after the other."""
        expect_equal([self.word(path, *lines) for _ in words], list(words), f"words for {path}")

    def results(self, result):
        return self.martlet.metric("martlet_cache_requests_total", cache="edge", result=result)

    def fetches(self, kind):
        return self.martlet.metric("martlet_cache_fetches_total", cache="edge", kind=kind)
