# SPDX-License-Identifier: Apache-2.0
"""Access to routes by signed tokens: keys and signatures by the openssl command."""
import base64
import hashlib
import hmac
import json
import os
import subprocess
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import curl, field
from harness.martlet import martlet_command
from harness.service import service

J = "routes[].jwt."


def run(*arguments, given=b""):
    return subprocess.run(["openssl", *arguments], input=given, check=True,
                          capture_output=True).stdout


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Somebody with a key, who gives tokens."""

    def __init__(self, scene, name, algorithm):
        self.algorithm = algorithm
        self.key = scene.path(name + ".key")
        kind = {"RS256": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                "ES256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                "EdDSA": ["ED25519"]}[algorithm]
        run("genpkey", "-algorithm", *kind, "-out", self.key)
        self.public = run("pkey", "-in", self.key, "-pubout").decode()

    def jwk(self, kid):
        modulus = run("rsa", "-in", self.key, "-noout", "-modulus").decode().strip().split("=")[1]
        return {"kty": "RSA", "kid": kid, "use": "sig", "n": text(bytes.fromhex(modulus)),
                "e": "AQAB"}

    def sign(self, data):
        if self.algorithm == "EdDSA":
            path = self.key + ".data"
            with open(path, "wb") as file:
                file.write(data)
            return run("pkeyutl", "-sign", "-rawin", "-inkey", self.key, "-in", path)
        made = run("dgst", "-sha256", "-sign", self.key, given=data)
        if self.algorithm == "RS256":
            return made
        numbers, at = [], 2
        for _ in range(2):
            length = made[at + 1]
            numbers.append(made[at + 2:at + 2 + length].lstrip(b"\0").rjust(32, b"\0"))
            at += 2 + length
        return b"".join(numbers)

    def token(self, head=None, **claims):
        claims = {"iss": "https://issuer.example", "aud": "api", "sub": "ann",
                  "exp": int(time.time()) + 600, **claims}
        head = {"alg": self.algorithm, **(head or {})}
        signed = ".".join(text(json.dumps(part).encode()) for part in (head, claims))
        return signed + "." + text(self.sign(signed.encode()))


def guarded(scene, keys, options, workers=1):
    """A Martlet with a route below /api/ that wants a token, and a way to ask it."""
    origin = scene.origin("a")
    http = scene.port()
    configuration = service(http, None, [origin], workers=workers).replace("routes:\n", f"""routes:
  - host: www.example.com
    path: /api/
    pool: web
    rewrite: {{ path: "/head/{{rest}}" }}
    jwt: {{ keys: {keys}{options} }}
""")
    martlet = scene.martlet(configuration)

    def ask(token=None, *options):
        given = ["-H", f"Authorization: Bearer {token}"] if token else []
        return curl(f"http://127.0.0.1:{http}/api/x", "-H", "Host: www.example.com", *given,
                    *options)
    return ask, martlet, configuration


@scenario("a route lets in who has a token", covers=[
    J + "keys", J + "algorithms", J + "issuer", J + "audience", J + "claims.*",
    J + "claim-headers.*", J + "leeway", J + "require-expiry", J + "token-limit", J + "cache",
    J + "strip", J + "realm"])
def tokens(scene):
    rsa, ec, ed = (Issuer(scene, name, name) for name in ("RS256", "ES256", "EdDSA"))
    keys = scene.path("keys.pem")
    with open(keys, "w") as file:
        file.write(rsa.public + ec.public + ed.public)
    options = (", algorithms: [RS256, ES256], issuer: https://issuer.example, audience: api, "
               "claims: { scope: read }, claim-headers: { X-Subject: sub }, leeway: 5s, "
               "token-limit: 1KiB, cache: 1m, strip: true, realm: API")
    ask, martlet, configuration = guarded(scene, keys, options)
    status, head, _ = ask()
    expect_equal((status, field(head, "WWW-Authenticate")), (401, 'Bearer realm="API"'), "nobody")
    good = rsa.token(scope="read write")
    for token in (good, ec.token(scope="read")):
        status, _, body = ask(token, "-H", "X-Subject: root")
        seen = body.decode("latin-1")
        expect_equal((status, field(seen, "X-Subject"), field(seen, "Authorization")),
                     (200, "ann", None), f"the endpoint is told the claim alone: {seen}")
    ask(good)
    counted = [martlet.metric("martlet_access_requests_total", credentials=kind)
               for kind in ("verified", "known")]
    expect_equal(counted, [2, 1], "cache")
    now = int(time.time())
    confused = text(b'{"alg":"HS256"}') + "." + good.split(".")[1]
    confused += "." + text(hmac.new(rsa.public.encode(), confused.encode(),
                                    hashlib.sha256).digest())
    bare = text(b'{"alg":"none"}') + "." + good.split(".")[1] + "."
    for token, what in ((ed.token(scope="read"), "algorithm"), (confused, "algorithm"),
                        (bare, "malformed"), (good[:-8] + "AAAAAAAA", "signature"),
                        (rsa.token(scope="read", iss="https://other.example"), "issuer"),
                        (rsa.token(scope="read", aud=["web"]), "audience"),
                        (rsa.token(scope="read", exp=now - 20), "expired"),
                        (rsa.token(scope="read", nbf=now + 60), "not valid yet"),
                        (rsa.token(scope="read", exp=None), "malformed"),
                        (rsa.token(scope="read", more="x" * 1024), "too long")):
        status, head, _ = ask(token)
        expect(status == 401 and f'error="invalid_token", error_description="the' in head
               and what in head, f"{what}: {head}")
    status, head, _ = ask(rsa.token(scope="write"))
    expect(status == 403 and 'error="insufficient_scope"' in head, f"claims: {head}")
    expect_equal(ask(rsa.token(scope="read", exp=now - 1))[0], 200, "leeway")
    martlet.access_entry("of a refusal", lambda entry: entry["reason"] == "insufficient-scope")
    with open(martlet.access_log) as log:
        expect(good.split(".")[2] not in log.read() + martlet.log(), "no log has tokens")
    status, out, _ = martlet_command(
        scene, "explain", "--admin", f"127.0.0.1:{martlet.admin}", "http://www.example.com/api/x")
    expect(status == 0 and "401" in out and "a token signed by one of 3 keys" in out, out)
    martlet.reload(configuration.replace(options, ", require-expiry: false"))
    forever = ed.token(exp=0).split(".")[0] + "." + text(b'{"sub":"bob"}')
    forever += "." + text(ed.sign(forever.encode()))
    status, _, body = ask(forever)
    expect(status == 200 and b"Authorization: Bearer " in body, f"require-expiry, strip: {body}")


@scenario("keys of an issuer are exchanged while they serve")
def key_exchange(scene):
    old, new = Issuer(scene, "old", "RS256"), Issuer(scene, "new", "RS256")
    keys = scene.path("issuer.jwks")

    def publish(*entries):
        with open(keys + ".new", "w") as file:
            json.dump({"keys": list(entries)}, file)
        os.replace(keys + ".new", keys)

    publish(old.jwk("a"))
    ask, martlet, _ = guarded(scene, keys, "", workers=2)
    first, second = old.token({"kid": "a"}), new.token({"kid": "b"})
    expect_equal((ask(first)[0], ask(second)[0]), (200, 401), "before")
    publish(old.jwk("a"), new.jwk("b"))
    eventually("the new key counts", lambda: ask(second)[0] == 200, within=8)
    expect_equal((ask(first)[0], ask(old.token({"kid": "b"}))[0]), (200, 401), "both, by name")
    publish(new.jwk("b"))
    eventually("the old key counts no more", lambda: ask(first)[0] == 401, within=8)
    with open(keys, "w") as file:
        file.write("{")
    eventually("the bad file is told", lambda: "M1241" in martlet.log(), within=8)
    expect_equal(ask(second)[0], 200, "the former keys serve on")
    status, out, err = martlet_command(scene, "check", martlet.config)
    expect(status == 1 and "M1241" in out + err, out + err)
