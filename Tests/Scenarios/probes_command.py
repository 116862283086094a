# SPDX-License-Identifier: Apache-2.0
"""Probes that run programs: their verdicts, and programs that hang, flood, fork and disappear."""
import os
import signal
import subprocess
import sys
import tempfile

from harness import eventually, expect, expect_equal, never, scenario
from harness.ask import ask_dns
from harness.martlet import descendants, martlet_command, process_state
from harness.watch import why

P = "probes.*."
RHYTHM = "interval: 100ms, timeout: 90ms, fast-interval: 100ms, jitter: 0%, rise: 1, fall: 2"


class Programs:
    """Scripts in a folder that only their owner may write to, as Martlet wants it."""

    def __init__(self, scene):
        # A scene's own folder is open to all, so that the serving process can write to it.
        self.scene = scene
        self.folder = scene.removed_at_end(tempfile.mkdtemp(prefix="martlet-commands-"))
        os.chmod(self.folder, 0o755)

    def make(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path + ".new", 0o755)
        os.rename(path + ".new", path)
        return path


def watcher(scene, probes, *, pools=None, more="", **options):
    """A Martlet with a pool of one endpoint for each probe, and a route to the first of them."""
    http = scene.port()
    lines = "".join(f"  {name}: {{ {asked}{rest(asked)} }}\n" for name, asked in probes.items())
    pools = pools or "".join(
        f"  {name}: {{ probe: {name}, endpoints: [ {{ address: 127.0.0.1:9, name: one }} ] }}\n"
        for name in probes)
    martlet = scene.martlet(f"""workers: 1
{more}probes:
{lines}pools:
{pools}listeners: [ {{ http: 127.0.0.1:{http} }} ]
routes: [ {{ host: www.example.com, path: /, pool: {next(iter(probes))} }} ]
""", **options)
    martlet.http = http
    return martlet


def rest(asked):
    """The rhythm of a probe that does not give its own."""
    return f", {RHYTHM}" if "interval" not in asked else ", rise: 1, fall: 2"


def state(martlet, pool):
    return martlet.pool(pool)["endpoints"][0]


def becomes(martlet, pool, health, reason="", within=8):
    def settled():
        endpoint = state(martlet, pool)
        return endpoint["health"] == health and reason in why(endpoint)
    eventually(f"{pool} is {health} {reason}: {why(state(martlet, pool))}", settled, within=within)


def command_process(martlet):
    """The pid of the process that runs commands: the only child of the serving process."""
    for pid in descendants(martlet.serving()):
        if "commands-internal" in command_line(pid) and process_state(pid) not in ("Z", "X", ""):
            return pid
    raise LookupError("nobody runs commands")


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read().replace("\0", " ")
    except OSError:
        return ""


def running(mark):
    """Processes whose command line has this mark: `sleep 300.4711` is nobody else's."""
    return [pid for pid in os.listdir("/proc") if pid.isdigit()
            and mark in command_line(pid) and process_state(pid) not in ("Z", "X", "")]


def text(path):
    with open(path) as file:
        return file.read()


@scenario("a command decides by its exit status, and what it says is shown", 40, covers=[
    P + "command", P + "arguments", P + "exit"])
def verdicts(scene):
    programs = Programs(scene)
    says = scene.write("says", "all is well")
    ends = scene.write("ends", "0")
    check = programs.make("check", f"""
cat
cd {scene.folder}
printf '%s\\n' "$@" > args.new; mv args.new args
env > env.new; mv env.new env
(tr '\\0' '\\n' < /proc/$PPID/environ) > parent.new 2> /dev/null; mv parent.new parent
grep -E 'SigBlk|SigIgn|CapAmb' /proc/self/status > status.new; mv status.new status
echo; printf '  %b\\n' "$(cat {says})"; echo never shown
exit $(cat {ends})
""")
    martlet = watcher(scene, {
        "plain": f"command: {check}, arguments: ['-H', '{{address}}', '{{pool}}:{{port}}', "
                 "'a b;$c', '{{x}'], exit: [0, 1]",
        "killed": "command: " + programs.make("killed", "echo last words; kill -SEGV $$"),
        "steered": f"command: {programs.make('steered', 'echo $MARTLET_ADDRESS; exit 7')}"},
        environment={"SECRET_OF_MARTLET": "x"})
    becomes(martlet, "plain", "up", "all is well")
    expect_equal(text(scene.path("args")).splitlines(),
                 ["-H", "127.0.0.1", "plain:9", "a b;$c", "{x}"], "the arguments")
    given = dict(line.split("=", 1) for line in text(scene.path("env")).splitlines())
    own = {name: given.pop(name) for name in list(given) if name.startswith("MARTLET_")}
    expect_equal(own, {"MARTLET_ADDRESS": "127.0.0.1", "MARTLET_PORT": "9", "MARTLET_POOL": "plain",
                       "MARTLET_ENDPOINT": "one", "MARTLET_PROBE": "plain"}, "its variables")
    # PWD, SHLVL and _ are made by shells.
    expect_equal(set(given) - {"PWD", "OLDPWD", "SHLVL", "_"}, {"PATH"}, "nothing else is inherited")
    # Whoever is not root may not even look.
    parent = [line.split("=")[0] for line in text(scene.path("parent")).splitlines()]
    expect(parent in (["PATH"], []), f"the variables of the process above it: {parent}")
    status = [line.split() for line in text(scene.path("status")).splitlines()]
    # Two signals are the C library's own: posix_spawn leaves them ignored, and nobody can use them.
    own = 3 << 31
    expect(len(status) == 3 and all(int(word, 16) & ~own == 0 for _, word in status),
           f"no signal is blocked or ignored, and no right is passed on: {status}")
    becomes(martlet, "killed", "down", "command-failed ended by signal 11: last words")
    becomes(martlet, "steered", "down", "command-failed exit status 7: 127.0.0.1")

    scene.write("says", "\\033[31mred\\007")
    scene.write("ends", "2")
    becomes(martlet, "plain", "down", "command-failed exit status 2: ?[31mred?")
    expect("plain/one is down: command-failed, exit status 2: ?[31mred?" in martlet.log(), "the log")
    for command in (["status"], ["explain", "http://www.example.com/"]):
        status, out, err = martlet_command(
            scene, *command, "--admin", f"http://127.0.0.1:{martlet.admin}")
        expect(status == 0 and "exit status 2: ?[31mred?" in out, f"{command}: {out}{err}")
    # Another status that passes: up, and worth a word.
    scene.write("says", "load is high")
    scene.write("ends", "1")
    becomes(martlet, "plain", "up", "exit status 1: load is high")
    eventually("the log has it", lambda: "reports exit status 1 (load is high)" in martlet.log())
    passed = martlet.metric("martlet_probe_results_total", pool="plain", result="passed")
    expect(passed > 0, "probes that passed are counted")


@scenario("a command that hangs, forks and ignores TERM is ended whole, and holds up nobody", 40)
def hangs(scene):
    programs = Programs(scene)
    mark = f"300.{scene.port()}"
    hang = programs.make("hang", f"""
trap '' TERM
sleep {mark} &
setsid sleep {mark} &
(setsid sh -c "trap '' TERM HUP; sleep {mark}; :" &)
echo waiting
while :; do sleep {mark}; done
""")
    flood = programs.make("flood", "exec yes")
    much = programs.make("much", "head -c 1048576 /dev/zero | tr '\\0' x")
    shut = programs.make("shut", f"exec >&- 2>&- <&-; sleep {mark}")
    left = programs.make("left", f"sleep {mark} & setsid sleep {mark} & echo done")
    # What it has detached is its own as long as it runs, whoever else ends meanwhile.
    keeps = programs.make("keeps", f"""
cd {scene.folder}
(setsid sh -c 'echo $$ > keeps; exec sleep {mark}' &)
sleep 0.4
kill -0 $(cat keeps) && echo alive
""")
    martlet = watcher(scene, {
        "quick": f"command: {programs.make('quick', 'exit 0')}",
        "keeps": f"command: {keeps}, interval: 800ms, timeout: 790ms",
        "hang": f"command: {hang}", "flood": f"command: {flood}, interval: 500ms, timeout: 450ms",
        "much": f"command: {much}, interval: 500ms, timeout: 450ms",
        "shut": f"command: {shut}", "left": f"command: {left}"})
    becomes(martlet, "hang", "down", "probe-timeout still running: waiting")
    becomes(martlet, "shut", "down", "probe-timeout still running")
    becomes(martlet, "flood", "down", "command-failed more than 4 MiB of output: y")
    becomes(martlet, "much", "up", "x" * 256)
    becomes(martlet, "left", "up", "done")
    becomes(martlet, "keeps", "up", "alive")

    def runs(pool):
        return martlet.metric("martlet_probe_results_total", pool=pool)

    before = runs("quick")
    # Fifteen are due in that time; this machine may be busy with all the others.
    eventually("quick probes go on beside them", lambda: runs("quick") - before >= 7, within=1.5)
    expect_equal(state(martlet, "quick")["health"], "up", "the quick one")
    failed = martlet.metric("martlet_probe_results_total", pool="hang", result="failed")
    expect(failed >= 2, f"the hanging one is asked again: {failed}")
    # Four sleepers of a run of `hang`, one of `shut` and of `keeps`, two of `left` for a moment: never
    # more runs.
    most = len(running(mark))
    expect(most <= 20, f"{most} processes are left behind")
    text = martlet.text()
    expect_equal(state(martlet, "keeps")["health"], "up", "the one that watches what it has detached")
    for name in ("hang", "shut", "left", "keeps"):
        start = text.index(f"  {name}: {{ command")
        text = text[:start] + text[text.index("\n", start) + 1:]
        text = text.replace(f"{{ probe: {name}, endpoints", "{ endpoints")
    martlet.reload(text)
    eventually("nothing of them is left", lambda: not running(mark), within=3)


LEASE = """
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
fcntl.fcntl(os.open(sys.argv[1], os.O_RDONLY), 1024, fcntl.F_WRLCK)
print("held", flush=True)
signal.pause()
"""


@scenario("a program whose file hangs, as on a dead file system, costs its own probe alone", 40)
def dead_file(scene):
    programs = Programs(scene)
    program = programs.make("hang", "echo back")
    # Whoever opens a file under a lease waits for its holder, for 45 s at most.
    holder = subprocess.Popen([sys.executable, "-c", LEASE, program], stdout=subprocess.PIPE)
    try:
        expect_equal(holder.stdout.readline(), b"held\n", "the lease")
        martlet = watcher(scene, {
            "quick": f"command: {programs.make('quick', 'echo fine')}",
            "hang": f"command: {program}", "hang-too": f"command: {program}"})
        becomes(martlet, "hang", "down", "probe-timeout still running")

        def runs(result):
            return martlet.metric("martlet_probe_results_total", pool="quick", result=result)

        before = runs("passed")
        eventually("quick probes go on beside them", lambda: runs("passed") - before >= 7, within=1.5)
        becomes(martlet, "hang-too", "down", "probe-timeout still running")
        failed = martlet.metric("martlet_probe_results_total", pool="hang", result="failed")
        eventually("the hanging one is asked again and again", lambda: martlet.metric(
            "martlet_probe_results_total", pool="hang", result="failed") - failed > 3)
        # On a machine that has much else to do, even a quick program may be late once.
        failed, passed = runs("failed"), runs("passed")
        expect(failed * 10 <= passed, f"the quick one failed {failed} times and passed {passed}")
        starts = martlet.metric("martlet_probe_command_process_starts_total")
        expect_equal(starts, 1, "starts of the process that runs commands")
    finally:
        holder.kill()
        holder.wait()
    becomes(martlet, "hang", "up", "back")


@scenario("what a command has detached goes with the process that runs commands", 60)
def strays(scene):
    programs = Programs(scene)
    mark = f"303.{scene.port()}"
    stray = programs.make("stray", f"""
(setsid sh -c "trap '' TERM HUP; sleep {mark}; :" &)
(setsid sh -c "trap '' TERM HUP; (setsid sleep {mark} &); sleep {mark}; :" &)
echo done
""")
    martlet = watcher(scene, {"stray": f"command: {stray}, interval: 20ms, timeout: 5s"})
    becomes(martlet, "stray", "up", "done")
    asks = martlet.text()
    for turn in range(10):
        martlet.reload(asks.replace("probe: stray, ", ""))
        eventually("nobody runs commands", lambda: not descendants(martlet.serving()), within=4)
        left = running(mark)
        expect(not left, f"{len(left)} are left in turn {turn}")
        before = martlet.metric("martlet_probe_results_total", pool="stray")
        martlet.reload(asks)
        eventually("they run again", lambda: martlet.metric(
            "martlet_probe_results_total", pool="stray") > before)
    martlet.stop()
    eventually("nothing outlives the service", lambda: not running(mark), within=3)


@scenario("signals that are meant for the service end no command and not who runs them", 40)
def signals(scene):
    programs = Programs(scene)
    martlet = watcher(scene, {"quick": f"command: {programs.make('quick', 'echo fine')}"})
    becomes(martlet, "quick", "up", "fine")
    pid = command_process(martlet)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1,
                   signal.SIGUSR2):
        os.kill(pid, number)
        before = martlet.metric("martlet_probe_results_total", result="passed")
        eventually(f"probes go on after {number.name}", lambda: martlet.metric(
            "martlet_probe_results_total", result="passed") > before + 1)
    expect_equal(command_process(martlet), pid, "the process that runs commands")
    expect_equal(martlet.metric("martlet_probe_results_total", result="failed"), 0, "failures")
    martlet.stop()
    eventually("it goes with the service", lambda: process_state(pid) in ("", "Z", "X"), within=3)


@scenario("programs that disappear, or that everybody may change, are not run", 40)
def unusable(scene):
    programs = Programs(scene)
    check = programs.make("check", "echo fine")
    martlet = watcher(scene, {"a": f"command: {check}", "b": f"command: {check}"})
    becomes(martlet, "a", "up", "fine")
    os.chmod(check, 0o757)
    becomes(martlet, "a", "down", f"command-unusable other accounts may change {check}")
    generation = martlet.snapshot()["generation"]
    martlet.signal(signal.SIGHUP)
    eventually("the reload is refused", lambda: "M1411" in martlet.log())
    expect_equal(martlet.snapshot()["generation"], generation, "the generation")
    os.chmod(check, 0o644)
    becomes(martlet, "a", "down", "command-unusable not an executable file")
    os.remove(check)
    becomes(martlet, "a", "down", "command-unusable No such file")
    # What is not there yet is no reason to refuse a file.
    martlet.reload(martlet.text() + "# again\n")
    expect("M1415" in martlet.log(), "the reload warns of it")
    becomes(martlet, "a", "down", "command-unusable")
    programs.make("check", "echo back")
    becomes(martlet, "a", "up", "back")
    scene.write("bad.yaml", "probes:\n  a: { command: check, arguments: '{adress}' }\n")
    status, out, err = martlet_command(scene, "check", scene.path("bad.yaml"))
    expect(status != 0 and "M1410" in out + err and "{adress}" in out + err, f"check: {out}{err}")


@scenario("the process that runs commands is killed: serving goes on, and probes come back", 40)
def killed(scene):
    programs = Programs(scene)
    mark = f"301.{scene.port()}"
    slow = programs.make("slow", f"sleep {mark} & sleep 0.3; echo late")
    origin, = scene.origins("a")
    martlet = watcher(scene, {
        "quick": f"command: {programs.make('quick', 'echo fine')}",
        "slow": f"command: {slow}, interval: 400ms, timeout: 390ms"})
    becomes(martlet, "quick", "up", "fine")
    becomes(martlet, "slow", "up", "late")
    serving, old = martlet.serving(), command_process(martlet)
    eventually("a slow one runs", lambda: running(mark))
    os.kill(old, signal.SIGKILL)
    eventually("what ran has failed",
               lambda: state(martlet, "slow")["latestProbe"].get("reason") == "command-lost")
    becomes(martlet, "slow", "up", "late")
    becomes(martlet, "quick", "up", "fine")
    expect_equal(martlet.serving(), serving, "the serving process")
    new = eventually("another one runs commands", lambda: command_process(martlet))
    expect(new != old, "it is another one")
    log = martlet.log()
    expect("the process that runs commands has gone" in log, "the log says so")
    eventually("the log says how", lambda: "runs commands was ended by SIGKILL" in martlet.log())
    starts = martlet.metric("martlet_probe_command_process_starts_total")
    expect_equal(starts, 2, "starts")
    # Without probes that need it, it goes, and takes with it what runs.
    martlet.reload(martlet.text().replace("probe: quick, ", "").replace("probe: slow, ", ""))
    eventually("nobody runs commands", lambda: not descendants(martlet.serving()), within=3)
    expect(not running(mark), "no command is left")
    # And a serving process that is killed leaves none of it behind.
    martlet.reload(martlet.text().replace("slow: { end", "slow: { probe: slow, end"))
    eventually("a slow one runs again", lambda: running(mark))
    martlet.kill_serving()
    eventually("the old commands are gone, new ones run", lambda: martlet.serving() != serving
               and state(martlet, "slow")["health"] == "up", within=5)
    martlet.stop()
    eventually("no command outlives the service", lambda: not running(mark), within=3)


@scenario("200 runs leave no zombie, no descriptor and no process behind, whatever they do", 40,
          covers=["limits.concurrent-commands"])
def leaves_nothing(scene):
    programs = Programs(scene)
    mark = f"302.{scene.port()}"
    work = programs.make("work", f"(sleep {mark} &); (setsid sleep {mark} &); echo $$; exit 0")
    nap = programs.make("nap", "sleep 0.1; echo $MARTLET_ENDPOINT")
    quick = "interval: 20ms, timeout: 20s, fast-interval: 20ms, jitter: 0%"
    ends = ", ".join(f"{{ address: 127.0.0.1:{port}, name: e{port} }}" for port in range(1, 7))
    martlet = watcher(scene, {"work": f"command: {work}, {quick}", "nap": f"command: {nap}, {quick}"},
                      pools=f"  work: {{ probe: work, endpoints: [ {ends} ] }}\n"
                            f"  nap: {{ endpoints: [ {ends} ] }}\n")

    def runs():
        return martlet.metric("martlet_probe_results_total", result="passed")

    pid = eventually("somebody runs commands", lambda: command_process(martlet))
    eventually("the first ones have run", lambda: runs() > 20)
    before = martlet.descriptors(), martlet.descriptors(pid)
    began = runs()
    eventually("200 more have run", lambda: runs() - began >= 200, within=15)
    expect_equal(martlet.metric("martlet_probe_results_total", result="failed"), 0, "failures")
    expect_equal(command_process(martlet), pid, "the process that runs commands")
    # Some are under way at any time: six at most, each with two pipes.
    after = martlet.descriptors(), martlet.descriptors(pid)
    expect(after[0] <= before[0] + 2 and after[1] <= before[1] + 13, f"descriptors {before} {after}")
    zombies = [p for p in descendants(martlet.serving()) if process_state(p) == "Z"]
    expect(len(zombies) <= 6, f"zombies {zombies}")
    expect(len(running(mark)) <= 24, f"{len(running(mark))} are left behind")

    # One at a time, then as many as there are.
    text = martlet.text().replace("work: { probe: work, ", "work: { ")
    text = text.replace("nap: { end", "nap: { probe: nap, end")
    martlet.reload("limits: { concurrent-commands: 1 }\n" + text)
    eventually("nothing of the former ones is left", lambda: not running(mark))
    eventually("some wait", lambda: martlet.metric(
        "martlet_limit_hits_total", limit="limits.concurrent-commands") > 0)
    most = max(martlet.metric("martlet_probe_commands_running") for _ in range(30))
    expect_equal(most, 1, "at a time")
    martlet.reload(text)
    eventually("all run at a time",
               lambda: martlet.metric("martlet_probe_commands_running") == 6)


@scenario("the example of Documentation/examples starts and judges by its script", 30)
def example(scene):
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Documentation",
                          "examples")
    programs = Programs(scene)
    script = programs.make("check-heartbeat", text(os.path.join(folder, "check-heartbeat")))
    beats = scene.path("workers")
    os.mkdir(beats)
    for name in ("worker-1", "worker-2"):
        scene.write(f"workers/{name}", "")
    told = text(os.path.join(folder, "command-probes.yaml"))
    # Times first: the folder's name is a matter of chance, and may hold the same letters.
    told = told.replace("5s", "300ms").replace("2s", "290ms")
    told = told.replace("/usr/local/lib/martlet/check-heartbeat", script)
    told = told.replace("/run/workers", beats)
    told = told.replace('http: ":8080"', f"http: 127.0.0.1:{scene.port()}")
    martlet = scene.martlet(told)

    def seen(number, health, reason):
        endpoint = martlet.endpoint("workers", f"worker-{number}")
        if endpoint["health"] == health and reason in why(endpoint):
            return True
        raise ValueError(f"{endpoint['health']}: {why(endpoint)}")

    eventually("worker-1 is up", lambda: seen(1, "up", "OK: last heartbeat"))
    os.utime(f"{beats}/worker-2", (0, 0))
    eventually("worker-2 is down", lambda: seen(2, "down", "exit status 2: CRITICAL: last"))
    os.remove(f"{beats}/worker-2")
    eventually("nobody knows", lambda: seen(2, "down", "exit status 3: UNKNOWN: no heartbeat"))


@scenario("commands steer names, count in calculated probes, and go on through an upgrade", 60)
def steers(scene):
    programs = Programs(scene)
    scene.write("bad", "")
    check = programs.make("check", f"grep -q \"$MARTLET_ADDRESS\" {scene.path('bad')} && exit 2; "
                                   "echo \"$MARTLET_POOL $MARTLET_ENDPOINT[$MARTLET_PORT]\"")
    dns = scene.port()
    martlet = scene.martlet(f"""workers: 1
shutdown-grace: 1s
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
probes:
  run: {{ command: {check}, {RHYTHM} }}
  site: {{ of: [ {{ pool: web }} ] }}
  asked: {{ command: {check}, requires: site, port: 81, {RHYTHM} }}
pools:
  web: {{ probe: run, endpoints: [ {{ address: 127.0.0.7:80 }} ] }}
zones:
  example.com:
    soa: {{ primary: ns1.example.com, mailbox: me.example.com }}
    records:
      www: {{ ttl: 1s, steer: www }}
      old: {{ ttl: 1s, steer: old }}
steer:
  www: {{ failover: [ {{ address: 192.0.2.1, probe: run }}, {{ address: 192.0.2.2, probe: asked }} ] }}
  old: {{ failover: [ {{ address: 192.0.2.3, probe: asked }}, {{ address: 192.0.2.4 }} ] }}
""")

    def answers(name, address):
        eventually(f"{name} is {address}",
                   lambda: ask_dns(dns, f"{name}.example.com").addresses == [address])

    answers("www", "192.0.2.1")
    answers("old", "192.0.2.3")
    said = [e["detail"] for p in martlet.snapshot()["pools"] for e in p["endpoints"]]
    expect("www 192.0.2.1[]" in said and "www 192.0.2.2[81]" in said, f"what they were given: {said}")
    scene.write("bad", "192.0.2.1\n")
    answers("www", "192.0.2.2")
    scene.write("bad", "127.0.0.7\n")
    answers("www", "192.0.2.1")
    answers("old", "192.0.2.4")
    scene.write("bad", "")
    answers("old", "192.0.2.3")
    _, out, _ = martlet_command(scene, "failover-time", "www.example.com", "--config", martlet.config)
    expect("run" in out and "asked" in out, f"failover-time counts them: {out}")

    old = command_process(martlet)
    martlet.signal(signal.SIGUSR2)
    eventually("another program serves", lambda: martlet.snapshot()["process"]["upgrades"] == 1)
    never("the name changes", lambda: ask_dns(dns, "www.example.com").addresses != ["192.0.2.1"])
    eventually("one process runs commands, another one", lambda: command_process(martlet) != old,
               within=10)
    eventually("the former one has gone", lambda: process_state(old) in ("", "Z", "X"), within=10)
    scene.write("bad", "192.0.2.1\n")
    answers("www", "192.0.2.2")
