# SPDX-License-Identifier: Apache-2.0
"""Other people's programs beside Martlet, from Debian: proxies, a resolver, DNS servers."""
import os
import shutil
import socket
import subprocess
import time

from .ask import ask_dns
from .check import Failure, eventually
from .martlet import memory


class Peer:
    """One foreign process in the foreground, ended with its scene."""

    def __init__(self, scene, name, command, port, address="127.0.0.1"):
        self.address = address
        self.log_path = scene.path(f"{name}.log")
        self.name, self.command, self.port = name, command, port
        if shutil.which(command[0]) is None:
            raise Failure(f"{command[0]} is missing: scripts/setup test")
        scene.started.append(self)
        self.start()

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        limit = time.monotonic() + 5
        while True:
            try:
                socket.create_connection((self.address, self.port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > limit:
                    raise Failure(f"{self.name} did not start: {self.log()[-500:]}")
                time.sleep(0.02)

    def restart(self):
        """For one that hangs, and so does not end by itself."""
        self.process.kill()
        self.process.wait()
        self.start()

    def memory(self):
        """Bytes of memory in use (proportional set size) by the process and its children."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            children = file.read().split()
        return sum(memory(pid) for pid in [self.process.pid, *children])

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return ""


def haproxy(scene, port, text, name="haproxy"):
    """HAProxy with these sections behind common defaults."""
    path = scene.write(f"{name}.cfg", f"""
global
  maxconn 200
defaults
  mode tcp
  timeout connect 2s
  timeout client 10s
  timeout server 10s
{text}""")
    return Peer(scene, name, ["haproxy", "-db", "-f", path], port)


def nginx(scene, port, text, name="nginx", connections=256):
    """nginx with these lines in its http block, and so many connections at most."""
    folder = scene.path(name)
    os.makedirs(folder)
    kinds = "".join(f"  {kind}_temp_path {folder}/{kind};\n"
                    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path = scene.write(f"{name}.conf", f"""
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections {connections}; }}
http {{
  access_log off;
{kinds}
{text}
}}
""")
    return Peer(scene, name, ["nginx", "-c", path, "-e", f"{folder}/error.log"], port)


def unbound(scene, port, zones, text="", name="unbound"):
    """Unbound as a caching resolver: `zones` maps each zone to the port that is asked for it."""
    stubs = "".join(f"stub-zone:\n  name: {zone}\n  stub-addr: 127.0.0.1@{at}\n"
                    for zone, at in zones.items())
    path = scene.write(f"{name}.conf", f"""
server:
  interface: 127.0.0.1
  port: {port}
  username: ""
  chroot: ""
  directory: "{scene.folder}"
  pidfile: "{scene.path(name + '.pid')}"
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  module-config: iterator
  qname-minimisation: no
  local-zone: "test." nodefault
{text}
{stubs}
remote-control:
  control-enable: no
""")
    return Peer(scene, name, ["unbound", "-d", "-c", path], port)


def gdnsd_folder(scene, name, config, zones):
    """A configuration folder of gdnsd: its `config`, and zone files by zone."""
    folder = scene.path(name)
    os.makedirs(f"{folder}/zones")
    with open(f"{folder}/config", "w") as file:
        file.write(config)
    for zone, text in zones.items():
        with open(f"{folder}/zones/{zone}", "w") as file:
            file.write(text)
    return folder


def gdnsd(scene, config, zones):
    """gdnsd with this configuration, which listens on the address NAMESERVER; its port."""
    port = scene.port()
    config = config.replace("NAMESERVER", (
        f"127.0.0.1:{port}, run_dir => {scene.path('gdnsd-run')}, "
        f"state_dir => {scene.path('gdnsd-state')}"))
    folder = gdnsd_folder(scene, "gdnsd", config, zones)
    Peer(scene, "gdnsd", ["gdnsd", "-c", folder, "start"], port)
    return port


def gdnsd_check(scene, config, zones):
    """(exit status, what it says) of gdnsd's own check of a configuration."""
    folder = gdnsd_folder(scene, "gdnsd-check", config.replace("NAMESERVER", "127.0.0.1"), zones)
    done = subprocess.run(["gdnsd", "-c", folder, "checkconf"], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=10)
    return done.returncode, (done.stdout + done.stderr).decode()


def powerdns(scene, settings, zones):
    """PowerDNS with these settings and zones, which its `bind` backend reads; its port."""
    port, folder = scene.port(), scene.path("powerdns")
    os.makedirs(folder)
    named = ""
    for zone, text in zones.items():
        path = scene.write(f"powerdns/{zone}.zone", text)
        named += f'zone "{zone}" {{ type master; file "{path}"; }};\n'
    scene.write("powerdns/pdns.conf", f"""{settings}
bind-config={scene.write("powerdns/named.conf", named)}
local-address=127.0.0.1
local-port={port}
socket-dir={folder}
guardian=no
daemon=no
disable-syslog=yes
setuid=
setgid=
""")
    Peer(scene, "powerdns", ["pdns_server", f"--config-dir={folder}"], port)
    return port


def knot(scene, zones, server="", more="", name="knot", waits=True):
    """Knot DNS with these zones, a mapping from names to files; it serves at its `port`.

    `server` are further lines of that section, `more` further sections.
    """
    port = scene.port()
    lines = "".join(f'  - domain: "{name}"\n    file: {file}\n' for name, file in zones.items())
    path = scene.write(f"{name}.conf", f"""
server:
  rundir: {scene.path(name)}-run
  listen: 127.0.0.1@{port}
  udp-max-payload: 4096
{server}
database:
  storage: {scene.path(name)}
log:
  - target: stderr
    any: info
{more}
zone:
{lines}""")
    os.makedirs(f"{scene.path(name)}-run")
    peer = Peer(scene, name, ["knotd", "-c", path], port)
    if waits:
        eventually("Knot has looked at every zone", lambda: all(
            ask_dns(port, name, "SOA").rcode == 0
            or f"[{name}.] failed to parse zone file" in peer.log() for name in zones))
    peer.port = port
    return peer


def nsd_server(scene, name, port, address="127.0.0.1"):
    """The head of a configuration of NSD, which keeps all its files in the scene's folder."""
    return f"""server:
  ip-address: {address}@{port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{scene.folder}"
  pidfile: "{scene.path(name + '.pid')}"
  xfrdfile: "{scene.path(name + '.xfrd')}"
  xfrdir: "{scene.folder}"
  zonelistfile: "{scene.path(name + '.list')}"
  cookie-secret-file: "{scene.path(name + '.cookie')}"
  database: ""
"""


def nsd(scene, zones, name="nsd"):
    """NSD with these zones, a mapping from names to files; it serves at its `port`."""
    port = scene.port()
    lines = "".join(f'zone:\n  name: "{zone}"\n  zonefile: "{file}"\n'
                    for zone, file in zones.items())
    path = scene.write(f"{name}.conf", f"""
{nsd_server(scene, name, port)}  ipv4-edns-size: 4096
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
{lines}""")
    return Peer(scene, name, ["nsd", "-d", "-c", path], port)


def bind(scene, zones, name="bind"):
    """BIND with these zones, a mapping from names to files, without recursion; at its `port`.

    What it would only refuse as unwise is let in; answers are as short as it can make them.
    """
    port = scene.port()
    lines = "".join(f'zone "{zone}" {{ type primary; file "{file}"; }};\n'
                    for zone, file in zones.items())
    path = scene.write(f"{name}.conf", f"""
options {{
  directory "{scene.folder}";
  pid-file "{scene.path(name + '.pid')}";
  session-keyfile "{scene.path(name + '.key')}";
  managed-keys-directory "{scene.folder}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion no;
  notify no;
  dnssec-validation no;
  empty-zones-enable no;
  minimal-responses no-auth;
  answer-cookie no;
  edns-udp-size 4096;
  max-udp-size 4096;
  check-names primary ignore;
  check-integrity no;
  check-mx ignore;
  check-mx-cname ignore;
  check-srv-cname ignore;
  check-sibling no;
  check-spf ignore;
  check-wildcard no;
  max-records-per-type 0;
  max-types-per-name 0;
  zero-no-soa-ttl no;
}};
controls {{ }};
{lines}""")
    return Peer(scene, name, ["named", "-g", "-n", "1", "-c", path], port)
