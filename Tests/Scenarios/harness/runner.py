# SPDX-License-Identifier: Apache-2.0
"""Finds scenarios, runs each in a process and a folder of its own, and counts."""
import glob
import importlib
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback

from .check import Failure

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(HERE))
_found = []
covered = set()


class Skip(Exception):
    """This machine cannot run the scenario; the reason is printed."""


class Options:
    full = False
    keep = False
    # Scenarios at a time: most of their time is waiting.
    lanes = 4
    lane = 0
    martlet = os.environ.get("MARTLET") or os.path.join(ROOT, ".build", "release", "martlet")


# Scenarios that may be asked once more alone; when more fail, it is not for want of a quiet machine.
AGAIN = 3

# Files whose scenarios measure time, CPU or memory, or fill the machine.
ALONE = {"attacks.py", "bad_input.py", "bounds.py", "idle.py", "overload.py", "tls_handshakes.py",
         "upgrade.py"}


def scenario(name, limit=90, covers=()):
    """Marks a function that takes a Scene; `name` is a sentence, `limit` its seconds.

    `covers` lists the options whose effect it shows: with the option, and without.
    """
    def mark(function):
        _found.append((name, limit, function, os.path.basename(function.__code__.co_filename)))
        covered.update(covers)
        return function
    return mark


def main(arguments):
    words = [word for word in arguments if not word.startswith("--")]
    Options.full = "--full" in arguments
    Options.keep = "--keep" in arguments
    for path in sorted(glob.glob(os.path.join(HERE, "*.py"))):
        importlib.import_module(os.path.basename(path)[:-3])
    chosen = [
        entry for entry in _found
        if not words or any(word in entry[0] or word in entry[3] for word in words)
    ]
    if "--list" in arguments:
        for name, _, _, file in chosen:
            print(f"{file}: {name}")
        return 0
    if not os.access(Options.martlet, os.X_OK):
        print(f"no binary at {Options.martlet}: run `make build` first", file=sys.stderr)
        return 1
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    failed, beside = [], []
    for entry, seconds, verdict, text in _all(chosen):
        counts[verdict] += 1
        line = f"{verdict:4}  {entry[3][:-3]}: {entry[0]} ({seconds:.1f} s)"
        print(line + (f"\n      {text}" if text else ""), flush=True)
        if verdict == "FAIL":
            failed.append(line + f": {_gist(text)}")
            if entry[3] not in ALONE:
                beside.append((entry, failed[-1]))
    again = _again(beside, failed, counts) if len(beside) <= AGAIN else 0
    # Once more, because the end of a log is what most people get to see.
    for line in failed:
        print(line)
    tries = f" ({again} of them alone, after they failed beside others)" if again else ""
    print(f"{counts['ok']} passed{tries}, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 1 if counts["FAIL"] or not chosen else 0


def _again(beside, failed, counts):
    """Asks those that failed beside others once more, alone: a busy machine is no fault of theirs.

    What failed first stays in the output; a fault that comes and goes is told as that.
    """
    passed = 0
    for entry, line in beside:
        for _, seconds, verdict, text in _all([entry]):
            print(f"{verdict:4}  {entry[3][:-3]}: {entry[0]}, alone ({seconds:.1f} s)"
                  + (f"\n      {text}" if text else ""), flush=True)
            if verdict == "ok":
                counts["FAIL"] -= 1
                counts["ok"] += 1
                failed[failed.index(line)] = line.replace("FAIL", "then ok alone:", 1)
                passed += 1
    return passed


def _gist(text):
    """One line that says what went wrong: of a traceback, the exception and not its heading."""
    lines = text.splitlines() or [""]
    if not lines[0].startswith("Traceback"):
        return lines[0]
    return next((line.strip() for line in lines[1:] if line.strip() and line[6:7].strip()), lines[0])


def _all(chosen):
    """Runs scenarios side by side, then those alone that have to be; yields what became of each."""
    together = [entry for entry in chosen if entry[3] not in ALONE]
    alone = [entry for entry in chosen if entry[3] in ALONE]
    for waiting, lanes in ((together, Options.lanes), (alone, 1)):
        running = {}
        while waiting or running:
            while waiting and len(running) < lanes:
                lane = next(n for n in range(lanes) if n not in running)
                running[lane] = Isolated(waiting.pop(0), lane)
            until = min(one.deadline for one in running.values())
            readers = [one.reader for one in running.values()]
            select.select(readers, [], [], max(until - time.monotonic(), 0))
            for lane, one in list(running.items()):
                if one.look():
                    del running[lane]
                    yield one.entry, time.monotonic() - one.began, *one.verdict()


class Isolated:
    """A scenario in a child that leads its own process group, so that nothing is left."""

    def __init__(self, entry, lane):
        self.entry = entry
        _, limit, function, _ = entry
        self.folder = tempfile.mkdtemp(prefix="martlet-scenario-")
        # Started as root, the serving process is another account: it must be able to write here.
        os.chmod(self.folder, 0o777)
        self.reader, writer = os.pipe()
        self.text = b""
        self.began = time.monotonic()
        self.deadline = self.began + limit
        self.child = os.fork()
        if self.child == 0:
            os.setpgid(0, 0)
            os.close(self.reader)
            Options.lane = lane
            verdict, text = _run(function, self.folder)
            os.write(writer, f"{verdict}\n{text}".encode()[:60000])
            os._exit(0)
        os.close(writer)

    def look(self):
        """True once it is over; one that takes too long is told to end."""
        if time.monotonic() >= self.deadline:
            os.kill(self.child, signal.SIGINT)
            # It has as long again to take itself down.
            self.deadline = time.monotonic() + self.entry[1]
        while select.select([self.reader], [], [], 0)[0]:
            piece = os.read(self.reader, 65536)
            self.text += piece
            if not piece:
                os.close(self.reader)
                os.waitpid(self.child, 0)
                return True
        return False

    def verdict(self):
        verdict, _, reason = self.text.decode(errors="replace").partition("\n")
        if verdict not in ("ok", "FAIL", "skip"):
            verdict, reason = "FAIL", f"the scenario died without a verdict, see {self.folder}"
        if verdict == "FAIL" and Options.keep:
            reason += f"\n      kept: {self.folder}"
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        return verdict, reason.replace("\n", "\n      ")


def _run(function, folder):
    from .scene import Scene
    scene = Scene(folder, Options)
    verdict, text = "ok", ""

    def stop(*_):
        raise Failure("took longer than its limit")

    signal.signal(signal.SIGINT, stop)
    try:
        function(scene)
    except Skip as reason:
        verdict, text = "skip", str(reason)
    except Failure as failure:
        at = traceback.extract_tb(failure.__traceback__)
        place = next((f for f in reversed(at) if os.path.dirname(f.filename) == HERE), at[-1])
        verdict = "FAIL"
        text = f"{os.path.basename(place.filename)}:{place.lineno}: {failure}"
    except Exception:
        verdict, text = "FAIL", traceback.format_exc(limit=-6).strip()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        crashed = scene.close()
    except Exception:
        crashed = traceback.format_exc(limit=-3).strip()
    if crashed and verdict == "ok":
        verdict, text = "FAIL", crashed
    if verdict == "FAIL":
        text += scene.evidence()
    return verdict, text
