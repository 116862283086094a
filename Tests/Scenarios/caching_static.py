# SPDX-License-Identifier: Apache-2.0
"""The static route of many nginx files, with the cache in front of a real nginx."""
import email.utils
import os
import re
import subprocess
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import curl, field
from harness.edge import Edge
from harness.peer import nginx

C = "caches.*."
PHOTO = bytes(range(256)) * 4000


class Web:
    """nginx with /static, and the log of what reaches it."""

    name = "nginx"

    def __init__(self, scene, more=""):
        self.port = scene.port()
        self.at = f"127.0.0.1:{self.port}"
        self.log = scene.path("nginx-access.log")
        self.root = scene.path("root")
        os.makedirs(f"{self.root}/static")
        with open(f"{self.root}/static/photo.jpg", "wb") as file:
            file.write(PHOTO)
        day = time.time() - 86400
        os.utime(f"{self.root}/static/photo.jpg", (day, day))
        user = "user root;" if os.getuid() == 0 else ""
        self.peer = nginx(scene, self.port, f"""
  types {{ image/jpeg jpg; text/css css; }}
  server {{
    listen 127.0.0.1:{self.port};
    root {self.root};
    access_log {self.log};
    {more}
  }}""")

    def requests(self):
        """[(method, path, status)...] as nginx tells."""
        with open(self.log) as file:
            return [(method, path, int(status)) for method, path, status in re.findall(
                r'"(\S+) (\S+) HTTP/[^"]*" (\d+)', file.read())]

    def expect_requests(self, *wanted):
        eventually(f"nginx was asked for {wanted}", lambda: self.requests() == list(wanted), within=3)


@scenario("the static route in front of nginx: MISS, HIT, 404 for its time, conditions, ranges, HEAD",
          covers=["routes[].cache", C + "lifetimes.*", C + "status-header", C + "name"])
def static_route(scene):
    web = Web(scene)
    lifetimes = "lifetimes: { 200: 1d, 404: 1m }"
    edge = Edge(scene, web, lifetimes)
    url = f"http://127.0.0.1:{edge.http}/static/"

    def ask(name, *options):
        return curl(url + name, "-H", "Host: www.example.com", *options)

    status, head, body = ask("photo.jpg")
    expect((status, body) == (200, PHOTO), f"a miss: {status}, {len(body)} bytes")
    expect_equal(field(head, "X-Cache-Status"), "MISS", "the word")
    expect_equal(field(head, "Cache-Status"), "Martlet; fwd=uri-miss; stored; ttl=86400", "the same")
    expect_equal(field(head, "Age"), None, "just made")
    tag, date = field(head, "ETag"), field(head, "Last-Modified")
    expect(tag and date, f"nginx gave validators: {head}")
    time.sleep(1.1)
    status, head, body = ask("photo.jpg")
    expect((status, body) == (200, PHOTO), f"a hit: {status}, {len(body)} bytes")
    expect_equal(field(head, "X-Cache-Status"), "HIT", "the word")
    age = int(field(head, "Age"))
    expect(1 <= age <= 3, f"Age {age}")
    expect_equal(field(head, "Cache-Status"), f"Martlet; hit; ttl={86400 - age}", "the same")
    expect_equal((field(head, "ETag"), field(head, "Content-Type")), (tag, "image/jpeg"), "fields")
    web.expect_requests(("GET", "/static/photo.jpg", 200))

    # What the cache has, it answers for in all its forms.
    for condition in (f"If-None-Match: {tag}", f"If-Modified-Since: {date}", f"If-None-Match: W/{tag}",
                      "If-None-Match: *"):
        status, head, body = ask("photo.jpg", "-H", condition)
        expect_equal((status, body, field(head, "ETag")), (304, b"", tag), condition)
        expect_equal(field(head, "X-Cache-Status"), "HIT", condition)
    early = email.utils.formatdate(time.time() - 10 * 86400, usegmt=True)
    for condition in ('If-None-Match: "other"', f"If-Modified-Since: {early}"):
        expect_equal(ask("photo.jpg", "-H", condition)[0], 200, condition)
    end = len(PHOTO) - 1
    for span, first, last in (("0-0", 0, 0), ("1000-1999", 1000, 1999), ("-10", end - 9, end),
                              ("1023990-", 1023990, end), ("500-99999999", 500, end)):
        status, head, body = ask("photo.jpg", "-r", span)
        expect(status == 206 and body == PHOTO[first:last + 1], f"{span}: {status}, {len(body)}")
        expect_equal(field(head, "Content-Range"), f"bytes {first}-{last}/{len(PHOTO)}", span)
    status, head, _ = ask("photo.jpg", "-r", "2000000-")
    expect_equal((status, field(head, "Content-Range")), (416, f"bytes */{len(PHOTO)}"), "beyond")
    status, head, body = ask("photo.jpg", "-r", "0-9,100-109")
    expect(status == 206 and "multipart/byteranges" in field(head, "Content-Type"), head)
    expect(body.count(PHOTO[:10]) == 1 and PHOTO[100:110] in body, "both parts")
    expect_equal(ask("photo.jpg", "-r", "0-9", "-H", f"If-Range: {tag}")[0], 206, "If-Range holds")
    expect_equal(ask("photo.jpg", "-r", "0-9", "-H", 'If-Range: "x"')[0], 200, "If-Range does not")
    status, head, body = ask("photo.jpg", "--head")
    expect_equal((status, field(head, "Content-Length"), body), (200, str(len(PHOTO)), b""), "HEAD")
    expect_equal(field(head, "X-Cache-Status"), "HIT", "HEAD")
    web.expect_requests(("GET", "/static/photo.jpg", 200))

    for word in ("MISS", "HIT"):
        status, head, _ = ask("missing.css")
        expect_equal((status, field(head, "X-Cache-Status")), (404, word), "404")
    expect("ttl=60" in field(ask("missing.css?2")[1], "Cache-Status"), "404 is fresh for a minute")
    expect_equal(len(web.requests()), 3, "requests at nginx")

    # Without the option, with another one, and without a cache.
    edge.reload(lifetimes + ", status-header: false, name: Shop")
    head = ask("photo.jpg")[1]
    expect_equal(field(head, "X-Cache-Status"), None, "status-header")
    expect(field(head, "Cache-Status").startswith("Shop; hit; ttl="), head)
    edge.reload("")
    expect("; fwd=uri-miss; stored; ttl=60" not in field(ask("missing.css?3")[1], "Cache-Status"),
           "without lifetimes")
    edge.take(edge.text().replace(", cache: edge", ""))
    head = ask("photo.jpg")[1]
    expect_equal(field(head, "Cache-Status"), None, "a route without a cache")
    expect_equal(len(web.requests()), 5, "requests at nginx")


@scenario("nginx changes a file: 304 while it is the same, all of it when it is another")
def changed_file(scene):
    web = Web(scene, more='add_header Cache-Control "max-age=2";')
    edge = Edge(scene, web)
    edge.expect_words("/static/photo.jpg", "MISS", "HIT")
    time.sleep(2.1)
    reply = edge.ask("/static/photo.jpg")
    expect_equal((reply.status, field(reply.head, "X-Cache-Status")), (200, "REVALIDATED"), "304")
    expect("fwd-status=304" in field(reply.head, "Cache-Status"), reply.head)
    expect(reply.body == PHOTO, "and all of it")
    with open(f"{web.root}/static/photo.jpg", "wb") as file:
        file.write(PHOTO[:5000])
    edge.expect_words("/static/photo.jpg", "HIT")
    time.sleep(2.1)
    reply = edge.ask("/static/photo.jpg")
    expect_equal((field(reply.head, "X-Cache-Status"), reply.body), ("EXPIRED", PHOTO[:5000]), "new")
    os.remove(f"{web.root}/static/photo.jpg")
    time.sleep(2.1)
    expect_equal(edge.ask("/static/photo.jpg").status, 404, "gone")
    web.expect_requests(*(("GET", "/static/photo.jpg", status) for status in (200, 304, 200, 404)))


@scenario("nginx with gzip: each coding is a variant of its own")
def coded_by_origin(scene):
    web = Web(scene, more='gzip on; gzip_types text/css; gzip_proxied any; gzip_vary on; '
                          'gzip_http_version 1.0;')
    with open(f"{web.root}/static/a.css", "w") as file:
        file.write("p { color: red }\n" * 1000)
    edge = Edge(scene, web, "lifetimes: { 200: 1d }")
    url = f"http://127.0.0.1:{edge.http}/static/a.css"
    for coding, word in (("gzip", "MISS"), ("identity", "MISS"), ("gzip", "HIT"), ("identity", "HIT"),
                         (None, None)):
        accept = ["-H", f"Accept-Encoding: {coding}"] if coding else []
        status, head, body = curl(url, "-H", "Host: www.example.com", *accept)
        expect_equal(field(head, "Content-Encoding"), "gzip" if coding == "gzip" else None, coding)
        expect_equal(body[:2] == b"\x1f\x8b", coding == "gzip", f"content for {coding}")
        if word:
            expect_equal(field(head, "X-Cache-Status"), word, f"{coding}")
    done = subprocess.run(["curl", "-sS", "--compressed", "-H", "Host: www.example.com", url],
                          capture_output=True, timeout=10)
    expect_equal(done.stdout, b"p { color: red }\n" * 1000, "what curl decodes")
