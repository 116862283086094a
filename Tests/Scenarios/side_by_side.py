# SPDX-License-Identifier: Apache-2.0
"""Documentation/steering.md, by the files that it shows: gdnsd, PowerDNS and Martlet, asked by dig.

Every cell of its tables that this machine can see is made here from what was answered.
"""
import collections
import glob
import http.server
import os
import re
import shutil
import subprocess
import threading

from harness import Skip, eventually, expect, expect_equal, scenario
from harness.databases import database, place, put
from harness.peer import gdnsd, gdnsd_check, powerdns

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Documentation",
                    "steering.md")
SERVERS = ("gdnsd", "PowerDNS", "Martlet")

# What the page says of the three: rows 1 to 10, and what they answer when told otherwise.
TABLE = {
    "1": ("A 3/4, B 1/4", "A 3/4, B 1/4", "A 3/4, B 1/4"),
    "2": ("A 3/4, B 1/4", "A 3/4, B 1/4", "B"),
    "3": ("refuses the file", "SERVFAIL", "NODATA"),
    "4": ("B", "B", "B"),
    "5": ("A", "A 1/2, B 1/2", "A"),
    "6": ("A, scope /16", "A, scope /24", "A, scope /16"),
    "7": ("B, scope /16", "B, scope /24", "B, scope /16"),
    "8": ("20, then 18, 16", "60", "20, then 18, 16"),
    "9": ("10 of 10", "10 of 10", "8 of 10"),
    "10": ("B", "B or C", "B"),
    "`alive`": ("B", "B", "B"),
    "`share`": ("A 3/4, B 1/4", "-", "A 3/4, B 1/4"),
    "`nothing`": ("-", "-", "NODATA"),
    "`home`": ("A", "A", "A"),
    "`fixed`": ("60", "60", "60"),
    "`every`": ("10 of 10", "10 of 10", "10 of 10"),
}

NETWORKS = {"10.1.0.0/16": place("DE", "EU"), "10.2.0.0/16": place("US", "NA")}
CLIENT = "+subnet=10.1.2.0/24"
FIRSTS = 24
LETTERS = {"127.0.0.11": "A", "127.0.0.12": "B", "127.0.0.13": "C"}

Answer = collections.namedtuple("Answer", "status addresses ttl scope")


def compare(rows, what):
    for key, cells in TABLE.items():
        expect_equal(tuple(rows.get(key, ())), cells, f"row {key} {what}")
    expect_equal(sorted(rows), sorted(TABLE), f"rows {what}")


def told(text):
    """Of the page's tables the cells of the three, by row."""
    found = {}
    for row in re.findall(r"(?m)^\| (\d+|`[a-z]+`) \|(.*)\|$", text.partition("\n## Martlet")[0]):
        cells = [cell.strip() for cell in row[1].split("|")]
        found[row[0]] = cells[2:5] if row[0].isdigit() else cells[1:4]
    return found


def files(text, port, path):
    """The page's files, in its order, for this machine."""
    found = re.findall(r"(?ms)^```(?:yaml)?\n(.*?)^```$", text)
    expect_equal(len(found), 5, "files on the page: Martlet's, two of gdnsd, two of PowerDNS")
    local = [("listen => 192.0.2.53", "listen => NAMESERVER"), ("192.0.2.", "127.0.0."),
             ("com:80/", f"com:{port}/"), ("port: 80,", f"port: {port},"),
             ("port => 80,", f"port => {port},"),
             ("/var/lib/GeoIP/GeoLite2-City.mmdb", path)]
    for here, there in local:
        found = [block.replace(here, there) for block in found]
    return found


def asked(port, names, *options):
    """The answers to these names, one after the other, from one dig."""
    if isinstance(names, str):
        names = [names]
    command = ["dig", "@127.0.0.1", "-p", str(port), "+tries=1", "+time=2", "+noall", "+comments",
               "+answer", *options]
    for name in names:
        command += [f"{name}.example.com", "A"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    answers = []
    for text in done.stdout.decode().split("->>HEADER<<-")[1:]:
        records = re.findall(r"(?m)^\S+\s+(\d+)\s+IN\s+A\s+(\S+)", text)
        scope = re.search(r"CLIENT-SUBNET: \S+/\d+/(\d+)", text)
        answers.append(Answer(re.search(r"status: (\w+)", text)[1], [a for _, a in records],
                              min((int(ttl) for ttl, _ in records), default=None),
                              int(scope[1]) if scope else None))
    if len(answers) < len(names):
        raise OSError(f"{len(answers)} answers to {len(names)} queries")
    return answers


def word(answer):
    if answer.status != "NOERROR":
        return answer.status
    return " and ".join(LETTERS[address] for address in sorted(answer.addresses)) or "NODATA"


def shares(port, name, times=250):
    """`A 3/4, B 1/4`, to the nearest quarter: chance misses it once in some 200,000 times."""
    counts = collections.Counter(word(answer) for answer in asked(port, [name] * times))
    names = {1: "1/4", 2: "1/2", 3: "3/4"}
    if len(counts) == 1:
        return min(counts)
    return ", ".join(f"{key} {names.get(round(4 * counts[key] / times))}" for key in sorted(counts))


def always(port, name):
    """What a name without chance answers; twenty times, should there be chance after all."""
    return shares(port, name, 20)


def parts(port, name):
    """`8 of 10`: how many addresses an answer has, and how many different ones there are."""
    answers = asked(port, [name] * 20)
    sizes = {len(answer.addresses) for answer in answers}
    all_of_them = {address for answer in answers for address in answer.addresses}
    return f"{'/'.join(map(str, sorted(sizes)))} of {len(all_of_them)}"


def located(port, name):
    answer, = asked(port, name, CLIENT)
    return f"{word(answer)}, scope /{answer.scope}"


def at_home(port, name):
    return word(asked(port, name, CLIENT)[0])


def with_firsts(zone):
    """PowerDNS keeps health by address and URL: each of these is asked for the first time."""
    line = re.search(r"(?m)^first .*\n", zone)[0]
    return zone + "".join(line.replace("first", f"first{n}").replace("/healthz", f"/healthz/{n}")
                          for n in range(FIRSTS))


class Well(http.server.BaseHTTPRequestHandler):
    """Says 200 to everything; ten origins would take longer to start than all of the rest."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def always_well(address, port):
    server = http.server.ThreadingHTTPServer((address, port), Well)
    threading.Thread(target=server.serve_forever, daemon=True).start()


class Sides:
    """The three servers on the page's files; A, B and the ten of `many` are alive."""

    def __init__(self, scene, text):
        self.seen = collections.defaultdict(lambda: ["-", "-", "-"])
        port = scene.port()
        self.a, self.b = scene.origins("A", "B", port=port)
        for host in range(21, 31):
            always_well(f"127.0.0.{host}", port)
        cities = put(scene.path("city.mmdb"), database("GeoLite2-City", NETWORKS))
        yaml, config, zone, settings, lua = files(text, port, cities)
        self.refused(scene, config, {"example.com": zone})
        self.ports = {"gdnsd": gdnsd(scene, config, {"example.com": zone})}
        self.first("gdnsd")
        self.ports["PowerDNS"] = powerdns(scene, settings, {"example.com": with_firsts(lua)})
        self.firsts()
        self.ports["Martlet"] = scene.port()
        yaml = yaml.replace('":53"', f"127.0.0.1:{self.ports['Martlet']}")
        self.martlet = scene.martlet(yaml, wait=False)
        self.first("Martlet")
        self.martlet.wait_ready()

    def note(self, key, server, cell):
        self.seen[key][SERVERS.index(server)] = cell

    def refused(self, scene, config, zones):
        """Situation 3 at gdnsd: the same file with weights of 0."""
        zeros = config.replace(", 3 ]", ", 0 ]").replace(", 1 ]", ", 0 ]")
        status, text = gdnsd_check(scene, zeros, zones)
        expect("weight must be an integer in the range 1" in text, text)
        self.note("3", "gdnsd", "refuses the file" if status else "takes the file")

    def first(self, server):
        """Situation 10: the very first answer of a server, whenever that comes."""
        answer = eventually(f"{server} answers", lambda: asked(self.ports[server], "first"),
                            within=10)
        self.note("10", server, word(answer[0]))

    def firsts(self):
        """Situation 10 at PowerDNS, which draws: first answers to many names."""
        answers = asked(self.ports["PowerDNS"], [f"first{n}" for n in range(FIRSTS)])
        # For these it begins to check as well, now that they were asked for.
        asked(self.ports["PowerDNS"], ["standby", "geo", "alive", "many"])
        self.note("10", "PowerDNS", " or ".join(sorted({word(answer) for answer in answers})))

    def row(self, key, question, name, servers=SERVERS):
        """What each of the servers answers, once it has had time to learn of health."""
        for server in servers:
            wanted = TABLE[key][SERVERS.index(server)]

            def look():
                self.note(key, server, question(self.ports[server], name))
                if self.seen[key][SERVERS.index(server)] != wanted:
                    raise ValueError(self.seen[key])
                return True

            eventually(f"{key} at {server} is {wanted}", look, every=0.05)

    def down(self, address):
        """Waits until all three know; what they answer from now on is their last word."""
        for server in ("gdnsd", "PowerDNS"):
            eventually(f"{server} fails over",
                       lambda: word(asked(self.ports[server], "standby")[0]) != "A")
        eventually("Martlet knows of all its members", lambda: all(
            endpoint["health"] == "down"
            for pool in self.martlet.snapshot()["pools"] for endpoint in pool["endpoints"]
            if endpoint["address"] == address and pool["name"] not in ("steer:ttl", "steer:fixed")))

    def lives(self):
        """Situation 8: A fails, and the TTL of its answers is read until it has changed twice."""
        ttls = {(key, server): [] for key in ("8", "`fixed`") for server in SERVERS}

        def look():
            for server in SERVERS:
                both = asked(self.ports[server], ["ttl", "fixed"])
                for key, answer in zip(("8", "`fixed`"), both):
                    if answer.ttl not in ttls[key, server]:
                        ttls[key, server].append(answer.ttl)
            if any(len(ttls["8", server]) < 3 for server in ("gdnsd", "Martlet")):
                raise ValueError(ttls)
            return True

        self.a.health("fail")
        eventually("the TTL has changed twice", look, within=10, every=0.1)
        for (key, server), found in ttls.items():
            rest = f", then {', '.join(map(str, found[1:3]))}" if found[1:] else ""
            self.note(key, server, f"{found[0]}{rest}")


@scenario("gdnsd, PowerDNS and Martlet answer ten situations as the page says")
def ten(scene):
    for program, package in (("gdnsd", "gdnsd"), ("pdns_server", "pdns-server")):
        if shutil.which(program) is None:
            raise Skip(f"{program} is not installed (package {package})")
    for backend in ("bind", "geoip"):
        if not glob.glob(f"/usr/lib/*/pdns/lib{backend}backend.so"):
            raise Skip(f"a backend of PowerDNS is not installed (package pdns-backend-{backend})")
    with open(PAGE) as file:
        text = file.read()
    compare(told(text), "of the page")
    sides = Sides(scene, text)
    sides.row("1", shares, "weighted")
    sides.row("3", always, "zero", servers=("PowerDNS", "Martlet"))
    sides.row("6", located, "geo")
    for key, name in (("9", "many"), ("`every`", "every")):
        sides.row(key, parts, name)
    for server, ttl in zip(SERVERS, (20, 60, 20)):
        eventually(f"{server} has A, and nothing has failed", lambda: all(
            word(answer) == "A" for answer in asked(sides.ports[server], ["standby", "fixed"]))
            and asked(sides.ports[server], "ttl")[0][1:3] == (["127.0.0.11"], ttl))

    sides.lives()
    sides.down(sides.a.address)
    sides.row("4", always, "standby")
    sides.row("2", shares, "weighted")
    sides.row("7", located, "geo")
    sides.row("`alive`", always, "alive")
    sides.row("`share`", shares, "share", servers=("gdnsd", "Martlet"))
    sides.row("`home`", at_home, "home")

    sides.b.health("fail")
    sides.down(sides.b.address)
    sides.row("5", shares, "standby")
    sides.row("`nothing`", always, "nothing", servers=("Martlet",))
    compare(sides.seen, "as they answer")
