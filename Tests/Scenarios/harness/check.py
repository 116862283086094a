# SPDX-License-Identifier: Apache-2.0
"""Expectations of a scenario: a failure says what was expected and what was seen."""
import time


class Failure(Exception):
    """A scenario did not see what it must see."""


def expect(condition, message):
    if not condition:
        raise Failure(message() if callable(message) else message)


def expect_equal(seen, wanted, what):
    if seen != wanted:
        raise Failure(f"{what}: expected {wanted!r}, saw {seen!r}")


def eventually(what, question, within=15.0, every=0.005):
    """Asks until the answer is true and returns it. A wait with an end, never a bare sleep."""
    end = time.monotonic() + within
    last = None
    while True:
        try:
            answer = question()
            if answer:
                return answer
            last = answer
        except (OSError, ValueError, KeyError, LookupError) as error:
            last = error
        if time.monotonic() >= end:
            raise Failure(f"{what}: not within {within} s (last: {last!r})")
        time.sleep(every)


def never(what, question, during=0.5, every=0.02):
    """Asks for a while, and fails as soon as the answer is true."""
    end = time.monotonic() + during
    while time.monotonic() < end:
        answer = question()
        if answer:
            raise Failure(f"{what}: {answer!r}")
        time.sleep(every)
