# SPDX-License-Identifier: Apache-2.0
"""More requests than can be served: who waits, who goes first, and who is refused."""
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, field
from harness.martlet import martlet_command
from harness.service import service

PRIORITIES = ("high", "normal", "low")


class Crowd:
    """Clients of several hosts that ask at the same time; what each got, and when."""

    def __init__(self, port):
        self.port, self.answers, self.threads = port, [], []

    def ask(self, name, path="/delay/100"):
        thread = threading.Thread(target=self._ask, args=(name, path))
        thread.start()
        self.threads.append(thread)

    def _ask(self, name, path):
        browser = Browser(self.port, host=f"{name.split('-')[0]}.test", timeout=20)
        status, head, body = browser.ask(path)
        self.answers.append((time.monotonic(), name, status, body.decode(errors="replace"), head))
        browser.close()

    def order(self):
        """The names in the order of their answers."""
        for thread in self.threads:
            thread.join()
        return [name for _, name, status, _, _ in sorted(self.answers) if status == 200]

    def refused(self):
        return {name: body.split()[-1] for _, name, status, body, _ in self.answers if status != 200}


def waiting(martlet, pool, count):
    def check():
        return f'martlet_pool_waiting_requests{{pool="{pool}"}} {count}\n' in martlet.metrics()
    eventually(f"{count} requests wait", check, within=10)


@scenario("routes[].priority: who goes first, and who is turned away", 90,
          covers=["routes[].priority"])
def priorities(scene):
    (a,) = scene.origins("a")
    http = scene.port()
    text = service(http, None, [a], workers=1, probe=None, pool="queue: { limit: 6 }").replace(
        f"address: {a.at},", f"address: {a.at}, max-connections: 1,")
    routes = "".join(f"  - {{ host: {name}.test, pool: web, priority: {name} }}\n"
                     for name in PRIORITIES)
    routes += "  - { host: plain.test, pool: web }\n"
    martlet = scene.martlet(text.replace("routes:\n", "routes:\n" + routes, 1))

    def queue(names):
        """Who waits while one request is being served, in this order of arrival."""
        crowd = Crowd(http)
        crowd.ask("plain-0", "/delay/1500")
        eventually("the place is taken", lambda: a.seen()["carrying"] > 0)
        time.sleep(0.2)
        for count, name in enumerate(names, 1):
            crowd.ask(name)
            waiting(martlet, "web", min(count, 6))
        return crowd

    crowd = queue(["low-1", "normal-2", "high-3", "low-4", "high-5", "normal-6"])
    expect_equal(crowd.order(), ["plain-0", "high-3", "high-5", "normal-2", "normal-6", "low-1",
                                 "low-4"], "by priority, then by arrival")
    expect_equal(crowd.refused(), {}, "nobody is refused")
    crowd = queue(["plain-1", "plain-2", "plain-3"])
    expect_equal(crowd.order(), ["plain-0", "plain-1", "plain-2", "plain-3"], "by arrival")

    # The queue is full: lower ones give way, and what is lowest itself gets no place.
    crowd = queue(["low-1", "low-2", "normal-3", "normal-4", "normal-5", "normal-6"])
    crowd.ask("low-7")
    eventually("the seventh is refused", lambda: len(crowd.answers) == 1)
    crowd.ask("high-8")
    eventually("the last low one gives way", lambda: len(crowd.answers) == 2)
    crowd.order()
    expect_equal(crowd.refused(), {"low-7": "queue-full", "low-2": "queue-displaced"}, "refused")
    heads = [head for _, _, status, _, head in crowd.answers if status == 503]
    expect(all(field(head, "Retry-After") for head in heads), "told when to come again")
    expect('martlet_pool_turned_away_total{pool="web",priority="low"} 2\n' in martlet.metrics(),
           "they are counted by priority")
    martlet.access_entry("the log tells the priority and the reason", lambda entry: (
        entry.get("priority") == "low" and entry.get("reason") == "queue-displaced"))
    status, out, _ = martlet_command(
        scene, "explain", "--admin", f"127.0.0.1:{martlet.admin}", "http://low.test/")
    expect(status == 0 and "priority low; of 6 places taken: 0 high" in out, f"explain: {out}")


@scenario("priorities hold among workers", 90)
def among_workers(scene):
    (a,) = scene.origins("a")
    http = scene.port()
    text = service(http, None, [a], workers=2, probe=None, pool="queue: { limit: 100 }").replace(
        f"address: {a.at},", f"address: {a.at}, max-connections: 1,")
    routes = "".join(f"  - {{ host: {name}.test, pool: web, priority: {name} }}\n"
                     for name in PRIORITIES)
    martlet = scene.martlet(text.replace("routes:\n", "routes:\n" + routes, 1))
    crowd = Crowd(http)
    crowd.ask("high-0", "/delay/1500")
    eventually("the place is taken", lambda: a.seen()["carrying"] > 0)
    time.sleep(0.2)
    for number in range(1, 9):
        for name in reversed(PRIORITIES):
            crowd.ask(f"{name}-{number}", "/delay/40")
    waiting(martlet, "web", 24)
    order = [name.split("-")[0] for name in crowd.order()]
    expect_equal(order, ["high"] * 9 + ["normal"] * 8 + ["low"] * 8, "by priority")
