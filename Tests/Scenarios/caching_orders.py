# SPDX-License-Identifier: Apache-2.0
"""What operators tell caches: purges by each kind, through the API and the command, and why."""
import json

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, field
from harness.certificates import Authority
from harness.chromium import Chromium
from harness.martlet import martlet_command
from harness.service import service

CACHE = "caches: { pages: { memory: 16MiB, lifetimes: { 200: 1h }, purge: 127.0.0.0/8 } }\n"
PAGES = ("/says/Surrogate-Key/news%20sport", "/says/Cache-Tag/sport%2C%20film", "/shop/1?q=1",
         "/shop/2")


def start(scene, more=CACHE):
    origin, = scene.origins("a")
    http = scene.port()
    text = service(http, None, [origin], probe="", route="cache: pages", more=more)
    martlet = scene.martlet(text.replace("www.example.com", '"*"'))
    return origin, http, martlet


def cache(scene, martlet, *words, status=0):
    seen, out, err = martlet_command(
        scene, "cache", *words, "--admin", f"127.0.0.1:{martlet.admin}")
    expect_equal(seen, status, f"cache {words}: {out}{err}")
    return out + err


class Site:
    """Asks for pages, and knows which of them came from the store."""

    def __init__(self, http):
        self.browser = Browser(http)

    def word(self, path):
        return field(self.browser.ask(path)[1], "X-Cache-Status")

    def fill(self):
        for path in PAGES:
            eventually(f"{path} is stored", lambda: self.word(path) == "HIT", within=5)

    def missing(self):
        """Which pages do not come from the store; they do afterwards."""
        return [path for path in PAGES if self.word(path) != "HIT"]


@scenario("caches: each kind of purge by the API takes out what it names, and nothing else", 60)
def purges(scene):
    _, http, martlet = start(scene)
    site = Site(http)
    base = "http://www.example.com"
    for body, gone in (
        ({"url": base + PAGES[2]}, [2]), ({"url": base + "/shop/1"}, []),
        ({"prefix": base + "/shop/"}, [2, 3]), ({"prefix": "https://www.example.com/"}, []),
        ({"host": "www.example.com"}, [0, 1, 2, 3]), ({"host": "example.com"}, []),
        ({"tag": "sport"}, [0, 1]), ({"tag": "film"}, [1]), ({"all": True}, [0, 1, 2, 3]),
    ):
        site.fill()
        answer = martlet.json("POST", "/api/v1/caches/pages/purge", body)
        expect_equal(answer["purged"], len(gone), f"{body}")
        again = martlet.json("POST", "/api/v1/caches/pages/purge", body)
        expect_equal(again["purged"], 0, f"{body} once more")
        expect_equal(site.missing(), [PAGES[at] for at in gone], f"{body}")
    for body in ({"url": "/shop"}, {"tag": "a b"}, {"all": True, "host": "a"}, {"wrong": 1}):
        problem = martlet.json("POST", "/api/v1/caches/pages/purge", body, status=422)
        expect_equal(problem["code"], "M3016", f"{body}")
    problem = martlet.json("POST", "/api/v1/caches/none/purge", {"all": True}, status=404)
    expect_equal(problem["code"], "M3045", "a cache that is not there")
    events = [e for e in martlet.json("GET", "/api/v1/events")["events"]
              if e["kind"] == "cache-purged"]
    expect_equal(len(events), 18, "each order has its event")
    expect_equal(martlet.metric("martlet_cache_purged_total", cache="pages"), 14, "purged")
    expect_equal(martlet.metric("martlet_cache_memory_bytes", cache="pages"), 16 << 20, "memory")


@scenario("caches: the command lists, purges, hard and soft, and says why", 60)
def command(scene):
    origin, http, martlet = start(scene)
    site = Site(http)
    site.fill()
    url = "http://www.example.com/shop/2"
    told = cache(scene, martlet, "list")
    expect("pages" in told and "MiB" in told and "%" in told, told)
    listed = json.loads(cache(scene, martlet, "list", "--json"))["caches"][0]
    expect_equal(listed["store"]["objects"], 4, "objects")
    expect(0 < listed["hitRatio"] < 1 and listed["misses"]["uri-miss"] == 4, f"{listed}")
    told = cache(scene, martlet, "why", url)
    for word in (f"pages: {url}\n", "200, ", "fresh: age ", " of 1 h 0 min", "uri-miss 100.0 %"):
        expect(word in told, f"{word!r} in {told}")
    told = cache(scene, martlet, "purge", "pages", "--url", url, "--soft")
    expect_equal(told, "1 object made stale of cache pages\n", "soft")
    told = cache(scene, martlet, "why", url, "--cache", "pages")
    expect("stale" in told and "made stale by order" in told, told)
    before = origin.seen()["requests"]
    expect(site.word("/shop/2") != "HIT", "what was made stale is asked for anew")
    expect_equal(origin.seen()["requests"], before + 1, "requests at the origin")
    told = cache(scene, martlet, "purge", "pages", "--prefix", "http://www.example.com/shop/")
    expect_equal(told, "2 objects taken out of cache pages\n", "prefix")
    expect("nothing is stored" in cache(scene, martlet, "why", url), "after the purge")
    expect("4 objects" not in cache(scene, martlet, "purge", "pages", "--tag", "film"), "one tag")
    told = cache(scene, martlet, "purge", "pages", "--host", "www.example.com")
    expect_equal(told, "1 object taken out of cache pages\n", "host")
    told = cache(scene, martlet, "purge", "pages", "--all")
    expect_equal(told, "0 objects taken out of cache pages\n", "all")
    for words in (("purge", "pages"), ("purge", "pages", "--all", "--tag", "a"), ("purge",), (),
                  ("why",), ("purge", "pages", "--url", "x"), ("empty",)):
        cache(scene, martlet, *words, status=2)
    cache(scene, martlet, "purge", "none", "--all", status=1)


@scenario("caches: a URL stands for all fields and cookies of the key; explain tells the key", 60)
def keys(scene):
    _, http, martlet = start(scene, "caches: { pages: { lifetimes: { 200: 1h }, key: "
                                    "{ headers: [X-Plan], without: [utm_*] } } }\n")
    browser = Browser(http)
    for plan in ("gold", "lead", "gold"):
        browser.ask("/x?utm_a=1&b=2", headers=f"X-Plan: {plan}\r\n")
    url = "http://www.example.com/x?b=2&utm_z=9"
    found = martlet.json("GET", "/api/v1/cached?url=" + url.replace("&", "%26"))["caches"][0]
    expect_equal(found["key"], "http://www.example.com/x?b=2", "the key without fields")
    expect_equal(sorted(entry["key"] for entry in found["entries"]),
                 [f"http://www.example.com/x?b=2 x-plan: {plan}" for plan in ("gold", "lead")],
                 "entries")
    seen, out, err = martlet_command(scene, "explain", url, "--header", "X-Plan: gold",
                                     "--admin", f"127.0.0.1:{martlet.admin}")
    expect("pages may answer" in out and "key http://www.example.com/x?b=2 x-plan: gold" in out,
           f"{seen} {out}{err}")
    out = martlet_command(scene, "explain", url, "--method", "POST",
                          "--admin", f"127.0.0.1:{martlet.admin}")[1]
    expect("pages is not asked: only GET, HEAD and QUERY" in out, out)
    told = cache(scene, martlet, "purge", "pages", "--url", url)
    expect_equal(told, "2 objects taken out of cache pages\n", "both plans")


@scenario("caches: the status page shows what they hold, how often they hit, and why they miss", 60)
def status_page(scene):
    _, http, martlet = start(scene)
    Site(http).fill()
    page = Chromium(scene, Authority(scene).make("www", "www.example.com")[0]).page()
    page.go(f"http://127.0.0.1:{martlet.admin}/")
    row = eventually("the caches are shown", lambda: page.do(
        "[...document.querySelectorAll('#caches td')].map(cell => cell.textContent)"))
    expect_equal(row[:2], ["pages", "4"], "name and objects")
    expect(row[2].endswith(" of 16.0 MiB") and row[3].endswith(" %"), f"memory and hits: {row}")
    expect_equal(row[5], "uri-miss 100.0 %", "misses")
