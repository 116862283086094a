# SPDX-License-Identifier: Apache-2.0
"""What scenarios are made of: origins, Martlet itself, a load client, DNS and HTTP questions."""
from .runner import Skip, scenario
from .check import Failure, eventually, expect, expect_equal, never

__all__ = ["Failure", "Skip", "eventually", "expect", "expect_equal", "never", "scenario"]
