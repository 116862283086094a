# SPDX-License-Identifier: Apache-2.0
"""Security headers: what a preset gives, what an option changes, and who has the last word."""
from harness import expect, expect_equal, scenario
from harness.ask import curl, field
from harness.certificates import Authority, pair
from harness.martlet import martlet_command
from harness.service import service

S = "routes[].security-headers."


@scenario("security headers of a route", covers=[
    S + "preset", S + "hsts", S + "hsts-subdomains", S + "hsts-preload", S + "nosniff",
    S + "frame-options", S + "frame-ancestors", S + "referrer-policy", S + "permissions-policy",
    S + "override"])
def security_headers(scene):
    authority = Authority(scene)
    clear, secure = scene.port(), scene.port()
    a, = scene.origins("a")
    routes = """
  - { host: www.example.com, path: /std/, pool: web, security-headers: {} }
  - { host: www.example.com, path: /strict/, pool: web, security-headers: { preset: strict } }
  - { host: www.example.com, path: /none/, pool: web, security-headers: { preset: none, nosniff: true } }
  - host: www.example.com
    path: /all/
    respond: { status: 404 }
    security-headers:
      hsts: 400d
      hsts-subdomains: true
      hsts-preload: true
      nosniff: false
      frame-options: deny
      frame-ancestors: "'self' https://a.example"
      referrer-policy: same-origin
      permissions-policy: camera=()
  - host: www.example.com
    path: /inner/
    respond: { status: 200 }
    response-headers: { set: { X-Frame-Options: ORIGIN, Referrer-Policy: origin } }
  - { host: outer.example.com, pool: self, rewrite: { host: www.example.com }, security-headers: {} }
  - host: loud.example.com
    pool: self
    rewrite: { host: www.example.com }
    security-headers: { override: true }
    response-headers: { set: { Referrer-Policy: no-referrer } }
"""
    text = service(clear, None, [a]).replace("pools:\n", f"""pools:
  self: {{ endpoints: [ {{ address: "127.0.0.1:{clear}" }} ] }}
""").replace("routes:\n", f"""  - https: 127.0.0.1:{secure}
    certificates: [ {pair(authority.make("www", "*.example.com"))} ]
routes:
{routes}""")
    scene.martlet(text)
    hsts, frame = "Strict-Transport-Security", "X-Frame-Options"

    def ask(target, *options, host="www.example.com", version="--http1.1"):
        return curl(f"https://{host}:{secure}{target}", "--cacert", authority.certificate,
                    "--resolve", f"{host}:{secure}:127.0.0.1", version, *options)[1]

    head = ask("/std/")
    expect_equal((field(head, hsts), field(head, frame), field(head, "X-Content-Type-Options")),
                 ("max-age=31536000", "SAMEORIGIN", "nosniff"), "standard")
    expect_equal(field(head, "Referrer-Policy"), "strict-origin-when-cross-origin", "standard")
    expect_equal(field(head, "Permissions-Policy"), None, "standard")
    head = curl(f"http://127.0.0.1:{clear}/std/", "-H", "Host: www.example.com")[1]
    expect_equal((field(head, hsts), field(head, frame)), (None, "SAMEORIGIN"), "not by TLS")
    head = ask("/strict/")
    expect_equal((field(head, hsts), field(head, frame), field(head, "Referrer-Policy")),
                 ("max-age=63072000; includeSubDomains", "DENY", "no-referrer"), "strict")
    expect("camera=()" in field(head, "Permissions-Policy"), "strict")
    head = ask("/none/")
    expect_equal((field(head, hsts), field(head, frame), field(head, "X-Content-Type-Options")),
                 (None, None, "nosniff"), "none")
    head = ask("/all/")
    expect_equal(field(head, hsts), "max-age=34560000; includeSubDomains; preload", "own answer")
    expect_equal((field(head, frame), field(head, "X-Content-Type-Options")), ("DENY", None),
                 "own answer")
    expect_equal(field(head, "Content-Security-Policy"),
                 "frame-ancestors 'self' https://a.example", "frame-ancestors")
    expect_equal((field(head, "Referrer-Policy"), field(head, "Permissions-Policy")),
                 ("same-origin", "camera=()"), "own values")
    expect_equal(field(ask("/"), frame), None, "a route without them")
    head = ask("/inner/", host="outer.example.com")
    expect_equal((field(head, frame), head.count(frame), field(head, "Referrer-Policy")),
                 ("ORIGIN", 1, "origin"), "the endpoint's own value wins")
    expect_equal(field(head, hsts), "max-age=31536000", "what the endpoint has not said")
    head = ask("/inner/", host="loud.example.com")
    expect_equal((field(head, frame), head.count(frame)), ("SAMEORIGIN", 1), "override")
    expect_equal((field(head, "Referrer-Policy"), head.count("Referrer-Policy")),
                 ("no-referrer", 1), "response-headers say more")


@scenario("security headers that cannot be meant are refused")
def bad_security_headers(scene):
    for option, code in (("hsts-preload: true", "M1105"), ("hsts: 5", "M12"), ("preset: best", "M1"),
                         ('frame-ancestors: "a; script-src *"', "M1216"),
                         ('permissions-policy: "a\\nX-B: c"', "M1216"), ("hst: 1d", "M1")):
        path = scene.path("bad.yaml")
        with open(path, "w") as file:
            file.write("listeners: [ { http: 8080 } ]\nroutes:\n  - { respond: { status: 200 }, "
                       f"security-headers: {{ {option} }} }}\n")
        status, out, err = martlet_command(scene, "check", path)
        expect(status == 1 and code in out + err, f"{option}: {status} {out} {err}")
