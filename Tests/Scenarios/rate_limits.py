# SPDX-License-Identifier: Apache-2.0
"""Rate limits: what passes, what the others are told, and that workers and reloads change nothing."""
import time

from harness import expect, expect_equal, scenario
from harness.ask import curl, field
from harness.martlet import martlet_command
from harness.service import service

R = "routes[].rate-limit."


def limited(scene, routes, workers=2):
    """A Martlet with routes that have limits, and a way to ask it."""
    origin = scene.origin("a")
    http = scene.port()
    text = service(http, None, [origin], workers=workers).replace("routes:\n", "routes:\n" + routes)
    martlet = scene.martlet(text)

    def ask(target, *options):
        return curl(f"http://127.0.0.1:{http}{target}", "-H", "Host: www.example.com", *options)
    return ask, martlet, http, text


def passed(ask, target, count, *options):
    return sum(ask(target, *options)[0] == 200 for _ in range(count))


@scenario("rate limits by every key", covers=[
    R + "rate", R + "burst", R + "key", R + "ipv4-prefix", R + "ipv6-prefix", R + "dry-run"])
def by_key(scene):
    ask, martlet, http, text = limited(scene, """
  - { host: www.example.com, path: /ip/, pool: web, rate-limit: { rate: 3/h } }
  - { host: www.example.com, path: /net/, pool: web, rate-limit: { rate: 3/h, ipv4-prefix: 8 } }
  - { host: www.example.com, path: /burst/, pool: web, rate-limit: { rate: 3/h, burst: 5 } }
  - { host: www.example.com, path: /h/, pool: web, rate-limit: { rate: 3/h, key: "header:X-Key" } }
  - { host: www.example.com, path: /c/, pool: web, rate-limit: { rate: 3/h, key: "cookie:id" } }
  - { host: www.example.com, path: /q/, pool: web, rate-limit: { rate: 3/h, key: "query:id" } }
  - { host: www.example.com, path: /all/, pool: web, rate-limit: { rate: 3/h, key: route } }
  - { host: www.example.com, path: /dry/, pool: web, rate-limit: { rate: 3/h, dry-run: true } }
  - { host: www.example.com, path: /fast/, pool: web, rate-limit: { rate: 5/s, burst: 1 } }
  - { host: www.example.com, path: /six/, pool: web, rate-limit: { rate: 3/h, ipv6-prefix: 16 } }
""")
    other = ["--interface", "127.0.0.2"]
    expect_equal(passed(ask, "/", 12), 12, "no limit")
    expect_equal(passed(ask, "/ip/", 6), 3, "the rate's number at once")
    expect_equal(passed(ask, "/ip/", 6, *other), 3, "another client")
    expect_equal(passed(ask, "/net/", 2) + passed(ask, "/net/", 6, *other), 3, "ipv4-prefix: 8")
    expect_equal(passed(ask, "/burst/", 9), 5, "burst")
    expect_equal(passed(ask, "/h/", 5, "-H", "X-Key: a"), 3, "key a")
    expect_equal(passed(ask, "/h/", 5, "-H", "X-Key: b"), 3, "key b")
    expect_equal(passed(ask, "/h/", 5), 3, "no key: the client")
    expect_equal(passed(ask, "/c/", 5, "-H", "Cookie: x=y; id=a"), 3, "cookie a")
    expect_equal(passed(ask, "/c/", 5, "-H", "Cookie: id=b"), 3, "cookie b")
    expect_equal(passed(ask, "/q/?id=a", 5) + passed(ask, "/q/?id=b&x", 5), 6, "query")
    expect_equal(passed(ask, "/all/", 2) + passed(ask, "/all/", 5, *other), 3, "key: route")
    expect_equal(passed(ask, "/dry/", 7), 7, "dry-run")
    expect_equal(passed(ask, "/six/", 5), 3, "ipv6-prefix says nothing about IPv4")
    expect_equal(ask("/fast/")[0], 200, "first")
    time.sleep(0.25)
    expect_equal(ask("/fast/")[0], 200, "a token came")

    status, head, body = ask("/ip/")
    expect_equal((status, body), (429, b"429 Too Many Requests: rate-limited\n"), "the answer")
    wait = int(field(head, "Retry-After"))
    expect(1100 <= wait <= 1200, f"Retry-After {wait}")
    expect_equal(field(head, "RateLimit-Policy"), '"limit";q=3;w=3600', "policy")
    expect_equal(field(head, "RateLimit"), f'"limit";r=0;t={wait}', "what is left")
    martlet.access_entry("of the refusal", lambda entry: entry["reason"] == "rate-limited")

    def count(path, decision):
        name = f"www.example.com/{path}/*"
        return martlet.metric("martlet_rate_limit_requests_total", route=name, decision=decision)
    expect_equal((count("burst", "allowed"), count("burst", "limited")), (5, 4), "metrics")
    expect_equal((count("dry", "allowed"), count("dry", "limited")), (3, 4), "metrics of a dry run")
    expect(martlet.metric("martlet_rate_limit_keys") >= 10, "keys in metrics")

    def explain(path):
        return martlet_command(scene, "explain", "--admin", f"127.0.0.1:{martlet.admin}",
                               f"http://www.example.com{path}")[1]
    expect("3/h, burst 3, by source-ip: none left" in explain("/ip/"), explain("/ip/"))
    expect("429 rate-limited" in explain("/ip/"), explain("/ip/"))
    expect("by header:x-key: none left" in explain("/h/"), explain("/h/"))
    expect_equal(passed(ask, "/q/", 1), 1, "explaining takes nothing")

    # A reload that changes another route leaves the buckets as they are; a new limit begins anew.
    martlet.reload(text.replace("path: /burst/, pool: web, rate-limit: { rate: 3/h, burst: 5 }",
                                "path: /burst/, pool: web, rate-limit: { rate: 3/h, burst: 6 }"))
    expect_equal(passed(ask, "/ip/", 3), 0, "after the reload")
    expect_equal(passed(ask, "/burst/", 9), 6, "a changed limit")

    bad = scene.write("bad.yaml", text.replace("rate: 5/s", "rate: 5 per second"))
    status, out, err = martlet_command(scene, "check", bad)
    expect(status != 0 and "M1222" in out + err, f"check: {status} {out} {err}")


@scenario("a rate holds for all workers together")
def across_workers(scene):
    _, martlet, http, _ = limited(scene, """
  - host: www.example.com
    path: /limited/
    pool: web
    rate-limit: { rate: 100/s, burst: 50, key: route }
""")
    began = time.monotonic()
    load = scene.load(http, rate=1000, connections=32, path="/limited/")
    time.sleep(5)
    load.stop()
    load.join()
    span = time.monotonic() - began
    name = "www.example.com/limited/*"
    allowed = martlet.metric("martlet_rate_limit_requests_total", route=name, decision="allowed")
    refused = martlet.metric("martlet_rate_limit_requests_total", route=name, decision="limited")
    expect(allowed <= 50 + 100 * span + 1, f"{allowed} passed in {span:.2f} s")
    expect(allowed >= 50 + 100 * 4.5, f"only {allowed} passed in {span:.2f} s")
    expect(refused > 5 * allowed / 4, f"{refused} refused beside {allowed}")
