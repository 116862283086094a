# SPDX-License-Identifier: Apache-2.0
"""What attacks by HTTP/2 cost others: each goes on for seconds, as fast as it can, while honest
clients ask at a steady rate. Bounds: 16 MiB of memory, a second until each connection is cut, no
honest request lost, and 250 ms for 99 of 100 of them."""
import time

from harness import expect, scenario
from harness.attacker import Attacker, attacks
from harness.service import service

MEBIBYTE = 1 << 20
PATIENCE = 1.0


def attacked(scene, name):
    origin, = scene.origins("a")
    http = scene.port()
    martlet = scene.martlet(service(http, None, [origin]))
    # The honest load alone, and one short attack: slabs and pools grow to the size that stays.
    scene.load(http, rate=300, connections=16, seconds=1).join()
    before = martlet.memory()
    load = scene.load(http, rate=300, connections=16)
    attacker = Attacker(scene, http, name)
    scene.started.append(attacker)
    most = before
    until = time.monotonic() + (20 if scene.full else 2)
    while time.monotonic() < until:
        time.sleep(0.1)  # samples memory; nothing is waited for
        most = max(most, martlet.memory())
    seen = attacker.stop()
    load.stop()
    load.expect_no_failure(300)
    p99 = load.latency(0.99)
    told = (f"{name}: {seen.cut} connections cut, the longest lived {seen.longest:.2f} s; "
            f"{seen.sent / MEBIBYTE:.0f} MiB of attack; memory +{(most - before) / MEBIBYTE:.1f} "
            f"MiB; honest p99 {p99 * 1000:.0f} ms")
    print("     ", told, flush=True)
    expect(seen.cut > 0, f"nothing was cut. {told}")
    expect(max(seen.longest, seen.alive) <= PATIENCE, f"an attacker lived too long. {told}")
    expect(most - before <= 16 * MEBIBYTE, f"too much memory. {told}")
    expect(p99 <= 0.25, f"honest clients wait. {told}")


def add(name):
    scenario(f"under {name} by HTTP/2 others are served, and the attacker is cut", 60)(
        lambda scene: attacked(scene, name))


for attack in attacks():
    add(attack)
