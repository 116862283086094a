# SPDX-License-Identifier: Apache-2.0
"""Frames that somebody makes on purpose: the kernel's own network stack says what is answered."""
import json
import os
import signal
import struct
import subprocess

from harness import eventually, expect, expect_equal, scenario
from harness.frames import SENDER, frame, question
from harness.martlet import martlet_command
from harness.wire import Wire

import xdp


def hardware(wire):
    """The Ethernet addresses: the clients', ours."""
    def address(*words):
        text = subprocess.run(["ip", *words], capture_output=True, text=True).stdout
        return text.split("link/ether ")[1].split()[0]
    return (address("-n", wire.space, "link", "show", "dev", wire.there),
            address("link", "show", "dev", wire.end_here))


def frames_of(wire, port):
    """Frames by what is to be said of them, each with a number of its own."""
    macs = hardware(wire)
    made = {}

    def add(name, size=None, to=None, at=None, ports=None, macs=macs, data=None, **wrong):
        for ip in (4, 6):
            if f"IPv{10 - ip}" in name:
                continue
            number = len(made) + 1
            ours = wire.ipv4 if ip == 4 else wire.ipv6
            client = ours[:-1] + "2"
            one = frame(question(number) if data is None else data(number), at or client,
                        to or ours, macs, ports or (40_000, port), **wrong)
            made[f"{name.split(', IPv')[0]}, IPv{ip}"] = (number, one[:size] if size else one)

    add("a query")
    add("octets behind the packet", tail=b"\xee" * 30)
    add("a wrong UDP checksum", udp_sum=lambda right: right ^ 0x0101)
    add("no UDP checksum", udp_sum=0)
    add("a UDP length that is too long", udp_length=200)
    add("a UDP length of 7", udp_length=7)
    add("a UDP length of 0", udp_length=0)
    add("a UDP length of 65535", udp_length=65_535)
    add("an IP length that is too long", ip_length=400)
    add("an IP length of 65535", ip_length=65_535)
    add("an IP length of a head, IPv4", ip_length=20)
    add("an IP length below a head, IPv4", ip_length=19)
    add("an IP length of zero, IPv4", ip_length=0)
    add("an IP length of 7, IPv6", ip_length=7)
    add("a wrong IP checksum, IPv4", ip_sum=0x1111)
    add("IP version 5", version=0x55)
    add("IP version 6 as type 4, IPv4", version=0x65)
    add("a head of four words, IPv4", version=0x44)
    add("a head of fifteen words that are not there, IPv4", version=0x4F)
    add("options, IPv4", options=b"\x01\x01\x01\0")
    add("a first fragment, IPv4", fragment=0x2000)
    add("a last fragment, IPv4", fragment=0x0010)
    add("the reserved flag, IPv4", fragment=0x8000)
    add("not to be taken apart, IPv4", fragment=0x4000)
    add("one hop left", hops=1)
    add("TCP", protocol=6)
    add("a payload of nothing", data=lambda number: b"")
    add("a question cut short", data=lambda number: question(number)[:20])
    add("an answer", data=lambda number: struct.pack("!HH", number, 0x8000) + question(number)[4:])
    add("destination options, IPv6", protocol=60, extension=b"\x11\0\x01\x04\0\0\0\0")
    add("hop-by-hop options, IPv6", protocol=0, extension=b"\x11\0\x01\x04\0\0\0\0")
    add("a whole datagram in one fragment, IPv6", protocol=44, extension=b"\x11\0\0\0\0\0\0\1")
    add("another port", ports=(40_000, port + 1))
    add("port zero as source", ports=(0, port))
    add("another host of Ethernet", macs=(macs[0], "02:00:00:00:00:77"))
    add("all hosts of Ethernet, IPv4", macs=(macs[0], "ff:ff:ff:ff:ff:ff"))
    add("another address, IPv4", to=wire.ipv4[:-1] + "77")
    add("another address, IPv6", to=wire.ipv6[:-1] + "77")
    add("all hosts of the network, IPv4", to=wire.ipv4[:-1] + "255")
    add("our own address as source, IPv4", at=wire.ipv4)
    add("our own address as source, IPv6", at=wire.ipv6)
    add("all hosts as source, IPv4", at="255.255.255.255")
    add("this host as source, IPv4", at="127.0.0.1")
    add("this host as source, IPv6", at="::1")
    add("nobody as source, IPv4", at="0.0.0.0")
    add("nobody as source, IPv6", at="::")
    add("a group as source, IPv4", at="224.0.0.1")
    add("a group as source, IPv6", at="ff02::1")
    add("a tag of another VLAN", tags=struct.pack("!HH", 0x8100, 100))
    add("two tags", tags=struct.pack("!HHHH", 0x88A8, 100, 0x8100, 100))
    add("a type of IPv6 on IPv4, IPv4", type=0x86DD)
    add("a type of IPv4 on IPv6, IPv6", type=0x0800)
    for size in (14, 15, 33, 34, 41, 42, 53, 54, 61, 62, 70):
        add(f"cut after {size} octets", size=size)
    return made


def answered(scene, wire, made):
    """The names of the frames that are answered."""
    scene.write("frames", json.dumps([one.hex() for _, one in made.values()]))
    text = wire.run("python3", "-c", SENDER, wire.there, scene.path("frames"), "0.7")
    numbers = set(json.loads(text))
    return {name for name, (number, _) in made.items() if number in numbers}


@scenario("frames made on purpose are answered at an interface as the kernel's sockets answer them")
def as_the_kernel(scene):
    wire = Wire(scene)
    for mode in ("generic", "native"):
        port, on, off, martlet = xdp.start(scene, wire, mode)
        eventually(f"{mode} mode", lambda: xdp.is_taken(martlet, mode))
        # The neighbours are known to each other before it counts.
        for server in (wire.ipv4, wire.ipv6):
            wire.dig(port, "www.example.com", server=server)
        made = frames_of(wire, port)
        taken_before = xdp.taken(martlet)
        by_interface = answered(scene, wire, made)
        expect(xdp.taken(martlet) > taken_before + 20, "frames came by the interface")
        martlet.reload(off)
        eventually("sockets alone", lambda: not wire.program())
        for server in (wire.ipv4, wire.ipv6):
            wire.dig(port, "www.example.com", server=server)
        by_sockets = answered(scene, wire, made)
        expect({"a query, IPv4", "a query, IPv6"} <= by_sockets, lambda: f"sockets: {by_sockets}")
        expect_equal(sorted(by_interface - by_sockets), [], f"{mode}: only at the interface")
        expect_equal(sorted(by_sockets - by_interface), [], f"{mode}: only by sockets")
        # Not one of them did harm.
        martlet.reload(on)
        eventually("taken again", lambda: xdp.is_taken(martlet, mode))
        expect("192.0.2.7" in wire.dig(port, "+short", "www.example.com"), "and it goes on")
        martlet.stop()
        eventually("nothing is left", lambda: not wire.program())


@scenario("more frames than a ring holds are dropped and counted, and every frame comes back")
def full_rings(scene):
    wire = Wire(scene)
    for mode in ("generic", "native"):
        port, on, off, martlet = xdp.start(scene, wire, mode)
        eventually("taken", lambda: xdp.is_taken(martlet, mode))
        macs = hardware(wire)
        client = wire.ipv4[:-1] + "2"
        # As many again in every round: frames that are lost would be missing in the third.
        for turn in range(3):
            before = martlet.metric("martlet_dns_xdp_dropped_total", reason="ring-full")
            frames = [frame(question(n & 0xFFFF), client, wire.ipv4, macs, (40_000, port)).hex()
                      for n in range(5600)]
            scene.write("frames", json.dumps(frames))
            pid = martlet.serving()
            os.kill(pid, signal.SIGSTOP)
            try:
                wire.run("python3", "-c", SENDER, wire.there,
                         scene.path("frames"), "0")
            finally:
                os.kill(pid, signal.SIGCONT)
            eventually("answered again",
                       lambda: "192.0.2.7" in wire.dig(port, "+short", "www.example.com"))
            eventually("what no ring held is counted", lambda: martlet.metric(
                "martlet_dns_xdp_dropped_total", reason="ring-full") - before > 1000)
        expect(xdp.taken(martlet) >= 12_000, lambda: f"frames came back: {xdp.taken(martlet)}")
        martlet.stop()


@scenario("addresses of a bridge or a VLAN above an interface that is taken are left to sockets")
def above(scene):
    wire = Wire(scene)
    upper = wire.end_here + "u"

    def served(kind, address):
        for mode in ("generic", "native"):
            port, on, off, martlet = xdp.start(scene, wire, mode)
            eventually("taken", lambda: xdp.is_taken(martlet, mode))
            before = xdp.taken(martlet)
            for _ in range(3):
                eventually(f"the {kind} is served", lambda: "192.0.2.7" in wire.dig(
                    port, "+short", "www.example.com", server=address))
            expect_equal(xdp.taken(martlet), before, f"{kind}, {mode}: by sockets")
            martlet.stop()

    # Not every kernel has VLANs.
    if wire.ip("link", "add", "link", wire.end_here, "name", upper, "type", "vlan", "id", "7"):
        wire.ip("-n", wire.space, "link", "add", "link", wire.there, "name", upper, "type", "vlan",
                "id", "7")
        for where, last in (((), 1), (("-n", wire.space), 2)):
            wire.ip(*where, "addr", "add", f"198.51.100.{last}/24", "dev", upper)
            wire.ip(*where, "link", "set", upper, "up")
        served("VLAN", "198.51.100.1")
        wire.ip("link", "del", upper)
    expect(wire.ip("link", "add", "name", upper, "type", "bridge"), "a bridge")
    try:
        wire.ip("addr", "flush", "dev", wire.end_here)
        wire.ip("link", "set", wire.end_here, "master", upper)
        wire.ip("addr", "add", f"{wire.ipv4}/24", "dev", upper)
        wire.ip("link", "set", upper, "up")
        served("bridge", wire.ipv4)
    finally:
        wire.ip("link", "del", upper)


@scenario("an upgrade in place hands an interface on, and says no more than that", limit=120)
def upgraded(scene):
    wire = Wire(scene)
    port, on, off, martlet = xdp.start(scene, wire, "native")
    eventually("taken", lambda: xdp.is_taken(martlet, "native"))
    first = wire.program()
    for count in (1, 2):
        done, out, err = martlet_command(scene, "upgrade", "--admin", f"127.0.0.1:{martlet.admin}")
        expect_equal(done, 0, f"upgrade: {out} {err}")
        eventually("upgraded", lambda: martlet.snapshot()["process"]["upgrades"] == count,
                   within=20)
        expect("192.0.2.7" in wire.dig(port, "+short", "www.example.com"), "served meanwhile")
        eventually("taken by the new process", lambda: xdp.is_taken(martlet, "native"), within=20)
        expect(wire.program() not in ("", first), "by a program of its own")
        before = xdp.taken(martlet)
        expect("192.0.2.7" in wire.dig(port, "+short", "www.example.com"), "served")
        expect(xdp.taken(martlet) > before, "at the interface")
        first = wire.program()
    expect("M3132" not in martlet.log(), lambda: f"no alarm: {martlet.log()}")
    martlet.expected_exit = -signal.SIGKILL
    martlet.signal(signal.SIGKILL)
    martlet.process.wait(5)
    eventually("no program is left", lambda: not wire.program(), within=3)


@scenario("an interface that goes and comes back is taken again")
def replaced(scene):
    wire = Wire(scene)
    port, on, off, martlet = xdp.start(scene, wire, "native")
    eventually("taken", lambda: xdp.is_taken(martlet, "native"))
    wire.ip("link", "del", wire.end_here)
    eventually("it is told", lambda: "M3142" in martlet.log(), within=10)
    wire.connect()
    eventually("served by sockets at least",
               lambda: "192.0.2.7" in wire.dig(port, "+short", "www.example.com"))
    eventually("taken again", lambda: xdp.is_taken(martlet, "native"), within=20)
    before = xdp.taken(martlet)
    expect("192.0.2.7" in wire.dig(port, "+short", "www.example.com"), "served")
    expect(xdp.taken(martlet) > before, "at the interface")
    martlet.stop()
    eventually("no program is left", lambda: not wire.program(), within=3)
