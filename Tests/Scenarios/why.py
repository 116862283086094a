# SPDX-License-Identifier: Apache-2.0
"""`martlet why`: what became of one request, by its name, and what is said when nothing is known."""
import json

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, curl, field
from harness.certificates import Authority, pair
from harness.martlet import martlet_command
from harness.service import service


def why(scene, martlet, name, *options):
    status, out, err = martlet_command(
        scene, "why", name, "--admin", f"127.0.0.1:{martlet.admin}", *options)
    return status, out + err


def log(scene, requests):
    access = scene.path("requests.log")
    return (f"log: {{ access: {{ output: {access}, format: json }}, "
            f"requests: {{ {requests} }} }}\n")


@scenario("why: a request tells its route, attempts, times and reason by its name", 60)
def tells(scene):
    a, b = scene.origins("a", "b")
    http = scene.port()
    text = log(scene, "share: 100%") + service(
        http, None, [a, b], pool="balance: first-available", probe="",
        route="response-headers: { set: { X-Name: '{request-id}' } }")
    martlet = scene.martlet(text)
    a.kill()
    _, head, _ = Browser(http).ask("/some/path?secret=1")
    name = field(head, "X-Name")
    status, out = why(scene, martlet, name)
    expect_equal(status, 0, out)
    for word in ("GET http://www.example.com/some/path\n", "answer   200 ok by an endpoint",
                 "pool     web", "1        a", "connect-refused", "2        b", "first byte"):
        expect(word in out, f"{word!r} in {out}")
    expect("secret" not in out, "no query, which may hold what nobody shall see")
    story = json.loads(why(scene, martlet, name, "--json")[1])
    expect_equal([(t["endpoint"], t["reason"], t["status"]) for t in story["attempts"]],
                 [("a", "connect-refused", None), ("b", "ok", 200)], "attempts")
    expect_equal((story["retries"], story["route"]), (1, "www.example.com/*"), "retries, route")
    expect(story["milliseconds"]["total"] > 0 and story["milliseconds"]["firstByte"] is not None,
           story["milliseconds"])
    expect_equal([c["name"] for c in story["candidates"]], ["a", "b"], "candidates")

    # Whoever gets an error of Martlet's own has the name in hand, by HTTP/2 as well.
    b.kill()
    status, head, body = Browser(http).ask("/")
    name = field(head, "X-Request-Id")
    expect(status in (502, 503) and name, f"{status} {head}")
    out = why(scene, martlet, name)[1]
    expect(f"answer   {status}" in out and "by the door itself" in out, out)
    out = curl(f"http://127.0.0.1:{http}/", "--http2-prior-knowledge", "-H", "Host: nobody")[2]
    name = field(out.decode(), "x-request-id")
    out = why(scene, martlet, name)[1]
    expect("404 no-route" in out and "no route fits the request" in out, out)

    # An endpoint's own error, found by the name in the access log.
    a.start()
    eventually("a serves again", lambda: Browser(http).ask("/")[0] == 200)
    Browser(http).ask("/status/418")

    def find():
        with open(scene.path("requests.log")) as file:
            lines = [json.loads(line) for line in file if line.endswith("\n")]
        return next((line for line in lines if line["status"] == 418), None)
    entry = eventually("the line of 418", find)
    out = why(scene, martlet, entry["request_id"])[1]
    expect("418 ok by an endpoint" in out and "itself answered 418" in out, out)

    # After a reload the names are those of now; the record stays.
    martlet.reload(text.replace("path: /,", "path: /new,"))
    out = why(scene, martlet, entry["request_id"])[1]
    expect("418" in out and "changed since" in out and "route " not in out, out)


@scenario("why: what is kept, what is not, and what is said of a name that nobody knows", 60,
          covers=["log.requests.kept", "log.requests.share"])
def kept(scene):
    origin, = scene.origins("a")
    named = "response-headers: { set: { X-Name: '{request-id}' } }"

    def start(requests):
        http = scene.port()
        text = log(scene, requests) + service(http, None, [origin], route=named, workers=1)
        return http, scene.martlet(text)

    def ask(http, path="/", host="www.example.com"):
        head = Browser(http, host=host).ask(path)[1]
        return field(head, "X-Name") or field(head, "X-Request-Id")

    http, martlet = start("share: 0%, kept: 8")
    status, out = why(scene, martlet, ask(http))
    expect(status == 1 and "M3022" in out and "ended well" in out, out)
    first = ask(http, "/status/404")
    expect_equal(why(scene, martlet, first)[0], 0, "an error is kept")
    for _ in range(6):
        ask(http, "/status/404")
    status, out = why(scene, martlet, first)
    expect(status == 1 and "have taken the place of 3 others" in out, out)
    server_error = ask(http, "/status/500")
    for _ in range(20):
        ask(http, host="nobody")
    expect_equal(why(scene, martlet, server_error)[0], 0, "small mistakes push no failure out")
    martlet.reload(martlet.text().replace("share: 0%", "share: 100%"))
    expect_equal(why(scene, martlet, ask(http))[0], 0, "the share follows a reload")
    status, out = why(scene, martlet, "no such%20name\"")
    expect(status == 2 and "M3016" in out, out)
    martlet.stop()
    http, martlet = start("kept: 0")
    status, out = why(scene, martlet, ask(http, "/status/500"))
    expect(status == 1 and "log.requests.kept is 0" in out, out)


@scenario("explain says how endpoints are spoken with, and what becomes of their answers", 60)
def explains(scene):
    origin, = scene.origins("a")
    authority = Authority(scene)
    http, secure = scene.port(), scene.port()
    route = ("compress: { types: [ text/plain ] }, security-headers: { preset: strict }, "
             "response-headers: { remove: [ Server ] }")
    text = service(http, None, [origin], pool="protocol: http2", route=route, probe="")
    files = authority.make("site", "www.example.com")
    text = text.replace("routes:\n", f"  - {{ https: 127.0.0.1:{secure}, certificates: "
                        f"[ {pair(files)} ] }}\nroutes:\n", 1)
    martlet = scene.martlet(text)

    def explain(url, *options):
        status, out, err = martlet_command(
            scene, "explain", url, "--admin", f"127.0.0.1:{martlet.admin}", *options)
        expect_equal(status, 0, err)
        return out

    out = explain("http://www.example.com/", "--header", "Accept-Encoding: gzip")
    expect("protocol HTTP/2 by prior knowledge on plain TCP" in out, out)
    expect("compress gzip for text/plain" in out, out)
    expect("Strict-Transport-Security" in out and "by TLS alone, so not here" in out, out)
    expect("remove Server" in out, out)
    out = explain("https://www.example.com/")
    expect("compress none: the client takes none of" in out, out)
    expect("so not here" not in out, out)
    martlet.reload(text.replace("protocol: http2", "").replace(route, ""))
    out = explain("http://www.example.com/")
    expect("protocol HTTP/1.1 on plain TCP" in out, out)
    expect("compress none: the route compresses nothing" in out and "headers" not in out, out)
