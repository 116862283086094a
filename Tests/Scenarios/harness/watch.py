# SPDX-License-Identifier: Apache-2.0
"""Watches what the API and the DNS door say, with the time of every change."""
import threading
import time

from .ask import ask_dns


class Watch:
    """Polls every few milliseconds on a thread; each change is kept with its time."""

    def __init__(self, martlet, dns, name="www.example.com", pool="web"):
        self.martlet, self.dns, self.name, self.pool = martlet, dns, name, pool
        self.seen = {"api": [], "dns": []}
        self.problems = []
        self.running = True
        self.threads = [
            threading.Thread(target=self.follow, args=(kind, question), daemon=True)
            for kind, question in (("api", self.ask_api), ("dns", self.ask_dns))]
        for thread in self.threads:
            thread.start()

    def ask_api(self):
        """The names of the endpoints that take new work, as the API tells."""
        return frozenset(
            e["address"].rpartition(":")[0] for e in self.martlet.pool(self.pool)["endpoints"]
            if e["address"] and takes_work(e))

    def ask_dns(self):
        return frozenset(ask_dns(self.dns, self.name).addresses)

    def follow(self, kind, question):
        seen = self.seen[kind]
        while self.running:
            try:
                answer = question()
                if not seen or seen[-1][1] != answer:
                    seen.append((time.monotonic(), answer))
            except (OSError, LookupError, ValueError) as error:
                self.problems.append((time.monotonic(), kind, repr(error)))
            time.sleep(0.004)

    def stop(self):
        self.running = False
        for thread in self.threads:
            thread.join(2)

    def when(self, kind, address, is_there, since):
        """The first time at or after `since` that the address was seen to be there, or not."""
        before = None
        for moment, answer in self.seen[kind]:
            if moment < since:
                before = answer
            elif (address in answer) == is_there:
                return moment
        if before is not None and (address in before) == is_there and self.seen[kind]:
            return since
        return None


def takes_work(endpoint):
    """Whether an endpoint of the snapshot takes new work."""
    return endpoint["takesWork"] and endpoint["weight"] > 0


def why(endpoint):
    """The reason of an endpoint's state, with its detail."""
    return f"{endpoint['reason']} {endpoint['detail']}"
