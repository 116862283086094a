# SPDX-License-Identifier: Apache-2.0
"""`martlet demo`: what it prints is true, its commands work, and nothing of it is left behind."""
import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request

from harness import eventually, expect, expect_equal, scenario
from harness.martlet import descendants, process_state


class Demo:
    """A demonstration in a folder of its own: TMPDIR is where it keeps its state."""

    def __init__(self, scene, name="demo"):
        self.scene = scene
        self.environment = {**os.environ, "TMPDIR": scene.folder}
        # Started by root, Martlet serves as another account, which must get through to its log.
        os.chmod(scene.folder, 0o755)
        self.path = scene.path(f"{name}.txt")
        with open(self.path, "wb") as output:
            self.process = subprocess.Popen(
                [scene.options.martlet, "demo"], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, env=self.environment, cwd=scene.folder, start_new_session=True,
                # A shell starts background jobs deaf to Ctrl-C, and this would be inherited.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        scene.started.append(self)
        eventually("the screen is there", lambda: "--mend NAME" in self.text(), within=25)
        screen = self.text()
        self.http = re.search(r"HTTP door +(http://\S+)", screen)[1]
        self.dns = int(re.search(r"DNS door +127\.0\.0\.1:(\d+)", screen)[1])
        self.admin = re.search(r"status page +(http://\S+)", screen)[1]
        self.folder = os.path.dirname(re.search(r"files +(\S+),", screen)[1])

    def text(self):
        with open(self.path) as file:
            return file.read()

    def act(self, *arguments):
        done = subprocess.run(
            [self.scene.options.martlet, "demo", *arguments], stdin=subprocess.DEVNULL,
            capture_output=True, timeout=15, env=self.environment)
        return done.returncode, (done.stdout + done.stderr).decode()

    def must(self, *arguments):
        status, text = self.act(*arguments)
        expect_equal(status, 0, f"{arguments}: {text}")
        return text

    def get(self, url):
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def endpoint(self, name):
        pools = json.loads(self.get(self.admin + "/api/v1/snapshot")[1])["pools"]
        return next(e for pool in pools for e in pool["endpoints"] if e["name"] == name)

    def awaits(self, name, health, reason=""):
        def seen():
            endpoint = self.endpoint(name)
            return endpoint["health"] == health and reason in json.dumps(endpoint)
        eventually(f"{name} is {health} {reason}", seen, within=10, every=0.05)

    def traffic(self):
        with open(f"{self.folder}/traffic") as file:
            words = file.read().split()
        return {words[i]: int(words[i + 1]) for i in range(0, len(words), 2)}

    def addresses(self):
        done = subprocess.run(
            ["dig", "+short", "+time=1", "@127.0.0.1", "-p", str(self.dns), "www.demo.test"],
            capture_output=True, timeout=10)
        return set(done.stdout.decode().split())

    def stop(self, number=signal.SIGINT):
        """A signal, and the exit status; the processes that outlived it are a failure."""
        family = descendants(self.process.pid)
        expect(len(family) >= 5, f"origins, gateway, worker, traffic: {family}")
        self.process.send_signal(number)
        status = self.process.wait(15)
        eventually("every process has ended",
                   lambda: all(process_state(pid) in ("", "Z", "X") for pid in family), within=10)
        return status

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(15)
        return ""


@scenario("a demo prints one screen, and each of the commands on it does what it says", 120)
def screen(scene):
    demo = Demo(scene)
    lines = demo.text().splitlines()
    expect(len(lines) <= 26, f"{len(lines)} lines are more than one screen")
    status, body = demo.get(demo.http + "/api/items")
    expect_equal(status, 200, "the HTTP door")
    expect(json.loads(body)["served_by"] in ("wren", "robin", "heron"), body)
    eventually("the DNS door answers", demo.addresses)
    commands = [line.strip() for line in lines if re.match(r" {7}\S", line)]
    expect(len(commands) == 5, f"five commands: {commands}")
    for command in commands:
        done = subprocess.run(command, shell=True, capture_output=True, timeout=20,
                              env=demo.environment, cwd=os.getcwd())
        expect_equal(done.returncode, 0, f"{command}: {done.stderr}")
        expect(done.stdout.strip(), f"{command} says nothing")
    eventually("the traffic is counted", lambda: demo.traffic()["answered"] > 300)
    demo.awaits("wren", "down", "connect-refused")
    expect_equal(demo.endpoint("robin")["administrative"], "draining", "the drained endpoint")
    expect_equal(demo.traffic()["failed"], 0, "requests failed by a kill and a drain")
    expect_equal(demo.stop(), 0, "the exit status after Ctrl-C")
    expect(not os.path.exists(demo.folder), "the folder is removed")
    expect(" 0 failures" in demo.text(), demo.text())


@scenario("a demo's origins break, lie, die and come back as told", 150)
def faults(scene):
    demo = Demo(scene)
    for name in ("wren", "robin", "heron"):
        demo.awaits(name, "up")
    for word, reason in (("db", "db=fail"), ("cache", "cache=fail"), ("disk", "disk=fail"),
                         ("500", "status-500"), ("slow", "timeout")):
        demo.must("--break", "robin", word)
        demo.awaits("robin", "down", reason)
        demo.must("--mend", "robin")
        demo.awaits("robin", "up")
    demo.must("--break", "heron", "lie")
    eventually("the lie is found by real traffic",
               lambda: "eject" in json.dumps(demo.endpoint("heron")), within=10, every=0.05)
    demo.must("--mend", "heron")
    demo.must("--kill", "wren")
    demo.awaits("wren", "down", "connect-refused")
    expect("127.0.0.11" not in demo.addresses(), "the killed origin is still in DNS answers")
    status, text = demo.act("--kill", "wren")
    expect_equal(status, 1, f"killing it twice: {text}")
    demo.must("--revive", "wren")
    demo.awaits("wren", "up")
    for wrong in (["--kill", "nobody"], ["--break", "wren", "nothing"], ["--break", "wren"],
                  ["--what"], ["--kill", "wren", "--mend", "wren"]):
        status, text = demo.act(*wrong)
        expect_equal(status, 2, f"{wrong}: {text}")


@scenario("two demos share nothing, and one that crashed is cleared away by the next", 120)
def several(scene):
    first = Demo(scene, "first")
    second = Demo(scene, "second")
    expect(first.folder != second.folder and first.http != second.http
           and first.dns != second.dns and first.admin != second.admin, "they share a place")
    status, text = first.act("--kill", "wren")
    expect_equal(status, 1, f"which of two: {text}")
    second.must("--demo", "2", "--kill", "wren")
    second.awaits("wren", "down")
    expect_equal(first.endpoint("wren")["health"], "up", "the other demo's origin")
    family = descendants(first.process.pid)
    first.process.kill()
    first.process.wait()
    eventually("nothing outlives a crash",
               lambda: all(process_state(pid) in ("", "Z", "X") for pid in family), within=15)
    expect(os.path.exists(first.folder), "a crash leaves the folder")
    third = Demo(scene, "third")
    expect_equal(third.folder, first.folder, "the folder is used again")
    third.awaits("wren", "up")
    expect_equal(second.stop(signal.SIGTERM), 0, "the exit status after TERM")
    expect_equal(third.get(third.http + "/")[0], 200, "the other one goes on")
