# SPDX-License-Identifier: Apache-2.0
"""A route that is being worked on: the page, and who is served all the same."""
import os

from harness import eventually, expect, expect_equal, scenario
from harness.ask import curl, field
from harness.martlet import martlet_command
from harness.service import service

M = "routes[].maintenance."


@scenario("a route that is being worked on", covers=[
    M + "enabled", M + "status", M + "body", M + "file", M + "type", M + "retry-after",
    M + "allow"])
def maintenance(scene):
    a, = scene.origins("a")
    http, page = scene.port(), scene.path("closed.html")
    with open(page, "w") as file:
        file.write("<p>closed</p>")
    text = service(http, None, [a]).replace("routes:\n", f"""routes:
  - host: www.example.com
    path: /page/
    pool: web
    response-headers: {{ set: {{ X-Own: "1" }} }}
    maintenance: {{ file: {page}, retry-after: 30m, allow: 127.0.0.2 }}
  - host: www.example.com
    path: /text/
    redirect: {{ to: /x }}
    maintenance: {{ status: 404, body: Gone fishing, type: text/plain }}
  - {{ host: www.example.com, path: /bare/, pool: web, maintenance: {{}} }}
  - {{ host: www.example.com, path: /later/, pool: web, maintenance: {{ enabled: false }} }}
""")
    martlet = scene.martlet(text)

    def ask(target, *options):
        return curl(f"http://127.0.0.1:{http}{target}", "-H", "Host: www.example.com", *options)

    status, head, body = ask("/page/x")
    expect_equal((status, body), (503, b"<p>closed</p>"), "file")
    expect_equal([field(head, name) for name in
                  ("Content-Type", "Retry-After", "Cache-Control", "X-Own")],
                 ["text/html; charset=utf-8", "1800", "no-store", "1"], "its fields")
    expect_equal(ask("/page/x", "--interface", "127.0.0.2")[0], 200, "allow")
    status, head, body = ask("/text/", "-d", "a body")
    expect_equal((status, body, field(head, "Content-Type"), field(head, "Location"),
                  field(head, "Retry-After")),
                 (404, b"Gone fishing", "text/plain", None, None), "status, body, type")
    expect_equal((ask("/bare/")[0], ask("/bare/")[2]), (503, b""), "without anything")
    expect_equal(ask("/later/")[0], 200, "enabled: false")
    head = ask("/page/x", "--head")
    expect_equal((head[0], field(head[1], "Content-Length"), head[2]), (503, "13", b""), "HEAD")
    martlet.access_entry("of the page", lambda entry: entry["reason"] == "maintenance")
    status, out, _ = martlet_command(
        scene, "explain", "--admin", f"127.0.0.1:{martlet.admin}", "http://www.example.com/page/x")
    expect(status == 0 and "503 maintenance" in out, out)
    with open(page + ".new", "w") as file:
        file.write("<p>soon</p>")
    os.replace(page + ".new", page)
    eventually("the new page", lambda: ask("/page/x")[2] == b"<p>soon</p>", within=8)
    with open(page, "w") as file:
        file.write("x" * 20_000)
    status, out, err = martlet_command(scene, "check", martlet.config)
    expect(status == 1 and "16 KiB" in out + err, out + err)
    os.remove(page)
    status, out, err = martlet_command(scene, "check", martlet.config)
    expect(status == 1 and "cannot be read" in out + err, out + err)
