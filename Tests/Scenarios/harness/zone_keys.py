# SPDX-License-Identifier: Apache-2.0
"""Keys of signed zones: brought from elsewhere, and what Martlet says of them."""
import json
import os
import pwd
import subprocess

from .check import expect
from .martlet import martlet_command


def bring(scene, state, zone, algorithm="ecdsa-p256-sha256", role="csk"):
    """Gives a zone a key from elsewhere: it counts as one that has been signing, so its CDS is
    there from the first moment."""
    path = scene.path(f"{zone}-{role}.pem")
    kind = (["-algorithm", "ed25519"] if algorithm == "ed25519"
            else ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
    subprocess.run(["openssl", "genpkey", *kind, "-out", path], check=True, capture_output=True)
    status, out, err = martlet_command(
        scene, "zone", "import-keys", zone, path, "--state", state, "--role", role)
    expect(status == 0, f"import-keys: {status} {out}{err}")
    hand_over(state)
    return out.split()[-1]


def hand_over(state):
    """Gives a state folder to the account that serves: where everybody may write, as in the folder
    of a scenario, Martlet does not do that by itself."""
    if os.geteuid() != 0:
        return
    account = pwd.getpwnam("nobody")
    for folder, _, files in os.walk(state):
        for path in [folder, *(os.path.join(folder, name) for name in files)]:
            os.chown(path, account.pw_uid, account.pw_gid)


def sign_status(scene, martlet, zone):
    """What `martlet zone sign-status` says of one zone, as data."""
    status, out, err = martlet_command(
        scene, "zone", "sign-status", zone, "--admin", f"127.0.0.1:{martlet.admin}", "--json")
    expect(status == 0, f"sign-status: {status} {out}{err}")
    return json.loads(out)["zones"][0]
