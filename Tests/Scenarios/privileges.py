# SPDX-License-Identifier: Apache-2.0
"""Started as root, Martlet serves as another account: what root owns must not stand in its way."""
import os
import signal
import tempfile

from harness import Skip, eventually, expect, expect_equal, scenario
from harness.ask import Browser
from harness.service import service


def folder_of_root(scene):
    """A folder that only root can write to, with every folder above it like that too."""
    if os.geteuid() != 0:
        raise Skip("only root can change the account")
    folder = scene.removed_at_end(tempfile.mkdtemp(prefix="martlet-root-", dir="/var/lib"))
    os.chmod(folder, 0o755)
    return folder


def text(path):
    with open(path) as file:
        return file.read()


@scenario("logs in a folder of root are written as root finds, rotates and reloads them")
def logs_of_root(scene):
    folder = folder_of_root(scene)
    origin, = scene.origins("a")
    http = scene.port()
    events, access, other = (f"{folder}/{name}.log" for name in ("events", "access", "other"))
    # As `touch` or logrotate leave them: root's, closed to everybody else.
    for path in (events, access):
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    head = f"log: {{ output: {events}, access: {{ output: %s }} }}\n"
    rest = service(http, None, [origin])
    martlet = scene.martlet(head % access + rest)
    browser = Browser(http)
    browser.ask("/one")
    eventually("the first request is in the log", lambda: "/one" in text(access))
    expect("process-started" in text(events), "the events are in their file")
    os.rename(access, access + ".1")
    martlet.signal(signal.SIGUSR1)
    eventually("USR1 makes the file anew", lambda: os.path.exists(access))
    browser.ask("/two")
    eventually("the second request is in it", lambda: "/two" in text(access))
    expect("/two" not in text(access + ".1"), "nothing goes to the old file any more")
    martlet.reload(head % other + rest)
    browser.ask("/three")
    eventually("a reload makes a new file", lambda: "/three" in text(other))
    expect("log-failed" not in text(events) + martlet.log(), "no log has failed")


@scenario("a link in the place of a log is not followed with the rights of root")
def link_for_log(scene):
    folder = folder_of_root(scene)
    origin, = scene.origins("a")
    http = scene.port()
    secret, access = f"{folder}/secret", f"{folder}/access.log"
    os.close(os.open(secret, os.O_CREAT | os.O_WRONLY, 0o600))
    os.symlink(secret, access)
    martlet = scene.martlet(f"log: {{ access: {{ output: {access} }} }}\n"
                            + service(http, None, [origin]))
    expect_equal(Browser(http).ask()[0], 200, "it serves all the same")
    eventually("it says that the log cannot be opened",
               lambda: "cannot be opened by the account" in martlet.log())
    expect_equal((os.stat(secret).st_uid, text(secret)), (0, ""), "owner and content")


@scenario("state that root or another account left behind is taken over")
def state_of_others(scene):
    folder = folder_of_root(scene)
    origin, = scene.origins("a")
    http, dns = scene.port(), scene.port()
    # The folder in between is root's and is made by Martlet: the account must get through it.
    state = f"{folder}/between/state"
    rest = f"state: {state}\n" + service(http, dns, [origin])
    martlet = scene.martlet("user: games\n" + rest)
    martlet.patch("web", origin.at, {"administrative": "draining"})
    martlet.stop()
    expect("state" not in martlet.log().replace(state, ""), lambda: martlet.log())
    again = scene.martlet(rest)
    expect_equal(again.endpoint("web", origin.at)["administrative"], "draining",
                 "the state after a start as another account")
    again.patch("web", origin.at, {"administrative": "ready"})
    expect("Permission denied" not in again.log(), lambda: again.log())
