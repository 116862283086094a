# SPDX-License-Identifier: Apache-2.0
"""Signed queries, as dig, kdig and nsupdate sign them and believe the answers."""
import base64
import subprocess

from harness import eventually, expect, expect_equal, scenario
from harness.ask import dig_text
from harness.martlet import martlet_command

ZONE = "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n"
SECRETS = {name: base64.b64encode(name.encode() * 6).decode()
           for name in ("sha1", "sha224", "sha256", "sha384", "sha512")}


def configuration(dns, keys):
    lines = "".join(f"  {name}.key: {{ {text} }}\n" for name, text in keys.items())
    return f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
tsig-keys:
{lines}zones: {{ a.test: {{ file: a.zone }} }}
"""


def kdig(port, *options):
    done = subprocess.run(["kdig", "@127.0.0.1", "-p", str(port), "+timeout=2", "+retry=0", *options],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
    return done.stdout.decode() + done.stderr.decode()


@scenario("answers to signed queries are signed so that dig and kdig believe them", 90,
          covers=["tsig-keys.*.algorithm", "tsig-keys.*.secret"])
def signed(scene):
    dns = scene.port()
    scene.write("a.zone", ZONE)
    keys = {name: f"algorithm: hmac-{name}, secret: {secret}" for name, secret in SECRETS.items()}
    martlet = scene.martlet(configuration(dns, keys))
    for name, secret in SECRETS.items():
        key = ("-y", f"hmac-{name}:{name}.key:{secret}")
        for question, more in (("www.a.test", ()), ("none.a.test", ()), ("www.a.test", ("+tcp",)),
                               ("elsewhere.test", ()), ("www.a.test", ("+noedns", "+nocookie"))):
            text = dig_text(dns, question, "A", "+norec", *key, *more)
            expect("TSIG PSEUDOSECTION" in text and f"hmac-{name}." in text, text)
            for word in ("Couldn't verify", "WARNING", "BADSIG", "BADKEY", "failure", "error"):
                expect(word not in text, f"{word}: {text}")
        told = kdig(dns, *key, "+norec", "www.a.test", "A")
        expect("192.0.2.1" in told and "TSIG PSEUDOSECTION" in told, told)
        expect("WARNING" not in told and ";; ERROR" not in told, told)
    # What another key, or another secret, signs is told so, and not answered.
    wrong = base64.b64encode(b"another secret altogether").decode()
    for key, word in ((f"hmac-sha256:sha256.key:{wrong}", "BADSIG"),
                      (f"hmac-sha256:other.key:{SECRETS['sha256']}", "BADKEY"),
                      (f"hmac-sha512:sha256.key:{SECRETS['sha256']}", "BADKEY")):
        text = dig_text(dns, "www.a.test", "A", "-y", key)
        expect("NOTAUTH" in text and word in text and "192.0.2.1" not in text, f"{word}: {text}")
        expect(word in kdig(dns, "-y", key, "www.a.test", "A").upper(), word)
    for worth in ("good", "badkey", "badsig"):
        expect(martlet.metric("martlet_dns_tsig_queries_total", state=worth) > 0, worth)


@scenario("secrets come from files, hold when those break, and are shown nowhere", 90,
          covers=["tsig-keys.*.secret-file", "tsig-keys.*.least-mac"])
def files(scene):
    dns = scene.port()
    scene.write("a.zone", ZONE)
    secret, other = SECRETS["sha256"], SECRETS["sha512"]
    file = scene.write("key.secret", secret + "\n")
    martlet = scene.martlet(configuration(dns, {
        "file": f"secret-file: {file}, least-mac: 16", "own": f"secret: {other}"}))

    def works(text, name="file.key"):
        told = dig_text(dns, "www.a.test", "A", "-y", f"hmac-sha256:{name}:{text}")
        return "status: NOERROR" in told and "192.0.2.1" in told

    expect(works(secret) and works(other, "own.key"), "both kinds of secret")
    scene.write("key.secret", other + "\n")
    martlet.reload()
    eventually("the new secret holds", lambda: works(other) and not works(secret))
    scene.write("key.secret", "no base64!\n")
    martlet.reload()
    eventually("the file is no use", lambda: "M3055" in martlet.log() or "in force" in martlet.log())
    expect(works(other), "the former secret holds")
    status, out, err = martlet_command(scene, "check", martlet.config)
    expect(status == 1 and "M3055" in out + err, f"a file that is no use: {out}{err}")
    admin = ("--admin", f"127.0.0.1:{martlet.admin}")
    changed = scene.write("changed.yaml", martlet.text().replace(other, secret))
    shown = [martlet.log()]
    for command in (("diff", changed), ("status", *admin), ("explain-dns", "www.a.test", *admin)):
        shown.append("".join(str(part) for part in martlet_command(scene, *command)))
    for path in ("/api/v1/snapshot", "/metrics", "/api/v1/status"):
        shown.append(str(martlet.api("GET", path)[2]))
    for text in shown:
        expect(secret not in text and other not in text, f"a secret is shown: {text[:2000]}")
    expect("own.key" in shown[1] and "(secret)" in shown[1], shown[1])
