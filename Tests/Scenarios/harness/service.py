# SPDX-License-Identifier: Apache-2.0
"""The configuration that most scenarios start from: one pool behind both doors."""

QUICK = "{ http: /healthz, interval: 100ms, timeout: 80ms, fast-interval: 100ms, rise: 2, fall: 3 }"


def service(http, dns, origins, *, workers=2, probe=QUICK, pool="", listener="", route="",
            steer="all-down: all", weights=None, more=""):
    """YAML for one HTTP listener, one DNS listener, pool `web`, route and steered name `www`.

    `pool`, `listener` and `route` are further lines or fields for those parts; `more` is appended.
    """
    weights = weights or {}
    endpoints = "\n".join(
        f"      - {{ address: {origin.at}, name: {origin.name}, "
        f"weight: {weights.get(origin.name, 1)} }}" for origin in origins)
    probes = f"probes:\n  quick: {probe}\n" if probe else ""
    named = "    probe: quick\n" if probe else ""
    lines = "".join(f"    {line.strip()}\n" for line in pool.splitlines() if line.strip())
    dns_part = f"  - {{ dns: 127.0.0.1:{dns} }}\n" if dns else ""
    zone = f"""
zones:
  example.com:
    soa: {{ primary: ns1.example.com, mailbox: hostmaster.example.com }}
    records:
      ns1: {{ a: 127.0.0.1 }}
      www: {{ ttl: 1s, steer: www }}
steer:
  www: {{ pool: web, {steer} }}
""" if dns else ""
    return f"""workers: {workers}
{probes}pools:
  web:
{named}{lines}    endpoints:
{endpoints}
listeners:
  - {{ http: 127.0.0.1:{http}{', ' + listener if listener else ''} }}
{dns_part}routes:
  - {{ host: www.example.com, path: /, pool: web{', ' + route if route else ''} }}
{zone}{more}"""
