# SPDX-License-Identifier: Apache-2.0
"""What operators put into caches: pushed and pinned objects, lists that are fetched, and the ranking."""
import json
import urllib.parse

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, curl, field
from harness.certificates import Authority, pair
from harness.martlet import martlet_command
from harness.service import service

PAGES = "caches: { pages: { memory: 8MiB, pinned-limit: 1MiB, lifetimes: { 200: 1h } } }\n"
BASE = "http://www.example.com"


def start(scene, more=PAGES, workers=2, running=True):
    origin, = scene.origins("a")
    if not running:
        origin.kill()
    http = scene.port()
    text = service(http, None, [origin], probe="", route="cache: pages", more=more, workers=workers)
    martlet = scene.martlet(text.replace("www.example.com", '"*"'))
    return origin, http, martlet


def cache(scene, martlet, *words, status=0, within=20):
    seen, out, err = martlet_command(
        scene, "cache", *words, "--admin", f"127.0.0.1:{martlet.admin}", within=within)
    expect_equal(seen, status, f"cache {words}: {out}{err}")
    return out + err


def urlencode(parameters):
    return urllib.parse.urlencode(parameters, doseq=True, quote_via=urllib.parse.quote)


def push(martlet, path, content, expected=200, **parameters):
    """Pushes by the API; lists stand for parameters that are repeated."""
    query = urlencode({"url": BASE + path, **parameters})
    seen, _, body = put(martlet, f"/api/v1/caches/pages/objects?{query}", content)
    expect_equal(seen, expected, f"push {path} {parameters}: {body[:300]!r}")
    return json.loads(body)


def put(martlet, target, content):
    return curl(f"http://127.0.0.1:{martlet.admin}{target}", "-X", "PUT", "-H",
                "Content-Type: text/plain", "--data-binary", "@" + content, within=20)


def objects(martlet):
    return martlet.json("GET", "/api/v1/caches/pages/objects")


def get(http, path, *options):
    return curl(f"http://127.0.0.1:{http}{path}", "-H", "Host: www.example.com", *options)


@scenario("caches: what is pushed is served with no endpoint at all, as anything stored is", 60)
def no_origin(scene):
    _, http, martlet = start(scene, running=False)
    expect_equal(get(http, "/a.txt")[0], 502, "without an endpoint")
    text = "0123456789" * 5000
    name = scene.write("a.txt", text)
    told = cache(scene, martlet, "push", "pages", BASE + "/a.txt", name, "--tag", "one", "--tag",
                 "two", "--header", "X-Made-By: hand")
    expect("/a.txt: 48.8 KiB, fresh for 365 d" in told, told)
    seen, head, body = get(http, "/a.txt")
    expect_equal((seen, body), (200, text.encode()), "the object")
    expect_equal(field(head, "X-Cache-Status"), "HIT", head)
    expect_equal(field(head, "X-Made-By"), "hand", head)
    expect_equal(field(head, "Content-Type"), "text/plain; charset=utf-8", head)
    tag = field(head, "ETag")
    seen, head, body = get(http, "/a.txt", "-r", "10-19")
    expect_equal((seen, body), (206, b"0123456789"), "a range")
    expect_equal(field(head, "Content-Range"), "bytes 10-19/50000", head)
    seen, _, body = get(http, "/a.txt", "-H", f"If-None-Match: {tag}")
    expect_equal((seen, body), (304, b""), "a condition")
    seen, head, _ = get(http, "/a.txt", "-I")
    expect_equal((seen, field(head, "Content-Length")), (200, "50000"), "HEAD")
    expect_equal(get(http, "/a.txt?b=1")[0], 502, "another key")
    why = cache(scene, martlet, "why", BASE + "/a.txt")
    expect("pushed" in why and "answered 4 times" in why, why)
    told = cache(scene, martlet, "purge", "pages", "--tag", "two")
    expect_equal(told, "1 object taken out of cache pages\n", "by a tag")
    expect_equal(get(http, "/a.txt")[0], 502, "after the purge")
    # Octets that no text has, and a redirect.
    push(martlet, "/old", scene.write("none", ""), status=301, header="Location: /new")
    seen, head, _ = get(http, "/old")
    expect_equal((seen, field(head, "Location")), (301, "/new"), head)


@scenario("caches: a pushed object is replaced and deleted, and keeps what it varies by apart", 60)
def replaced(scene):
    origin, http, martlet = start(scene)
    expect_equal(get(http, "/p")[2], b"origin a\n", "what the endpoint says")
    one, two = scene.write("one", "one"), scene.write("two", "two")
    answer = push(martlet, "/p", one)
    expect(answer["route"] is not None and not answer["pinned"], f"{answer}")
    expect_equal(get(http, "/p")[2], b"one", "pushed over what was stored")
    push(martlet, "/p", two)
    expect_equal(get(http, "/p")[2], b"two", "replaced")
    expect_equal(objects(martlet)["count"], 1, "objects")
    before = origin.seen()["requests"]
    # Who asks meanwhile for what is fetched gets it; what is kept is what was pushed.
    slow = Browser(http)
    slow.sock.sendall(b"GET /delay/500 HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
    eventually("the fetch is under way", lambda: origin.seen()["requests"] > before)
    push(martlet, "/delay/500", one)
    expect_equal(slow.answer()[2], b"origin a\n", "who had asked before")
    expect_equal(get(http, "/delay/500")[2], b"one", "what is kept")
    # Variants.
    push(martlet, "/v", one, header="Vary: X-Kind", **{"for": "X-Kind: a"})
    push(martlet, "/v", two, header="Vary: X-Kind", **{"for": "X-Kind: b"})
    expect_equal(get(http, "/v", "-H", "X-Kind: a")[2], b"one", "one variant")
    expect_equal(get(http, "/v", "-H", "X-Kind: b")[2], b"two", "the other")
    expect_equal(get(http, "/v")[2], b"origin a\n", "neither")
    told = cache(scene, martlet, "pushed", "pages")
    expect("4 pushed, 0 pinned" in told and f"{BASE}/delay/500" in told, told)
    page = martlet.json("GET", "/api/v1/caches/pages/objects?limit=3")
    rest = martlet.json("GET", f"/api/v1/caches/pages/objects?limit=3&after={page['next']}")
    keys = [o["key"] for o in page["objects"] + rest["objects"]]
    expect_equal((len(keys), rest["next"]), (4, None), "two pages")
    told = cache(scene, martlet, "unpush", "pages", BASE + "/v")
    expect_equal(told, "2 pushed objects taken out of cache pages\n", "both variants")
    expect_equal(get(http, "/v", "-H", "X-Kind: a")[2], b"origin a\n", "from the endpoint again")
    told = cache(scene, martlet, "unpush", "pages", BASE + "/v", status=1)
    expect("M3049" in told, told)
    # One with a lifetime is asked for anew after it.
    push(martlet, "/short", one, lifetime="1s")
    expect_equal(get(http, "/short")[2], b"one", "while it is fresh")
    eventually("it is the endpoint's then", lambda: get(http, "/short")[2] == b"origin a\n")
    kinds = [e["message"] for e in martlet.json("GET", "/api/v1/events")["events"]
             if e["kind"] == "cache-pushed"]
    expect_equal(len(kinds), 7, f"each order has its event: {kinds}")


@scenario("caches: pinned objects stay under a flood, up to their limit", 90, covers=["caches.*.pinned-limit"])
def pinned(scene):
    _, http, martlet = start(scene)
    big = scene.write("big", "p" * 400_000)
    small = scene.write("small", "s")
    push(martlet, "/pin1", big, pin="true")
    cache(scene, martlet, "push", "pages", BASE + "/pin2", big, "--pin")
    problem = push(martlet, "/pin3", big, expected=507, pin="true")
    expect_equal(problem["code"], "M3047", f"{problem}")
    expect(problem["pinnedBytes"] > 800_000 and problem["pinnedLimitBytes"] == 1 << 20, f"{problem}")
    told = cache(scene, martlet, "push", "pages", BASE + "/pin3", big, "--pin", status=1)
    expect("M3047" in told and "pinned-limit" in told, told)
    push(martlet, "/pin1", big, pin="true")  # in its own place
    push(martlet, "/loose", small)
    browser = Browser(http)
    for number in range(120):
        # Often enough to be worth more than what nobody asks for.
        for _ in range(3):
            browser.ask(f"/bytes/200000?n={number}")
    seen = martlet.json("GET", "/api/v1/caches")["caches"][0]["store"]
    expect(seen["evictions"] > 50, f"{seen}")
    for path in ("/pin1", "/pin2"):
        head = get(http, path)[1]
        expect_equal(field(head, "X-Cache-Status"), "HIT", path)
    listed = objects(martlet)
    expect_equal(listed["pinned"], 2, f"{listed}")
    expect_equal(martlet.metric("martlet_cache_pinned_objects", cache="pages"), 2, "metric")
    expect(martlet.metric("martlet_cache_pinned_bytes", cache="pages") > 800_000, "metric")
    cache(scene, martlet, "purge", "pages", "--url", BASE + "/pin2")
    expect_equal(objects(martlet)["pinned"], 1, "a purge takes out what is pinned")
    push(martlet, "/pin3", big, pin="true")
    cache(scene, martlet, "unpush", "pages", BASE + "/pin3")
    expect_equal(objects(martlet)["pinned"], 1, "as an order does")
    martlet.reload(martlet.text().replace("pinned-limit: 1MiB", "pinned-limit: 100KiB"))
    eventually("the limit is another", lambda: objects(martlet)["pinnedLimitBytes"] == 100 << 10)
    expect_equal(objects(martlet)["pinned"], 1, "what is pinned stays")
    expect_equal(push(martlet, "/pin4", big, expected=507, pin="true")["code"], "M3047", "no more")


@scenario("caches: what cannot be pushed is refused in words", 60)
def refused(scene):
    _, http, martlet = start(scene)
    one = scene.write("one", "one")
    for code, status, parameters in (
        ("M3016", 422, {"header": "X-A: b\r\nSet-Cookie: c"}), ("M3016", 422, {"header": "X A: b"}),
        ("M3016", 422, {"header": "Connection: close"}), ("M3016", 422, {"header": "Age: 3"}),
        ("M3016", 422, {"header": "Transfer-Encoding: chunked"}),
        ("M3016", 422, {"header": "Content-Length: 4"}), ("M3016", 422, {"header": "colon"}),
        ("M3016", 422, {"tag": "a b"}), ("M3016", 422, {"lifetime": "7"}),
        ("M3016", 422, {"status": "206"}), ("M3016", 422, {"pin": "yes"}),
        ("M3016", 422, {"wrong": "1"}), ("M3016", 422, {"url": "/only/a/path"}),
        ("M3016", 422, {"url": BASE + "/a/../b"}), ("M3046", 422, {"header": "Set-Cookie: a=b"}),
        ("M3046", 422, {"header": "Cache-Control: no-store"}),
        ("M3046", 422, {"header": "Vary: *"}),
    ):
        wanted = {"url": BASE + "/r", **parameters}
        query = urlencode(wanted)
        seen, _, body = put(martlet, f"/api/v1/caches/pages/objects?{query}", one)
        expect_equal((seen, json.loads(body)["code"]), (status, code), f"{parameters} {body!r}")
    expect_equal(push(martlet, "/r", one, header="Content-Length: 3")["bytes"], 3, "its length")
    large = scene.write("large", "l" * ((1 << 20) + 1))
    expect_equal(push(martlet, "/large", large, expected=413)["code"], "M3002", "an eighth of 8 MiB")
    seen, _, body = put(martlet, "/api/v1/caches/none/objects?url=http%3A%2F%2Fa%2F", one)
    expect_equal((seen, json.loads(body)["code"]), (404, "M3045"), "no such cache")
    for words in (("push", "pages", BASE), ("push",), ("pushed",), ("unpush", "pages"),
                  ("push", "pages", BASE + "/x", one, "--lifetime", "soon"), ("top",),
                  ("top", "pages", "--by", "name"), ("warm", "pages"), ("warm",), ("cancel",),
                  ("warm", "pages", "not a url")):
        cache(scene, martlet, *words, status=2)
    cache(scene, martlet, "push", "pages", BASE + "/x", scene.path("absent"), status=1)
    cache(scene, martlet, "cancel", "77", status=1)
    told = martlet_command(scene, "check", scene.write("bad.yaml", martlet.text().replace(
        "pinned-limit: 1MiB", "pinned-limit: 5MiB")))
    expect(told[0] == 1 and "M1311" in told[1] + told[2], f"{told}")


@scenario("caches: a list of URLs is fetched through the routes, and each of them is told of", 90)
def warm(scene):
    origin, http, martlet = start(scene)
    urls = [f"{BASE}/bytes/1000?n={number}" for number in range(300)]
    listed = scene.write("urls", "# all of them\n" + "\n".join(urls) + "\n\n")
    told = cache(scene, martlet, "warm", "pages", "--file", listed, "--parallel", "16", "--rate",
                 "10000", within=60)
    expect("300 URLs: 300 fetched, 0 there already, 0 not kept, 0 failed; 293 KiB stored" in told,
           told)
    expect_equal(origin.seen()["requests"], 300, "requests at the origin")
    browser = Browser(http)
    for number in range(0, 300, 7):
        head = browser.ask(f"/bytes/1000?n={number}")[1]
        expect_equal(field(head, "X-Cache-Status"), "HIT", f"{number}: {head}")
    expect_equal(origin.seen()["requests"], 300, "requests at the origin in the end")
    told = json.loads(cache(scene, martlet, "warm", "pages", *urls[:3], BASE + "/new", "--json"))
    expect_equal((told["kept"], told["stored"]), (1, 3), f"{told}")
    private = "/says/Cache-Control/private"
    told = cache(scene, martlet, "warm", "pages", BASE + private, BASE + "/x", status=1)
    expect(f"not kept: {BASE}{private}: private, 200" in told and "1 fetched" in told, told)
    # As one who asks says: the variant that browsers get.
    told = cache(scene, martlet, "warm", "pages", BASE + "/says/Vary/X-Kind", "--header",
                 "X-Kind: a")
    head = get(http, "/says/Vary/X-Kind", "-H", "X-Kind: a")[1]
    expect_equal(field(head, "X-Cache-Status"), "HIT", head)
    for body in ({"urls": []}, {"urls": ["x"]}, {"urls": [BASE], "parallel": 65}, {"wrong": 1},
                 {"urls": [BASE], "headers": ["Host: a"]}, {"urls": [BASE], "headers": ["a\r\nb: c"]},
                 {"urls": [BASE], "rate": 0}, {"urls": [BASE + "/"] * 10_001}):
        problem = martlet.json("POST", "/api/v1/caches/pages/warm", body, status=422)
        expect_equal(problem["code"], "M3016", f"{str(body)[:80]}")
    origin.kill()
    told = cache(scene, martlet, "warm", "pages", BASE + "/gone", urls[0], status=1)
    expect(f"failed: {BASE}/gone: " in told and "1 there already" in told, told)
    number = martlet.json("GET", "/api/v1/warmings")["warmings"][-1]["warming"]
    seen = martlet.json("GET", f"/api/v1/warmings/{number}")
    expect_equal((seen["state"], sum(seen["reasons"].values())), ("done", 1), f"{seen}")
    problem = martlet.json("GET", "/api/v1/warmings/999", status=404)
    expect_equal(problem["code"], "M3050", f"{problem}")


@scenario("caches: a list of URLs goes at its pace, and ends when somebody says so", 60)
def cancelled(scene):
    origin, http, martlet = start(scene)
    order = {"urls": [f"{BASE}/delay/200?n={n}" for n in range(500)], "parallel": 2, "rate": 100}
    begun = [martlet.json("POST", "/api/v1/caches/pages/warm", order, status=202)["warming"]
             for _ in range(4)]
    problem = martlet.json("POST", "/api/v1/caches/pages/warm", order, status=409)
    expect_equal(problem["code"], "M3051", f"{problem}")
    path = f"/api/v1/warmings/{begun[0]}"
    eventually("some are fetched", lambda: martlet.json("GET", path)["kept"] >= 4)
    seen = martlet.json("GET", path)
    expect(seen["underWay"] <= 2 and seen["state"] == "running", f"{seen}")
    told = cache(scene, martlet, "cancel", str(begun[0]))
    expect("ending" in told or "cancelled" in told, told)
    for number in begun[1:]:
        martlet.json("DELETE", f"/api/v1/warmings/{number}")
    for number in begun:
        eventually("it ends", lambda: martlet.json(
            "GET", f"/api/v1/warmings/{number}")["state"] == "cancelled")
    seen = martlet.json("GET", path)
    expect(seen["left"] > 400 and seen["failed"] == 0, f"{seen}")
    before = origin.seen()["requests"]
    slow = {"urls": [f"{BASE}/slow?n={n}" for n in range(10)], "rate": 5}
    number = martlet.json("POST", "/api/v1/caches/pages/warm", slow, status=202)["warming"]
    seen = eventually("it is done", lambda: (lambda s: s if s["state"] == "done" else None)(
        martlet.json("GET", f"/api/v1/warmings/{number}")), within=10)
    expect_equal(origin.seen()["requests"], before + 10, "requests at the origin")
    began, ended = (float(seen[name][17:].rstrip("Z")) for name in ("began", "ended"))
    expect((ended - began) % 60 > 1.3, f"five a second: {seen}")
    expect("cancelled" in cache(scene, martlet, "warmings"), "all lists")


@scenario("caches: the ranking names what is asked for most, and the numbers say why it is missed", 60)
def ranking(scene):
    origin, http, martlet = start(scene)
    browser = Browser(http)
    for path, count in (("/often", 9), ("/bytes/60000", 4), ("/once", 1)):
        for _ in range(count):
            browser.ask(path)
    for number in range(24):
        browser.ask("/says/Vary/Cookie", headers=f"Cookie: c={number}\r\n")
    top = martlet.json("GET", "/api/v1/caches/pages/top")["objects"]
    expect_equal([(o["key"], o["hits"]) for o in top],
                 [(BASE + "/often", 8), (BASE + "/bytes/60000", 3)], "by hits")
    expect_equal(top[1]["servedBytes"], 180_000, f"{top[1]}")
    expect(0 < top[0]["leftSeconds"] <= 3600 == top[0]["lifetimeSeconds"], f"{top[0]}")
    told = cache(scene, martlet, "top", "pages", "--by", "bytes", "--limit", "1")
    expect("/bytes/60000" in told and "/often" not in told, told)
    top = martlet.json("GET", "/api/v1/caches/pages/top?by=misses&limit=2")["objects"]
    expect_equal(top[0]["key"], BASE + "/says/Vary/Cookie", f"{top}")
    expect_equal((top[0]["variants"], top[0]["misses"]["vary-miss"]), (24, 23), f"{top[0]}")
    why = cache(scene, martlet, "why", BASE + "/says/Vary/Cookie")
    expect("Vary: Cookie at the origin, which differs from client to client, 96 % of misses" in why,
           why)
    told = cache(scene, martlet, "stats", "pages")
    for word in ("requests    38, 28.9 % from the store", "collapsed   0", "evicted",
                 "Vary: Cookie at the origin, which differs from client to client, 85.2 % of misses",
                 "nothing was stored, 14.8 % of misses, 10.5 % of requests"):
        expect(word in told, f"{word!r} in {told}")
    stats = json.loads(cache(scene, martlet, "stats", "--json"))["caches"][0]
    expect_equal(stats["varies"][0], {"fields": "Cookie", "objects": 24, "misses": 23}, f"{stats}")
    expect_equal(stats["fetches"]["fetch"], 27, f"{stats}")
    # What is fetched anew goes on with its numbers.
    cache(scene, martlet, "purge", "pages", "--url", BASE + "/often", "--soft")
    browser.ask("/often")
    browser.ask("/often")
    top = martlet.json("GET", "/api/v1/caches/pages/top")["objects"][0]
    expect_equal((top["hits"], top["misses"]["stale"]), (9, 1), f"{top}")


@scenario("caches: what is warmed or pushed for https is there by https, and by it alone", 60)
def by_tls(scene):
    origin, = scene.origins("a")
    authority = Authority(scene)
    http, secure = scene.port(), scene.port()
    certificate = pair(authority.make("www", "www.example.com"))
    more = f"  - {{ https: 127.0.0.1:{secure}, certificates: [ {certificate} ] }}\n"
    text = service(http, None, [origin], probe="", route="cache: pages", more=PAGES)
    text = text.replace("routes:\n", more + "routes:\n").replace("www.example.com, path", "\"*\", path")
    martlet = scene.martlet(text)
    base = f"https://www.example.com:{secure}"
    trust = ("--cacert", authority.certificate, "--resolve", f"www.example.com:{secure}:127.0.0.1")
    told = cache(scene, martlet, "warm", "pages", base + "/head")
    expect("1 URLs: 1 fetched" in told, told)
    seen, head, body = curl(base + "/head", *trust)
    expect_equal((seen, field(head, "X-Cache-Status")), (200, "HIT"), head)
    expect(b"x-forwarded-proto: https" in body.lower(), "the endpoint was told of https")
    expect(b"x-forwarded-for: 127.0.0.1\r" in body.lower(), "and of this machine as its client")
    expect_equal(field(curl(f"http://127.0.0.1:{http}/head")[1], "X-Cache-Status"), "MISS", "by http")
    cache(scene, martlet, "push", "pages", base + "/p", scene.write("p", "safe"))
    expect_equal(curl(base + "/p", *trust)[2], b"safe", "pushed")
    expect_equal(origin.seen()["requests"], 2, "requests at the origin")
    expect_equal(martlet.metric("martlet_cache_fetches_total", cache="pages", kind="warm"), 1, "warm")
