# SPDX-License-Identifier: Apache-2.0
"""More requests than can be served: who waits, who goes first, and who is refused."""
import subprocess
import sys
import threading
import time

from harness import eventually, expect, expect_equal, runner, scenario
from harness.ask import Browser, field
from harness.load import LoadClient
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


class Flood:
    """Many connections with requests one behind the other, so that a worker never rests."""

    PROGRAM = r'''
import resource, select, socket, sys
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
port, count = int(sys.argv[1]), int(sys.argv[2])
request = b"GET / HTTP/1.1\r\nHost: flood.test\r\n\r\n"
text = request * 400
epoll, lines = select.epoll(), {}
for _ in range(count):
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setblocking(False)
    lines[sock.fileno()] = [sock, 0]
    epoll.register(sock.fileno(), select.EPOLLIN | select.EPOLLOUT)
print("started", flush=True)
while True:
    for fd, events in epoll.poll():
        line = lines[fd]
        if events & select.EPOLLIN:
            if not line[0].recv(1 << 18):
                sys.exit("closed")
        elif events & select.EPOLLOUT:
            # At most one text is on its way: what has come back is not counted, it paces itself.
            line[1] = (line[1] + line[0].send(text[line[1]:])) % len(text)
'''

    def __init__(self, scene, port, count=500):
        self.process = subprocess.Popen([sys.executable, "-c", self.PROGRAM, str(port), str(count)],
                                        stdout=subprocess.PIPE)
        scene.started.append(self)
        expect_equal(self.process.stdout.readline(), b"started\n", "the flood")

    def end(self):
        self.process.kill()
        self.process.wait()
        return ""


@scenario("limits.shed-lag: a late worker refuses low priority at once, and high never", 120,
          covers=["limits.shed-lag"])
def shedding(scene):
    (a,) = scene.origins("a")
    http = scene.port()
    text = service(http, None, [a], workers=1, probe=None, more="limits: { shed-lag: 1ms }\n")
    routes = "".join(f"  - {{ host: {name}.test, pool: web, priority: {name} }}\n"
                     for name in PRIORITIES)
    routes += "  - { host: health.test, priority: low, respond: { body: well } }\n"
    routes += "  - { host: flood.test, priority: low, respond: { body: x } }\n"
    text = text.replace("routes:\n", "routes:\n" + routes, 1)
    martlet = scene.martlet(text)

    def ask(name):
        browser = Browser(http, host=f"{name}.test", timeout=20)
        status, head, body = browser.ask("/")
        browser.close()
        return status, body.decode().strip().split(" ")[-1], head

    expect_equal([ask(name)[0] for name in PRIORITIES], [200] * 3, "a worker at rest serves all")
    flood = Flood(scene, http)
    eventually("low priority is refused", lambda: ask("low")[:2] == (503, "overloaded"), within=20)
    expect(field(ask("low")[2], "Retry-After"), "with a time to come again")
    for _ in range(20):
        expect_equal(ask("high")[0], 200, "high priority is served")
        expect_equal(ask("health")[:2], (200, "well"), "a route's own answer is served")
    expect_equal(martlet.api("GET", "/readyz")[0], 200, "the admin listener answers")
    page = martlet.metrics()
    expect('martlet_http_shed_total{priority="low"}' in page
           and 'martlet_http_shed_total{priority="high"} 0\n' in page, "counted by priority")
    eventually("the status says so", lambda: "refuse requests" in martlet_command(
        scene, "status", "--admin", f"127.0.0.1:{martlet.admin}")[1])
    martlet.reload(text.replace("shed-lag: 1ms", "shed-lag: off"))
    eventually("with `off` all are served", lambda: ask("low")[0] == 200)
    for _ in range(10):
        expect_equal([ask(name)[0] for name in PRIORITIES], [200] * 3, "with `off`")
    martlet.reload(text)
    eventually("low priority is refused again", lambda: ask("low")[0] == 503, within=20)
    flood.end()
    eventually("a worker at rest serves all again", lambda: ask("low")[0] == 200)
    martlet.access_entry("the log has the reason", lambda entry: entry["reason"] == "overloaded")


LIMITS = "pools.*.concurrency."
PATIENCE = 1.0


def limited(scene, pool, workers=2, extra=""):
    """Two endpoints that each work on 4 requests of 50 ms at a time: 160 requests a second."""
    origins = scene.origins("a", "b")
    http = scene.port()
    text = service(http, None, origins, workers=workers, probe=None,
                   pool="balance: least-connections\npassive: { failures: 0, error-rate: 0% }\n"
                        + pool)
    routes = "".join(f"  - {{ host: {name}.test, pool: web, priority: {name} }}\n"
                     for name in PRIORITIES)
    return http, scene.martlet(text.replace("routes:\n", "routes:\n" + routes + extra, 1)), text


def load(scene, http, rate, seconds, host="normal.test", connections=None):
    client = LoadClient(scene, http, rate=rate, path="/queue/50", host=host, seconds=seconds,
                        connections=connections or min(max(int(rate), 64), 900))
    scene.started.append(client)
    return client.start()


def goodput(client, seconds, skip=0.0):
    """Answers a second that came within the patience of a client, after the first moments."""
    client.join(within=seconds + 40)
    begin = min([d.due for d in client.done] + [f.due for f in client.failed])
    good = [d for d in client.done
            if begin + skip <= d.due < begin + seconds and d.done - d.due <= PATIENCE]
    return len(good) / (seconds - skip)


@scenario("goodput at five times the capacity is at least 90 % of the peak", 400, covers=[
    LIMITS + "limit", LIMITS + "min", LIMITS + "max", LIMITS + "tolerance"])
def goodput_under_overload(scene):
    pool = ("concurrency: { limit: adaptive, min: 2, max: 400, tolerance: 150% }\n"
            "queue: { limit: 400, timeout: 300ms }\n")
    seconds = 60 if runner.Options.full else 10
    http, martlet, _ = limited(scene, pool)
    peaks = {}
    for factor in (0.8, 1.0, 1.2) if runner.Options.full else (1.0, 1.2):
        peaks[factor] = goodput(load(scene, http, 160 * factor, seconds), seconds, skip=3)
        least = 0.85 * 160 * min(factor, 1)
        expect(peaks[factor] >= least, f"{peaks} at so many times the capacity, of {least:.0f}/s")
        limit = martlet.pool("web")["concurrency"]["limit"]
        expect(limit <= 40, f"the limit does not creep up: {limit} at {factor} times the capacity")
    peak = max(peaks.values())
    expect(peak > 100, f"the endpoints serve 160 a second at most: {peaks}")
    high = load(scene, http, 20, seconds, host="high.test")
    flood = load(scene, http, 780, seconds)
    urgent = goodput(high, seconds, skip=3)
    total = goodput(flood, seconds, skip=3) + urgent
    print(f"      goodput {total:.0f}/s at 800/s, peak {peak:.0f}/s ({peaks}), high {urgent:.1f}/s")
    expect(total >= 0.9 * peak, f"goodput {total:.1f}/s of {peak:.1f}/s ({peaks})")
    expect(urgent >= 0.98 * 20, f"high priority: {urgent:.1f} of 20 a second")
    expect(not [f for f in high.failed if f.due > high.done[0].due + 3],
           lambda: f"high priority failed: {high.causes()}")
    state = martlet.pool("web")["concurrency"]
    expect(8 <= state["limit"] <= 40, f"the limit is near the 8 that are worked on: {state}")
    expect(0.03 < state["restSeconds"] < 0.12, f"the time at rest: {state}")
    expect("martlet_pool_concurrency_limit{pool=\"web\"} " in martlet.metrics(), "the limit counts")
    status, out, _ = martlet_command(scene, "status", "--admin", f"127.0.0.1:{martlet.admin}")
    expect(status == 0 and "requests at a time" in out, f"status: {out}")
    status, out, _ = martlet_command(
        scene, "explain", "--admin", f"127.0.0.1:{martlet.admin}", "http://low.test/")
    expect(status == 0 and "at a time; an answer takes" in out, f"explain: {out}")


@scenario("without a limit the same load leaves nobody served in time", 120)
def without_limit(scene):
    http, martlet, text = limited(scene, "queue: { limit: 400, timeout: 300ms }\n")
    served = goodput(load(scene, http, 800, 8), 8, skip=4)
    expect(served < 80, f"requests pile up in the endpoints: {served:.0f}/s are in time")
    expect_equal(martlet.pool("web")["concurrency"], None, "no limit is shown")
    # A reload brings the limit: what piled up is worked off, and it holds from then on.
    with open(martlet.config) as file:
        config = file.read()
    limit = "    concurrency: { limit: adaptive, min: 6, max: 10 }\n    queue:"
    martlet.reload(config.replace("    queue:", limit, 1))
    flood = load(scene, http, 800, 10)
    served = goodput(flood, 10, skip=5)
    expect(served > 100, f"with a limit: {served:.0f}/s")
    limit = martlet.pool("web")["concurrency"]["limit"]
    expect(6 <= limit <= 10, f"its bounds hold: {limit}")
