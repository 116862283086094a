# SPDX-License-Identifier: Apache-2.0
"""What processes have used of the cores, by the kernel's count of nanoseconds."""
import os


def family(pid):
    """A process and all that it has started."""
    found = [pid]
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as file:
            for child in file.read().split():
                found += family(int(child))
    return found


def scheduled(pids):
    """Seconds on a core, of all threads."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                total += int(file.read().split()[0])
    return total / 1e9
