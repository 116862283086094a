# SPDX-License-Identifier: Apache-2.0
"""Martlet itself, as a user runs it: a configuration file, a process, signals and the admin API."""
import http.client
import json
import os
import signal
import subprocess
import time

from .check import Failure, eventually, expect


def memory(pid, kind="Pss"):
    """Bytes of memory that a process uses: its proportional set size."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            if line.startswith(f"{kind}:"):
                return int(line.split()[1]) * 1024
    raise OSError(f"no {kind}")


class Martlet:
    def __init__(self, scene, configuration, admin=None, wait=True, environment=None, limits=None):
        self.scene = scene
        self.admin = admin or scene.port()
        self.wait = wait
        self.environment = environment or {}
        self.limits = limits
        self.number = sum(isinstance(thing, Martlet) for thing in scene.started)
        self.config = scene.path(f"martlet{self.number}.yaml")
        self.output = scene.path(f"martlet{self.number}.log")
        self.access_log = scene.path(f"access{self.number}.log")
        self.state = scene.path(f"state{self.number}")
        self.process = None
        self.expected_exit = None
        self.configure(configuration)

    # The file. Scenarios give what matters to them; admin, state and log are added here.

    def configure(self, text):
        head = ""
        if "\nadmin:" not in "\n" + text:
            head += f"admin: {{ listen: 127.0.0.1:{self.admin} }}\n"
        if "\nstate:" not in "\n" + text:
            head += f"state: {self.state}\n"
        if "\nlog:" not in "\n" + text:
            head += f"log: {{ access: {{ output: {self.access_log}, format: json }} }}\n"
        with open(self.config + ".new", "w") as file:
            file.write(head + text)
        os.replace(self.config + ".new", self.config)

    def text(self):
        """What the file holds now, to be changed and reloaded."""
        with open(self.config) as file:
            return file.read()

    # The process.

    def start(self):
        command = [self.scene.options.martlet, "run", "--config", self.config]
        if self.limits:
            command = ["prlimit", *self.limits, "--", *command]
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **self.environment}, cwd=self.scene.folder)
        self.expected_exit = None
        if self.wait:
            self.wait_ready()
        return self

    def wait_ready(self, within=10):
        def ready():
            status = self.process.poll()
            if status is not None:
                raise Failure(f"martlet ended with {status} instead of getting ready")
            return self.api("GET", "/readyz")[0] == 200
        eventually("/readyz says 200", ready, within=within)

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, text=None):
        """Writes the file, sends HUP and waits until the new generation is in force."""
        if text is not None:
            self.configure(text)
        before = self.snapshot()["generation"]
        self.signal(signal.SIGHUP)
        eventually("the reload is in force", lambda: self.snapshot()["generation"] > before)

    def serving(self):
        """The pid of the serving process: the supervisor's only child that is not a zombie."""
        tasks = f"/proc/{self.process.pid}/task"
        children = []
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/children") as file:
                children += [int(word) for word in file.read().split()]
        alive = [pid for pid in children if process_state(pid) not in ("Z", "X", "")]
        if len(alive) != 1:
            raise LookupError(f"{len(alive)} serving processes")
        return alive[0]

    def kill_serving(self):
        """The moment of the kill."""
        pid = eventually("there is one serving process", self.serving, within=3)
        os.kill(pid, signal.SIGKILL)
        return time.monotonic()

    def stop(self, within=40):
        """TERM, and the exit status."""
        self.expected_exit = 0
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.exit_status(within)

    def exit_status(self, within=40):
        try:
            status = self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise Failure(f"martlet still runs {within} s later")
        self.expected_exit = status
        return status

    def end(self):
        if self.process is None:
            return ""
        status = self.process.poll()
        complaint = ""
        if status is not None and status != self.expected_exit:
            complaint = f"martlet ended by itself with status {status}"
        if status is None:
            self.signal(signal.SIGTERM)
            # Two signals at once would be one: the second is sent when the first had its time.
            try:
                self.process.wait(0.3)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGTERM)
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                for pid in descendants(self.process.pid):
                    os.kill(pid, signal.SIGKILL)
                self.process.kill()
                self.process.wait()
                complaint = "martlet did not stop within 3 s of a second TERM"
        crash = next((l for l in self.log().splitlines() if "Fatal error" in l), "")
        return complaint + (f" {crash}" if crash else "")

    # The admin listener.

    def api(self, method, path, body=None, headers=None, timeout=5):
        """(status, headers, bytes) of one admin request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=timeout)
        try:
            data = None if body is None else json.dumps(body).encode()
            fields = {"Content-Type": "application/json"} if data else {}
            connection.request(method, path, data, {**fields, **(headers or {})})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        except http.client.HTTPException as error:
            raise OSError(repr(error))
        finally:
            connection.close()

    def json(self, method, path, body=None, status=200):
        seen, _, data = self.api(method, path, body)
        expect(seen == status, lambda: f"{method} {path}: status {seen}: {data[:500]!r}")
        return json.loads(data) if data else None

    def snapshot(self):
        return self.json("GET", "/api/v1/snapshot")

    def pool(self, name):
        return next(pool for pool in self.snapshot()["pools"] if pool["name"] == name)

    def endpoint(self, pool, address):
        endpoints = self.pool(pool)["endpoints"]
        return next(e for e in endpoints if address in (e["address"], e["name"]))

    def patch(self, pool, address, change, status=200):
        return self.json("PATCH", f"/api/v1/pools/{pool}/endpoints/{address}", change, status)

    def metrics(self, accept=None):
        status, _, data = self.api("GET", "/metrics", headers={"Accept": accept} if accept else None)
        expect(status == 200, f"/metrics: status {status}")
        return data.decode()

    def metric(self, name, **labels):
        """The sum of a metric's samples that carry these labels."""
        total = 0.0
        for line in self.metrics().splitlines():
            head, _, value = line.rpartition(" ")
            found, _, rest = head.partition("{")
            if found == name and all(f'{k}="{v}"' in rest for k, v in labels.items()):
                total += float(value)
        return total

    # What it wrote.

    def log(self):
        try:
            with open(self.output, errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def access(self):
        """The access log as objects. It is written behind: use `access_entry` to wait for one."""
        entries = []
        try:
            with open(self.access_log, errors="replace") as file:
                for line in file:
                    if line.endswith("\n"):
                        entries.append(json.loads(line))
        except FileNotFoundError:
            pass
        return entries

    def access_entry(self, what, matches, within=3):
        def find():
            return next((entry for entry in self.access() if matches(entry)), None)
        return eventually(f"an access log line {what}", find, within=within)

    # What it costs.

    def memory(self, pid=None):
        """Bytes of memory in use (proportional set size) by the serving process."""
        return memory(pid or self.serving())

    def heap(self, pid=None):
        """The same without files: other processes of this program come and go, and share those."""
        return memory(pid or self.serving(), "Pss_Anon")

    def cpu_seconds(self, pid=None):
        with open(f"/proc/{pid or self.serving()}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self, pid=None):
        return len(os.listdir(f"/proc/{pid or self.serving()}/fd"))


def process_state(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def descendants(pid):
    found = []
    for task in glob_tasks(pid):
        try:
            with open(f"{task}/children") as file:
                for word in file.read().split():
                    found += [int(word), *descendants(int(word))]
        except OSError:
            continue
    return found


def glob_tasks(pid):
    try:
        return [f"/proc/{pid}/task/{task}" for task in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def martlet_command(scene, *arguments, within=20):
    """Runs a command of the binary; returns (exit status, standard output, standard error)."""
    done = subprocess.run(
        [scene.options.martlet, *arguments], stdin=subprocess.DEVNULL,
        capture_output=True, timeout=within, cwd=scene.folder)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def now():
    """Seconds of the monotonic clock, the same in every process of this machine."""
    return time.monotonic()
