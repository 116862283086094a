# SPDX-License-Identifier: Apache-2.0
"""Every option of the schema has a scenario that shows what it does, with it and without it."""
import json

from harness import expect, expect_equal, runner, scenario
from harness.martlet import martlet_command


def option_paths(schema):
    """The option paths of the printed JSON Schema: `pools.*.endpoints[].weight`."""
    return set(schema["x-options"])


@scenario("every option of the schema is covered by a scenario")
def every_option(scene):
    status, out, err = martlet_command(scene, "schema")
    expect_equal(status, 0, f"martlet schema: {err}")
    options = option_paths(json.loads(out))
    expect(len(options) > 100, f"only {len(options)} options found in the schema")
    missing = sorted(options - runner.covered)
    stale = sorted(runner.covered - options)
    expect(not missing, lambda: f"{len(missing)} options without a scenario: {missing}")
    expect(not stale, lambda: f"covered, but not in the schema: {stale}")
