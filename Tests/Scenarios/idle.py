# SPDX-License-Identifier: Apache-2.0
"""Thousands who are there and say nothing: what they cost, and that they are there when needed."""
import resource
import time

from harness import eventually, expect, expect_equal, scenario
from harness.service import service
from harness.websocket import Crowd


@scenario("idle WebSockets cost little, all answer afterwards, and all are told when they must go", 200)
def idle(scene):
    count = 1_000
    if scene.full:
        # Two files each in the serving process, and some for everything else.
        count = min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2 - 300)
    origins = scene.origins("a", "b")
    http = scene.port()
    martlet = scene.martlet(service(
        http, None, origins, pool="timeouts: { tunnel-idle: 10m }\ndrain: 5s\ndrain-spread: 4s"))
    before = martlet.memory()
    crowd = Crowd(scene, http, count, silent=True)
    expect_equal(crowd.opened, count, "WebSockets open")
    each = (martlet.memory() - before) / count
    began, spent = time.monotonic(), martlet.cpu_seconds()
    time.sleep(20 if scene.full else 3)  # they say nothing
    share = (martlet.cpu_seconds() - spent) / (time.monotonic() - began)
    crowd.report(hello=True)
    eventually("each has its echo", lambda: crowd.report()["echoes"] == count, within=20, every=0.1)
    spoken = (martlet.memory() - before) / count
    print(f"      {count} WebSockets: {each:.0f} bytes of memory each, {spoken:.0f} after they spoke; "
          f"{share * 100:.1f} % of a core while silent", flush=True)
    expect(each <= 6144, f"{each:.0f} bytes each")
    expect(share < 0.1, f"{share:.3f} of a core while nobody says anything")
    expect_equal(martlet.metric("martlet_endpoint_tunnels", pool="web"), count, "tunnels")
    for origin in origins:
        martlet.patch("web", origin.name, {"administrative": "draining"})
    eventually("all have gone", lambda: crowd.report()["open"] == 0, within=15, every=0.2)
    expect_equal(crowd.report()["endings"], {"1001": count}, "each was told 1001")
    times = crowd.report()["times"]
    expect(max(times) - min(times) > 2, f"not all at once: {max(times) - min(times):.1f} s")
    eventually("nothing is left", lambda: martlet.descriptors() < 200, within=5)
