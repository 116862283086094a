# SPDX-License-Identifier: Apache-2.0
"""What a shared cache keeps and for how long: a table of answers, and what becomes of the next request."""
import collections
import email.utils
import time

from harness import expect, expect_equal, scenario
from harness.ask import Browser, field
from harness.edge import Edge
from harness.script import Answer, Script

C = "caches.*."
FRESH = "Cache-Control: max-age=60"
TAG = 'ETag: "1"'

# `lines` of the answer to a request with the lines `first`; a second later one with the lines `second`
# gets an answer with the word `word`, which has the fields `has`, and an Age of `age` or a second more.
Case = collections.namedtuple("Case", "name lines word status first second has age")


def case(name, *lines, word, status=200, first=(), second=(), has=None, age=None):
    return Case(name, lines, word, status, first, second, has or {}, age)


def date(name, seconds):
    return f"{name}: {email.utils.formatdate(time.time() + seconds, usegmt=True)}"


def cc(text):
    return f"Cache-Control: {text}"


def kept(name, *lines, **more):
    return case(name, *lines, word="HIT", **more)


def not_kept(name, *lines, **more):
    return case(name, *lines, word="MISS", **more)


def asked(name, *lines, **more):
    return case(name, *lines, word="REVALIDATED", **more)


def freshness():
    """RFC 9111 §4.2."""
    yield kept("max-age", FRESH, age=1)
    yield case("max-age that has passed", cc("max-age=1"), word="EXPIRED")
    yield asked("the same with a tag", cc("max-age=1"), TAG)
    yield not_kept("max-age=0 without validator", cc("max-age=0"))
    yield asked("max-age=0 with a tag", cc("max-age=0"), TAG)
    yield asked("max-age=0 with a date", cc("max-age=0"), date("Last-Modified", -9000))
    yield kept("s-maxage before max-age", cc("max-age=0, s-maxage=60"))
    yield asked("s-maxage that is less", cc("s-maxage=0, max-age=60"), TAG)
    yield kept("Expires", date("Expires", 60))
    yield not_kept("Expires in the past", date("Expires", -60))
    yield not_kept("Expires: 0", "Expires: 0")
    yield not_kept("Expires that is no date", "Expires: tomorrow")
    yield not_kept("Expires with another zone", date("Expires", 600).replace("GMT", "CET"))
    yield kept("Expires that is no date beside max-age", FRESH, "Expires: 0")
    yield not_kept("Expires beside max-age=0", cc("max-age=0"), date("Expires", 60))
    yield kept("Expires less Date", date("Date", -50), date("Expires", 60), age=51)
    yield not_kept("Expires before it came", date("Date", -1000), date("Expires", -900))
    yield kept("Age counts", FRESH, "Age: 30", age=31)
    yield case("Age takes the rest", FRESH, "Age: 59", word="EXPIRED")
    yield not_kept("Age that is more", FRESH, "Age: 100")
    yield kept("Age that is no number", FRESH, "Age: old", age=1)
    yield kept("Age of which the first counts", FRESH, "Age: 20, 100", age=21)
    yield kept("Date in the past counts", FRESH, date("Date", -20), age=21)
    yield kept("the greater of Date and Age", FRESH, date("Date", -20), "Age: 40", age=41)
    yield kept("Date in the future", FRESH, date("Date", 100), age=1)
    yield kept("a guess", date("Last-Modified", -10_000))
    yield asked("a guess of no time", date("Last-Modified", -5))
    yield not_kept("nothing to guess by")
    yield kept("a lifetime beyond all bounds", cc("max-age=99999999999999999999"))
    yield not_kept("max-age below zero", cc("max-age=-1"))
    yield not_kept("max-age that is no number", cc("max-age=abc"))
    yield not_kept("max-age without number", cc("max-age"))
    yield not_kept("two of which the smaller counts", cc("max-age=60, max-age=0"))
    yield not_kept("the same in two lines", FRESH, cc("max-age=0"))


def directives():
    """RFC 9111 §5.2.2, RFC 8246."""
    yield kept("in capitals", "CACHE-CONTROL: MAX-AGE=60")
    yield kept("in quotes", cc('max-age="60"'))
    yield kept("beside what is not known", cc('x, y=1, z="a, b", max-age=60'))
    yield kept("words in quotes say nothing", cc('x="no-store, private", max-age=60'))
    yield not_kept("no-store", cc("no-store, max-age=60"))
    yield not_kept("no-store in capitals", cc("NO-STORE"), FRESH)
    yield not_kept("no-store in another line", FRESH, cc("no-store"))
    yield not_kept("private", cc("private, max-age=60"))
    yield kept("private with a name", cc('private="X-A", max-age=60'), "X-A: 1", "X-B: 2",
               has={"X-A": None, "X-B": "2"})
    yield asked("no-cache", cc("no-cache, max-age=60"), TAG)
    yield not_kept("no-cache without validator", cc("no-cache, max-age=60"))
    yield kept("no-cache with a name", cc('no-cache="X-A", max-age=60'), "X-A: 1", "X-B: 2",
               has={"X-A": None, "X-B": "2"})
    yield kept("must-revalidate while it is fresh", cc("max-age=60, must-revalidate"))
    yield kept("public with a guess", cc("public"), date("Last-Modified", -10_000), status=302)
    yield not_kept("public alone", cc("public"))
    yield kept("immutable", cc("max-age=60, immutable"))
    yield kept("must-understand with a status that is", cc("no-store, must-understand, max-age=60"))
    yield not_kept("must-understand with one that is not", cc("must-understand, max-age=60"), status=299)
    yield kept("a status that is not understood", FRESH, status=299)
    yield kept("Pragma of an answer", FRESH, "Pragma: no-cache")
    yield not_kept("Set-Cookie", FRESH, "Set-Cookie: a=1")
    yield kept("what is for one hop", FRESH, "Connection: X-Hop", "X-Hop: 1", "X-End: 2",
               "Keep-Alive: timeout=5", has={"X-Hop": None, "X-End": "2", "Keep-Alive": None})


def targeted():
    """RFC 9213."""
    yield kept("CDN-Cache-Control before Cache-Control", "CDN-Cache-Control: max-age=60", cc("no-store"))
    yield not_kept("CDN-Cache-Control forbids", "CDN-Cache-Control: no-store", FRESH)
    yield not_kept("CDN-Cache-Control: private", "CDN-Cache-Control: private", FRESH)
    yield kept("CDN-Cache-Control before Expires", "CDN-Cache-Control: max-age=60", "Expires: 0")
    yield not_kept("Expires beside it says nothing", "CDN-Cache-Control: public", date("Expires", 60))
    yield not_kept("what is malformed is passed over", "CDN-Cache-Control: max-age=60,,", cc("no-store"))
    yield kept("and the next one counts", "CDN-Cache-Control: no-store, =", FRESH)
    yield not_kept("the first of the list", "Martlet-Cache-Control: no-store",
                   "CDN-Cache-Control: max-age=60")
    yield kept("the first allows", "Martlet-Cache-Control: max-age=60", "CDN-Cache-Control: no-store")
    yield kept("what is for others", "Other-Cache-Control: no-store", FRESH)


def requests():
    """RFC 9111 §4, §4.1, §5.2.1: what clients say is advice, and not heeded."""
    for line in ("Cache-Control: no-cache", "Cache-Control: no-store", "Cache-Control: max-age=0",
                 "Pragma: no-cache", "Cache-Control: min-fresh=100"):
        yield kept(f"a client with {line}", FRESH, second=(line,))
        yield kept(f"a first client with {line}", FRESH, first=(line,))
    lang, other = ("Accept-Language: de",), ("Accept-Language: fr",)
    vary = "Vary: Accept-Language"
    yield kept("Vary, the same", FRESH, vary, first=lang, second=lang)
    yield not_kept("Vary, another", FRESH, vary, first=lang, second=other)
    yield not_kept("Vary, none at first", FRESH, vary, second=lang)
    yield not_kept("Vary, none then", FRESH, vary, first=lang)
    yield kept("Vary, none twice", FRESH, vary)
    yield not_kept("Vary, empty is not absent", FRESH, "Vary: X-A", second=("X-A:",))
    yield kept("Vary in capitals", FRESH, "VARY: ACCEPT-LANGUAGE", first=lang, second=lang)
    yield kept("Vary, blanks say nothing", FRESH, vary, first=("Accept-Language: de, fr",),
               second=("Accept-Language: de,  fr ",))
    yield kept("Vary, what is not named", FRESH, vary, first=lang, second=(*lang, "X-A: 1"))
    yield not_kept("Vary, two of which one differs", FRESH, f"{vary}, X-A", first=(*lang, "X-A: 1"),
                   second=(*lang, "X-A: 2"))
    yield not_kept("Vary in two lines", FRESH, vary, "Vary: X-A", second=("X-A: 2",))
    yield not_kept("Vary: *", FRESH, "Vary: *")
    yield kept("a part at first", FRESH, TAG, first=("Range: bytes=0-3",))
    yield kept("a condition at first", FRESH, TAG, first=('If-None-Match: "1"',))
    yield not_kept("Authorization", FRESH, first=("Authorization: Basic YTpi",))
    yield case("If-Match is for the origin", FRESH, TAG, word="BYPASS", second=('If-Match: "1"',))


def statuses():
    """RFC 9110 §15.1."""
    modified = date("Last-Modified", -10_000)
    for status in (200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501):
        yield kept(f"{status} by itself", modified, status=status)
    for status in (201, 202, 302, 303, 307, 400, 401, 403, 429, 500, 502, 503):
        yield not_kept(f"{status} by itself", modified, status=status)
        yield kept(f"{status} with a time", FRESH, status=status)


@scenario("what is kept, and for how long: freshness, directives, RFC 9213, Vary and statuses in a table")
def table(scene):
    cases = [*freshness(), *directives(), *targeted(), *requests(), *statuses()]
    script = Script(scene, rule=lambda asked: Answer(
        *cases[int(asked.target[1:])].lines, status=cases[int(asked.target[1:])].status))
    edge = Edge(scene, script)
    browser = Browser(edge.http)
    wrong = []

    def ask(number, lines):
        return browser.ask(f"/{number}", headers="".join(f"{line}\r\n" for line in lines))

    for number, one in enumerate(cases):
        word = field(ask(number, one.first)[1], "X-Cache-Status")
        if word != "MISS":
            wrong.append(f"{one.name}: {word} at first")
    time.sleep(1.15)
    for number, one in enumerate(cases):
        status, head, body = ask(number, one.second)
        word = field(head, "X-Cache-Status")
        if (status, word) != (one.status, one.word):
            wrong.append(f"{one.name}: {status} {word}, not {one.status} {one.word}")
        if word in ("HIT", "REVALIDATED") and status != 204 and body != f"/{number} #1\n".encode():
            wrong.append(f"{one.name}: {body}")
        for name, value in one.has.items():
            if field(head, name) != value:
                wrong.append(f"{one.name}: {name} is {field(head, name)}")
        age = int(field(head, "Age") or 0)
        if one.age is not None and not one.age <= age <= one.age + 2:
            wrong.append(f"{one.name}: Age {age}, not {one.age}")
        if word == "HIT" and (field(head, "Age") is None or field(head, "Date") is None):
            wrong.append(f"{one.name}: without Age or Date")
        if head.lower().count("\r\nage:") > 1:
            wrong.append(f"{one.name}: two ages")
    expect(len(cases) > 120 and not wrong, lambda: f"of {len(cases)}: " + "; ".join(wrong))


@scenario("clients that are heeded: no-cache, max-age, min-fresh, max-stale, only-if-cached, no-store",
          covers=[C + "heed-clients"])
def heeded(scene):
    script = Script(scene, rule=Answer(FRESH, TAG, "Age: 20"))
    script.rules["/stale"] = Answer(cc("max-age=1"), TAG)
    script.rules["/immutable"] = Answer(cc("max-age=60, immutable"), TAG)
    edge = Edge(scene, script, "heed-clients: true")
    for path in ("/a", "/stale", "/immutable"):
        edge.ask(path)
    time.sleep(1.1)
    for line, path, word in (
            ("no-cache", "/a", "REVALIDATED"), ("max-age=0", "/a", "REVALIDATED"),
            ("max-age=5", "/a", "REVALIDATED"), ("max-age=50", "/a", "HIT"),
            ("min-fresh=50", "/a", "REVALIDATED"), ("min-fresh=10", "/a", "HIT"),
            ("max-stale=50", "/stale", "STALE"), ("max-stale", "/stale", "STALE"),
            ("only-if-cached", "/a", "HIT"), ("no-cache", "/immutable", "HIT")):
        expect_equal(edge.word(path, f"Cache-Control: {line}"), word, f"{line} for {path}")
    expect_equal(edge.word("/a", "Pragma: no-cache"), "REVALIDATED", "Pragma")
    expect_equal(edge.ask("/never", "Cache-Control: only-if-cached").status, 504, "only-if-cached")
    expect_equal(script.count("/never"), 0, "it reached nobody")
    edge.expect_words("/b", "MISS", "MISS", lines=("Cache-Control: no-store",))
    # A herd that does not want what is kept is one request for those who come meanwhile.
    edge.reload("")
    expect_equal(edge.word("/a", "Cache-Control: no-cache"), "HIT", "not heeded")
