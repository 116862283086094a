# SPDX-License-Identifier: Apache-2.0
"""Options of routes: what they match, what they do, and what they change."""
import collections

from harness import expect, expect_equal, scenario
from harness.ask import curl, field
from harness.certificates import Authority, pair
from harness.martlet import martlet_command
from harness.service import service

W = "routes[].when."


def routed(scene, routes, pools=""):
    """A Martlet with origin a behind pool web and b behind pool other; returns a way to ask."""
    a, b = scene.origins("a", "b")
    http = scene.port()
    text = service(http, None, [a]).replace("pools:\n", f"""pools:
  other: {{ endpoints: [ {{ address: {b.at} }} ] }}
{pools}""").replace("routes:\n", "routes:\n" + routes.replace("- path:", "- host: www.example.com\n    path:")
              .replace("- { path:", "- { host: www.example.com, path:"))
    martlet = scene.martlet(text)

    def ask(target, *options):
        status, head, body = curl(f"http://127.0.0.1:{http}{target}", "--path-as-is",
                                  "-H", "Host: www.example.com", *options)
        return status, head, body
    return ask, martlet


@scenario("conditions of routes", covers=[
    W + "method", W + "header", W + "cookie", W + "query", W + "content-type", W + "client",
    W + "all", W + "any", W + "not"])
def conditions(scene):
    cases = {
        "/m/": ("method: [ PUT, DELETE ]", ["-X", "PUT"]),
        "/h/": ("header: X-Version=v2", ["-H", "x-version: v2"]),
        "/r/": ('header: "X-Version~^v[0-9]+$"', ["-H", "x-version: v17"]),
        "/auth/": ("header: Authorization", ["-u", "ann:any"]),
        "/c/": ("cookie: beta", ["-H", "Cookie: a=b; beta=1"]),
        "/q/": ("query: debug=1", None),
        "/t/": ("content-type: application/json", ["-H", "Content-Type: application/json;x=1",
                                                   "-d", "{}"]),
        "/i/": ("client: 127.0.0.2", ["--interface", "127.0.0.2"]),
        "/all/": ("all: [ { header: A }, { header: B } ]", ["-H", "A: 1", "-H", "B: 2"]),
        "/any/": ("any: [ { header: A }, { header: B } ]", ["-H", "B: 2"]),
        "/not/": ("not: { header: A }", []),
    }
    ask, martlet = routed(scene, "".join(
        f"  - {{ path: {path}, when: {{ {when} }}, pool: other }}\n"
        for path, (when, _) in cases.items()))

    def origin(target, *options):
        return field(ask(target, *options)[1], "X-Origin")

    for path, (when, options) in cases.items():
        met = origin(path + ("?debug=1" if options is None else ""), *(options or []))
        expect_equal(met, "b", f"{when}: met")
        unmet = {"/not/": ["-H", "A: 1"], "/all/": ["-H", "A: 1"]}.get(path, [])
        expect_equal(origin(path, *unmet), "a", f"{when}: not met, the next path is asked")
    status, out, _ = martlet_command(
        scene, "explain", "--header", "X-Version: v2", "--admin", f"127.0.0.1:{martlet.admin}",
        "http://www.example.com/h/x")
    expect(status == 0 and "header X-Version=v2" in out, f"explain names the condition: {out}")
    status, out, _ = martlet_command(
        scene, "explain", "--admin", f"127.0.0.1:{martlet.admin}", "http://www.example.com/h/x")
    expect("does not hold" in out, f"explain names the route whose condition fails: {out}")


@scenario("what routes do", covers=[
    "routes[].name", "routes[].split.*", "routes[].split-by", "routes[].redirect.to",
    "routes[].redirect.status", "routes[].respond.status", "routes[].respond.body",
    "routes[].respond.type", "routes[].allow", "routes[].deny"])
def actions(scene):
    ask, martlet = routed(scene, """
  - { path: /half/, split: { web: 1, other: 1 } }
  - { path: /some/, split: { web: 9, other: 1 } }
  - { path: /sticky/, split: { web: 1, other: 1 }, split-by: "header:X-User" }
  - { path: /old/, name: moved, redirect: { to: "https://{host}/new/{rest}?{query}" } }
  - { path: /soon/, redirect: { to: "{path}x", status: 302 } }
  - { path: /closed/, respond: { status: 503, body: "<p>Back at noon</p>", type: text/html } }
  - { path: =/ok, respond: {} }
  - { path: /inner/, pool: web, allow: 192.0.2.0/24 }
  - { path: /outer/, pool: web, deny: [ 127.0.0.2, 192.0.2.0/24 ] }
""")

    def origins(path, *options, count=60):
        return collections.Counter(
            field(ask(path, *options)[1], "X-Origin") for _ in range(count))
    half, some = origins("/half/"), origins("/some/")
    expect(10 < half["b"] < 50, f"split 1:1 gives {half}")
    expect(some["b"] < 25 and some["b"] < half["b"] + 5, f"split 9:1 gives {some}")
    users = {user: origins("/sticky/", "-H", f"X-User: {user}", count=4) for user in range(24)}
    expect(all(len(seen) == 1 for seen in users.values()), f"split-by keeps the pool: {users}")
    expect_equal({name for seen in users.values() for name in seen}, {"a", "b"}, "both pools")

    status, head, _ = ask("/old/a/b?x=1")
    expect_equal((status, field(head, "Location")), (308, "https://www.example.com/new/a/b?x=1"),
                 "redirect.to")
    status, head, _ = ask("/soon/")
    expect_equal((status, field(head, "Location")), (302, "/soon/x"), "redirect.status")
    status, head, body = ask("/closed/x")
    expect_equal((status, field(head, "Content-Type"), body),
                 (503, "text/html", b"<p>Back at noon</p>"), "respond")
    expect_equal((ask("/ok")[0], ask("/ok")[2]), (200, b""), "respond without anything")
    head = ask("/closed/x", "--head")
    expect_equal((head[0], field(head[1], "Content-Length"), head[2]), (503, "19", b""), "HEAD")
    expect_equal(ask("/inner/")[0], 403, "allow: others")
    expect_equal(ask("/%69nner/")[0], 403, "allow: the same path in another spelling")
    expect_equal(ask("/100%")[0], 400, "a percent sign that begins no octet")
    expect_equal(ask("/outer/")[0], 200, "deny: others")
    expect_equal(ask("/outer/", "--interface", "127.0.0.2")[0], 403, "deny")
    names = [route["name"] for route in martlet.snapshot()["routes"]]
    expect("moved" in names, f"the name of a route in the API: {names}")


@scenario("what routes change", covers=[
    "routes[].rewrite.path", "routes[].rewrite.host", "routes[].request-headers.set.*",
    "routes[].request-headers.add.*", "routes[].request-headers.remove",
    "routes[].response-headers.set.*", "routes[].response-headers.add.*",
    "routes[].response-headers.remove"])
def changes(scene):
    ask, _ = routed(scene, """
  - path: /users/{id}/
    pool: web
    rewrite: { path: "/head/u/{rest}", host: "inner-{id}.example" }
    request-headers:
      set: { X-User: "{id}", X-Plain: "{{none}}" }
      add: { X-More: two }
      remove: [ X-Secret ]
    response-headers:
      set: { Server: Martlet, Strict-Transport-Security: max-age=31536000 }
      add: { X-Seen: "{client}" }
      remove: [ X-Origin ]
  - { path: /gone/, respond: { status: 410 }, response-headers: { set: { X-Why: "{path}" } } }
""")
    sent = ["-H", "X-User: forged", "-H", "X-More: one", "-H", "X-Secret: s"]
    status, head, body = ask("/users/42/a?b=c", *sent)
    seen = body.decode("latin-1")
    expect_equal(status, 200, "the rewritten request")
    expect(seen.startswith("GET /head/u/a?b=c HTTP/1.1"), f"rewrite.path: {seen[:60]}")
    expect_equal(field(seen, "Host"), "inner-42.example", "rewrite.host")
    expect_equal(field(seen, "X-Forwarded-Host"), "www.example.com", "what was asked for")
    expect_equal((field(seen, "X-User"), seen.count("X-User")), ("42", 1), "request set")
    expect_equal(field(seen, "X-Plain"), "{none}", "braces")
    expect("X-More: one" in seen and "X-More: two" in seen, f"request add: {seen}")
    expect_equal(field(seen, "X-Secret"), None, "request remove")
    expect_equal(field(head, "Server"), "Martlet", "response set")
    expect_equal(field(head, "Strict-Transport-Security"), "max-age=31536000", "response set")
    expect_equal(field(head, "X-Seen"), "127.0.0.1", "response add")
    expect_equal(field(head, "X-Origin"), None, "response remove")
    expect_equal(field(ask("/gone/x")[1], "X-Why"), "/gone/x", "fields of our own answers")
    seen = ask("/%68ead/x?%61=b")[2].decode("latin-1")
    expect(seen.startswith("GET /head/x?%61=b HTTP/1.1"), f"the plain form of a path: {seen[:40]}")
    plain = ask("/head")[2].decode("latin-1")
    expect(plain.startswith("GET /head HTTP/1.1"), "without rewrite")
    expect_equal(field(plain, "Host"), "www.example.com", "without rewrite.host")
    expect(field(ask("/head")[1], "X-Origin"), "without remove")


@scenario("requests in the clear are sent to TLS", covers=[W + "tls"])
def to_tls(scene):
    authority = Authority(scene)
    clear, secure = scene.port(), scene.port()
    a, = scene.origins("a")
    text = service(clear, None, [a]).replace("routes:\n", f"""  - https: 127.0.0.1:{secure}
    certificates: [ {pair(authority.make("www", "www.example.com"))} ]
routes:
  - {{ host: www.example.com, when: {{ tls: false }}, redirect: {{ to: "https://{{host}}{{uri}}" }} }}
""")
    martlet = scene.martlet(text)
    status, head, _ = curl(f"http://127.0.0.1:{clear}/x?y", "-H", "Host: www.example.com")
    expect_equal((status, field(head, "Location")), (308, "https://www.example.com/x?y"), "clear")
    status, head, _ = curl(
        f"https://www.example.com:{secure}/x", "--cacert", authority.certificate,
        "--resolve", f"www.example.com:{secure}:127.0.0.1")
    expect_equal((status, field(head, "X-Origin")), (200, "a"), "TLS")
    for scheme, said in (("http", "308 redirect"), ("https", "pool web")):
        status, out, _ = martlet_command(
            scene, "explain", "--admin", f"127.0.0.1:{martlet.admin}",
            f"{scheme}://www.example.com/x")
        expect(status == 0 and said in out, f"explain of {scheme}: {out}")
