# SPDX-License-Identifier: Apache-2.0
"""Routes that look into the beginning of a body: JSON and forms, by HTTP/1.1 and HTTP/2."""
import json

from harness import expect, expect_equal, scenario
from harness.ask import Browser, curl, field
from harness.martlet import martlet_command
from harness.service import service

ROUTES = """
  - host: www.example.com
    path: /
    when: { json: [ order.kind=express, 'user^=vip-' ] }
    pool: fast
  - host: www.example.com
    path: /
    when: { form: plan=gold, not: { header: X-Slow } }
    pool: fast
"""


def text(http, origins, limits=""):
    a, b = origins
    base = service(http, None, [a], probe="")
    base = base.replace("pools:\n", f"pools:\n  fast: {{ endpoints: [ {{ address: {b.at} }} ] }}\n", 1)
    return limits + base.replace("routes:\n", "routes:" + ROUTES.rstrip() + "\n", 1)


def post(http, data, kind="application/json", *options):
    """The origin that answered, or the status when none did; by the real curl."""
    out = curl(f"http://127.0.0.1:{http}/echo", "-H", "Host: www.example.com", "-H",
               f"Content-Type: {kind}", "--data-binary", data, *options)
    lines = out[1] if out[0] else out[2].decode("latin-1")
    return field(lines, "X-Origin") or field(lines, "x-origin") or out[0], out[2]


@scenario("when.json and when.form choose by the beginning of the body", 60, covers=[
    "routes[].when.json", "routes[].when.form", "limits.body-prefix", "limits.body-prefix-excess"])
def bodies(scene):
    origins = scene.origins("a", "b")
    http = scene.port()
    martlet = scene.martlet(text(http, origins))
    express = json.dumps({"note": "}\"", "order": {"items": [1, 2], "kind": "express"}})
    slow = json.dumps({"order": {"kind": "slow"}, "kind": "express"})
    form = "application/x-www-form-urlencoded"
    for http2 in ((), ("--http2-prior-knowledge",)):
        expect_equal(post(http, express, "application/json", *http2)[0], "b", f"express {http2}")
        expect_equal(post(http, slow, "application/json", *http2)[0], "a", f"slow {http2}")
        expect_equal(post(http, express, "text/plain", *http2)[0], "a", f"no JSON {http2}")
        expect_equal(post(http, "x=1&plan=gold", form, *http2)[0], "b", f"a form {http2}")
        expect_equal(post(http, "plan=gold", form, "-H", "X-Slow: 1", *http2)[0], "a", "not that one")
        expect_equal(post(http, "plan=goldish", form, *http2)[0], "a", f"another value {http2}")
    origin, body = post(http, '{"user": "vip-7"}', "application/json", "-H",
                        "Transfer-Encoding: chunked")
    expect_equal((origin, body), ("b", b'{"user": "vip-7"}'), "chunked, and passed on whole")
    origin, body = post(http, slow + " " * 3000, "application/json", "-H", "Expect: 100-continue")
    expect_equal((origin, len(body)), ("a", len(slow) + 3000), "a client that waits for 100")
    expect_equal(Browser(http).ask("/")[0], 200, "a request without a body")

    # The rest of a long upload streams as it does without such a route.
    big = scene.write("big.json", '{"order": {"kind": "express"}, "pad": "' + "x" * 3000000 + '"}')
    origin, body = post(http, f"@{big}", "application/json")
    expect_equal((origin, len(body)), ("b", 3000041), "found at the beginning of 3 MB")
    late = '{"pad": "' + "x" * 9000 + '", "order": {"kind": "express"}}'
    expect_equal(post(http, late)[0], "a", "behind the prefix nothing is seen")
    expect(martlet.metric("martlet_http_body_prefixes_total") >= 12, "counted")

    def explain(url, *options):
        return martlet_command(scene, "explain", url, "--admin", f"127.0.0.1:{martlet.admin}",
                               *options)[1]
    out = explain("http://www.example.com/")
    expect("pool web" in out and "json order.kind=express" in out, out)

    martlet.reload(text(http, origins, "limits: { body-prefix: 100B, body-prefix-excess: refuse }\n"))
    expect_equal(post(http, express)[0], "b", "a short one")
    expect_equal(post(http, late)[0], 413, "a long one is refused")
    expect_equal(post(http, "x" * 500, "text/plain")[0], "a", "one that nobody looks into is not")
    martlet.reload(text(http, origins, "limits: { body-prefix: 100B }\n"))
    expect_equal(post(http, '{"pad": "' + "x" * 100 + '", "user": "vip-1"}')[0], "a",
                 "behind a shorter prefix")
    entry = martlet.access_entry("of 413", lambda e: e["status"] == 413)
    expect_equal(entry["reason"], "body-too-large", "the reason in the log")
