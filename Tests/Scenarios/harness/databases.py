# SPDX-License-Identifier: Apache-2.0
"""Small geographic databases in MaxMind's format (version 2.0 of its public description)."""
import ipaddress
import os
import struct


UINT16, UINT32, UINT64 = 5, 6, 9


def encode(value, kind=UINT32):
    """A value of the data section: texts, floats, whole numbers of a kind, lists and mappings."""
    def control(kind, size):
        short = min(size, 29)
        head = bytes([(kind << 5 | short) if kind < 8 else short])
        head += bytes([kind - 7]) if kind > 7 else b""
        return head + (bytes([size - 29]) if short == 29 else b"")

    if isinstance(value, str):
        return control(2, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return control(3, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        data = value.to_bytes(8, "big").lstrip(b"\0")
        return control(kind, len(data)) + data
    if isinstance(value, list):
        return control(11, len(value)) + b"".join(map(encode, value))
    kinds = {"record_size": UINT16, "ip_version": UINT16, "build_epoch": UINT64,
             "binary_format_major_version": UINT16, "binary_format_minor_version": UINT16}
    return control(7, len(value)) + b"".join(
        encode(key) + encode(item, kinds.get(key, UINT32)) for key, item in value.items())


def database(kind, networks, built=1_790_000_000):
    """The bytes of a database of networks (text) with their records, larger networks first."""
    nodes, data = [[None, None]], b""
    for name, record in networks.items():
        network = ipaddress.ip_network(name)
        length = network.prefixlen + (96 if network.version == 4 else 0)
        bits = int(network.network_address)
        node = 0
        for depth in range(length):
            side = bits >> (127 - depth) & 1
            if depth == length - 1:
                nodes[node][side] = ("record", len(data))
                break
            following = nodes[node][side]
            if not isinstance(following, int):
                nodes.append([following, following])
                nodes[node][side] = following = len(nodes) - 1
            node = following
        data += encode(record)

    def number(branch):
        if branch is None:
            return len(nodes)
        return branch if isinstance(branch, int) else len(nodes) + 16 + branch[1]

    tree = b"".join(struct.pack(">II", number(a), number(b)) for a, b in nodes)
    metadata = {
        "node_count": len(nodes), "record_size": 32, "ip_version": 6, "database_type": kind,
        "languages": ["en"], "binary_format_major_version": 2, "binary_format_minor_version": 0,
        "build_epoch": built, "description": {"en": "made for a scenario"}}
    return tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + encode(metadata)


def place(country, continent, part=None, city=None, point=None):
    """The record of a City database."""
    record = {"continent": {"code": continent}, "country": {"iso_code": country}}
    if part:
        record["subdivisions"] = [{"iso_code": part}]
    if city:
        record["city"] = {"names": {"en": city}}
    if point:
        record["location"] = {"latitude": point[0], "longitude": point[1]}
    return record


def put(path, data):
    """Replaces a file in one step."""
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.replace(path + ".new", path)
    return path
