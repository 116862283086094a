# SPDX-License-Identifier: Apache-2.0
"""Finds scenarios, runs each in a process and a folder of its own, and counts."""
import glob
import importlib
import os
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
    martlet = os.environ.get("MARTLET") or os.path.join(ROOT, ".build", "release", "martlet")


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
    failed = []
    for name, limit, function, file in chosen:
        began = time.monotonic()
        verdict, text = _isolated(function, limit)
        counts[verdict] += 1
        line = f"{verdict:4}  {file[:-3]}: {name} ({time.monotonic() - began:.1f} s)"
        print(line + (f"\n      {text}" if text else ""), flush=True)
        if verdict == "FAIL":
            failed.append(line + f": {_gist(text)}")
    # Once more, because the end of a log is what most people get to see.
    for line in failed:
        print(line)
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 1 if counts["FAIL"] or not chosen else 0


def _gist(text):
    """One line that says what went wrong: of a traceback, the exception and not its heading."""
    lines = text.splitlines() or [""]
    if not lines[0].startswith("Traceback"):
        return lines[0]
    return next((line.strip() for line in lines[1:] if line.strip() and line[6:7].strip()), lines[0])


def _isolated(function, limit):
    """Runs the scenario in a child that leads its own process group, so that nothing is left."""
    folder = tempfile.mkdtemp(prefix="martlet-scenario-")
    # Started as root, the serving process is another account: it must be able to write here.
    os.chmod(folder, 0o777)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.close(reader)
        verdict, text = _run(function, folder)
        os.write(writer, f"{verdict}\n{text}".encode()[:60000])
        os._exit(0)
    os.close(writer)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGINT))
    signal.alarm(limit)
    text = b""
    while piece := os.read(reader, 65536):
        text += piece
    signal.alarm(0)
    os.close(reader)
    os.waitpid(child, 0)
    verdict, _, reason = text.decode(errors="replace").partition("\n")
    if verdict not in ("ok", "FAIL", "skip"):
        verdict, reason = "FAIL", f"the scenario died without a verdict, see {folder}"
    if verdict == "FAIL" and Options.keep:
        reason += f"\n      kept: {folder}"
    else:
        shutil.rmtree(folder, ignore_errors=True)
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
