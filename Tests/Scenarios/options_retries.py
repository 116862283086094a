# SPDX-License-Identifier: Apache-2.0
"""What is tried again: conditions, times of attempts, pauses, and what must not go twice."""
import time

from harness import expect, expect_equal, scenario
from harness.ask import field
from harness.martlet import martlet_command
from options_pools import Pools, endpoints

RETRY = "pools.*.retry."
# The first is always asked first, and never ejected.
PAIR = ("balance: first-available, passive: { failures: 0, error-rate: 0% }, "
        + endpoints("address: '<a>', name: a", "address: '<b>', name: b"))


@scenario("retry.on: failures, statuses, and the answer that is passed on", 60,
          covers=[RETRY + "on", "routes[].retry-on"])
def conditions(scene):
    dead = scene.port("127.0.0.9")
    refused = PAIR.replace("<a>", f"127.0.0.9:{dead}")
    pools = Pools(
        scene, names="ab", plain=PAIR, dead=refused,
        status="retry: { on: [ connect, 503 ] }, " + PAIR,
        reset="retry: { on: reset }, " + PAIR,
        fresh="retry: { on: [ connect, 503 ] }, " + PAIR, none="retry: { on: 599 }, " + refused,
        extra="  - { host: route.test, pool: plain, retry-on: [ reset, 500-504 ] }\n")
    a, b = pools.origins["a"], pools.origins["b"]
    expect_equal(pools.ask("plain", "/status/503"), (503, "a"), "a status is passed on by default")
    expect_equal(pools.ask("dead"), (200, "b"), "a refused connection is tried again by default")
    expect_equal(pools.ask("none")[0], 502, "where `connect` is not listed it is not")

    # Both answer 503: the last one's answer is passed on.
    expect_equal(pools.ask("status", "/status/503"), (503, "b"), "503 is tried again")
    expect_equal(pools.ask("status", "/status/502"), (502, "a"), "502 is not")
    expect_equal(pools.ask("route", "/status/504"), (504, "b"), "the route's own statuses")
    a.fault("reset")
    expect_equal(pools.ask("plain"), (200, "b"), "a reset is tried again by default")
    expect_equal(pools.ask("reset"), (200, "b"), "and with on: reset")
    expect_equal(pools.ask("fresh")[0], 502, "and not with on: [connect, 503]")
    a.fault("500")
    expect_equal(pools.ask("route"), (200, "b"), "a failure that only one has is never seen")
    a.fault(None)
    for origin in (a, b):
        expect(origin.seen()["requests"] > 0, f"{origin.name} was asked")

    page = pools.martlet.metrics()
    expect('martlet_http_retries_by_condition_total{condition="status"}' in page
           and 'martlet_http_retries_by_condition_total{condition="reset"}' in page,
           "each condition is counted")
    status, out, _ = martlet_command(
        scene, "explain", "--admin", f"127.0.0.1:{pools.martlet.admin}", "http://route.test/")
    expect(status == 0 and "reset, 500-504" in out, f"explain tells what is tried again: {out}")


@scenario("retry.per-try-timeout: slow attempts are left, the last one is not", 60, covers=[
    RETRY + "per-try-timeout", "routes[].retry-per-try-timeout"])
def attempts(scene):
    pools = Pools(
        scene, names="ab", plain=PAIR, short="retry: { per-try-timeout: 200ms }, " + PAIR,
        extra="  - { host: route.test, pool: plain, retry-per-try-timeout: 200ms }\n")

    def timed(name, path="/"):
        began = time.monotonic()
        answer = pools.ask(name, path)
        return answer, time.monotonic() - began

    pools.origins["a"].fault("slow", seconds=1.0)
    answer, took = timed("plain")
    expect(answer == (200, "a") and took > 0.9, f"without it the slow one is waited for: {answer}")
    for name in ("short", "route"):
        answer, took = timed(name)
        expect(answer == (200, "b") and 0.15 < took < 0.8, f"`{name}`: {answer} after {took:.2f} s")
    pools.origins["a"].fault(None)
    answer, took = timed("short", "/delay/700")
    expect(answer[0] == 200 and took > 0.8,
           f"where all are slow the last attempt has its time: {answer} after {took:.2f} s")


@scenario("retry.backoff: pauses before retries", 60, covers=[
    RETRY + "backoff.base", RETRY + "backoff.cap"])
def pauses(scene):
    dead = scene.port("127.0.0.9")
    pools = Pools(
        scene, names="ab", plain=PAIR, base="retry: { backoff: { base: 600ms } }, " + PAIR,
        cap="retry: { backoff: { base: 100ms, cap: 100ms } }, " + PAIR,
        dead="retry: { backoff: { base: 600ms } }, " + PAIR.replace("<a>", f"127.0.0.9:{dead}"))
    pools.origins["a"].fault("reset")

    def timed(name):
        began = time.monotonic()
        expect_equal(pools.ask(name), (200, "b"), f"`{name}` gets its answer")
        return time.monotonic() - began

    plain, base, cap, none = (timed(name) for name in ("plain", "base", "cap", "dead"))
    expect(plain < 0.25, f"no pause by default: {plain:.3f} s")
    expect(0.3 <= base < 0.9, f"base: 600ms pauses for half to the whole of it: {base:.3f} s")
    expect(0.05 <= cap < 0.3, f"cap: 100ms bounds it: {cap:.3f} s")
    expect(none < 0.25, f"no pause where no connection came about: {none:.3f} s")


HEDGE = "pools.*.hedge."


@scenario("hedge: another endpoint is asked as well, within a budget; the first answer wins", 90,
          covers=[HEDGE + "after", HEDGE + "budget", HEDGE + "min-delay"])
def hedging(scene):
    def hedge(budget, delay):
        return f"hedge: {{ after: p95, budget: {budget}, min-delay: {delay} }}, " + PAIR
    pools = Pools(scene, names="ab", plain=PAIR, hedged=hedge("20%", "50ms"),
                  late=hedge("100%", "700ms"), poor=hedge("1%", "50ms"))
    a, b = pools.origins["a"], pools.origins["b"]

    def timed(name, method="GET"):
        began = time.monotonic()
        answer = pools.ask(name, "/head" if method == "GET" else "/echo", method)
        return answer, time.monotonic() - began

    for name in ("plain", "hedged", "late", "poor"):
        expect_equal(set(pools.picks(name, 60)), {"a"}, f"at `{name}` all are quick")
    expect_equal(b.seen()["requests"], 0, "nothing is asked twice that is quick")
    a.fault("slow", seconds=1.5)
    for name, method, origin, least, most in (
            ("plain", "GET", "a", 1.4, 3), ("hedged", "GET", "b", 0.04, 0.7),
            ("hedged", "POST", "a", 1.4, 3), ("late", "GET", "b", 0.65, 1.4),
            ("poor", "GET", "a", 1.4, 3)):
        answer, took = timed(name, method)
        expect(answer == (200, origin) and least < took < most,
               f"{method} at `{name}`: {answer} after {took:.2f} s")
    martlet = pools.martlet
    won = martlet.access_entry("hedge won", lambda entry: entry.get("hedge") == "won")
    expect(won["attempts"] == 2 and "retried" not in won, f"the log: {won}")
    # The second is slow as well: the first one's answer comes first.
    a.fault("slow", seconds=0.6)
    b.fault("slow", seconds=1.5)
    answer, took = timed("hedged")
    expect(answer == (200, "a") and 0.5 < took < 1.2, f"the first wins: {answer}, {took:.2f} s")
    martlet.access_entry("hedge lost", lambda entry: entry.get("hedge") == "lost")
    b.fault("reset")
    answer, took = timed("hedged")
    expect(answer == (200, "a") and 0.5 < took < 1.2, f"the second fails: {answer}")
    page = martlet.metrics()
    for pool, outcome in (("hedged", "won"), ("hedged", "lost"), ("hedged", "failed"),
                          ("late", "won"), ("poor", "refused")):
        line = f'martlet_pool_hedges_total{{pool="{pool}",outcome="{outcome}"}} 1\n'
        expect(line in page, f"counted: {line}")
    status, out, _ = martlet_command(
        scene, "explain", "--admin", f"127.0.0.1:{martlet.admin}", "http://hedged.test/")
    expect(status == 0 and "another endpoint as well after p95" in out, f"explain: {out}")


@scenario("retry.non-idempotent: a POST goes twice only where that does no harm", 60, covers=[
    RETRY + "non-idempotent", "routes[].retry-non-idempotent"])
def twice(scene):
    pools = Pools(
        scene, names="ab", plain=PAIR, never="retry: { non-idempotent: never }, " + PAIR,
        always="retry: { non-idempotent: always }, " + PAIR,
        extra="  - { host: route.test, pool: plain, retry-non-idempotent: always }\n")
    a, b = pools.origins["a"], pools.origins["b"]
    a.fault("reset")
    key = "Idempotency-Key: \"8e03978e-40d5-43dd-bc93-6894a57f9324\"\r\n"
    for name, headers, expected in (
            ("plain", "", 502), ("plain", key, 200), ("never", key, 502), ("always", "", 200),
            ("route", "", 200)):
        a.forget(), b.forget()
        status = pools.ask(name, "/echo", "POST", headers, b"pay 1")[0]
        expect_equal(status, expected, f"POST at `{name}` with {headers!r}")
        counts = (a.seen()["requests"], b.seen()["requests"])
        expect_equal(counts, (1, 1 if expected == 200 else 0), f"deliveries at `{name}`")
    # RFC 10008: safe and idempotent, whatever its content.
    expect_equal(pools.ask("plain", "/echo", "QUERY", "", b"find"), (200, "b"), "QUERY")
    a.fault(None)
    status, head, body = pools.browser("plain").ask("/echo", "QUERY", "", b"find")
    expect_equal((status, field(head, "X-Origin"), body), (200, "a", b"find"), "QUERY's content")
    pools.martlet.access_entry("the log says why it was tried again",
                               lambda entry: entry.get("retried", "").startswith("origin-"))
