# SPDX-License-Identifier: Apache-2.0
"""Contents of all sizes through the cache: by each version, in the clear and by TLS, coded or not."""
import hashlib
import subprocess
import time

from caching_herd import expect_all

from harness import expect, expect_equal, scenario
from harness.ask import raw
from harness.certificates import Authority, pair
from harness.crowd import crowd, request
from harness.edge import Edge
from harness.script import Answer, Gate, Script

LIMIT = 400 << 10
# Around what is sent with the head, pieces of memory and of TLS, what is kept, and beyond.
SIZES = (0, 1, 4097, 16_385, 65_536, LIMIT, LIMIT + 1, LIMIT + 20_000, 3_000_000)


def content(size):
    """Text of which each part differs from the others, and that compresses in part."""
    lines = (b"%08x some text\n" % (number * 2654435761 % (1 << 32)) for number in range(size // 18 + 1))
    return b"".join(lines)[:size]


def answer(asked):
    form, size = asked.target.strip("/").split("/")[:2]
    whole = content(int(size))
    pieces = [whole[at:at + 70_001] for at in range(0, len(whole), 70_001)]
    return Answer("Cache-Control: max-age=600", 'ETag: "1"', "Content-Type: text/plain", form=form,
                  pieces=pieces)


def ask_twice(options, url, size):
    """What is wrong with two contents that curl gets; None for nothing."""
    # By prior knowledge curl cannot ask twice.
    calls = [[url], [url]] if "--http2-prior-knowledge" in options else [[url, url]]
    body = b""
    for call in calls:
        done = subprocess.run(["curl", "-sS", "-m", "4", *options, *call], capture_output=True, timeout=20)
        body += done.stdout
        if done.returncode:
            return f"{url} {options[0]}: {done.stderr}, {len(body)} of {2 * size}"
    if hashlib.sha256(body).digest() != hashlib.sha256(content(size) * 2).digest():
        return f"{url} {options[0]}: {len(body)} of {2 * size}"
    return None


@scenario("contents of 0 B to 3 MB: whole in every way, kept up to the limit and not beyond", 120)
def sizes(scene):
    authority = Authority(scene)
    script = Script(scene, rule=answer)
    for compress in (False, True):
        secure = scene.port()
        edge = Edge(scene, script, route="compress: {}" if compress else "")
        text = edge.text(f"memory: 64MiB, object-limit: {LIMIT >> 10}KiB")
        edge.take(text.replace("routes:\n", f"""  - https: 127.0.0.1:{secure}
    certificates: [ {pair(authority.make("www", "www.example.com"))} ]
routes:
""", 1))
        clear = ["-H", "Host: www.example.com"]
        safe = ["--cacert", authority.certificate, "--resolve", f"www.example.com:{secure}:127.0.0.1"]
        plain, tls = f"http://127.0.0.1:{edge.http}", f"https://www.example.com:{secure}"
        ways = [(plain, ["--http1.1", *clear]), (plain, ["--http2-prior-knowledge", *clear]),
                (tls, ["--http1.1", *safe]), (tls, ["--http2", *safe])]
        if compress:
            ways = [(url, [*options, "--compressed"]) for url, options in ways[::3]]
        wrong = []
        for form in ("length", "chunked", "close"):
            for size in SIZES:
                for number, (url, options) in enumerate(ways):
                    # Each way begins an object of its own, and then reads what is kept.
                    path = f"/{form}/{size}/{number}/{compress}"
                    fault = ask_twice(options, url + path, size)
                    if not fault and script.count(path) != (1 if size <= LIMIT else 2):
                        fault = f"{path}: {script.count(path)} requests"
                    wrong += [fault] if fault else []
        expect(not wrong, lambda: f"compress {compress}: {len(wrong)}: " + "; ".join(wrong[:12]))
        edge.martlet.stop()


@scenario("more than is kept, of unknown length: who began it reads at his pace, others go themselves")
def overrun(scene):
    whole = content(3_000_000)
    script = Script(scene)
    for workers in (1, 4):
        edge = Edge(scene, script, f"object-limit: {LIMIT >> 10}KiB", workers=workers)
        gate, path = Gate(), f"/{workers}"
        script.rules[path] = Answer("Cache-Control: max-age=600", form="chunked",
                                    pieces=[whole[:1000], gate, whole[1000:]])
        replies = crowd(edge.http, [request(path)] * 20, asked=gate.open)
        expect_all(replies, whole, "those who come at once")
        # It is known by now: nobody waits for another one.
        began = time.monotonic()
        replies = crowd(edge.http, [request(path)] * 10)
        expect({reply.body for reply in replies} == {whole}, "the next ones")
        expect(time.monotonic() - began < 5, "side by side")
        # One who leaves in the middle of it, and the one after.
        script.rules[path + "/left"] = script.rules[path]
        for _ in range(5):
            raw(edge.http, request(path + "/left"), timeout=0.01)
        expect_equal(len(edge.ask(path + "/left").body), len(whole), "after those who left")
        edge.martlet.stop()
