# SPDX-License-Identifier: Apache-2.0
"""Writes the configuration of DNS-2: a network map to data centres, and a choice by weight.

With `tree` a data centre is no address but a failover of weights: what a name of a real site looks like.
"""
import json
import sys

with open(sys.argv[1]) as file:
    parameters = json.load(file)
values, lists = parameters["vars"], parameters["lists"]


def centre(dc):
    if "tree" not in sys.argv:
        return f"address: {dc['addr']}"
    spare = f"203.0.113.{100 + dc['dc']}"
    return ("failover: [ { weighted: [ "
            f"{{ address: {dc['addr']}, weight: 100 }}, {{ address: {spare}, weight: 0 }} ] }}, "
            f"{{ address: {spare} }} ]")


branches = "".join(
    f"      - {{ {centre(dc)}, network: ["
    + ", ".join(f'"{net["net"]}"' for net in lists["nets"] if net["dc"] == dc["dc"]) + "] }\n"
    for dc in lists["dcs"])
weights = "".join(f"      {one['addr']}: {one['weight']}\n" for one in lists["weighted"])
print(f"""workers: 1
admin: {{ listen: 127.0.0.1:{values['ADMIN_PORT']} }}
state: {values['RUN']}/state
listeners:
  - {{ dns: 127.0.0.1:{values['PORT']} }}
zones:
  {values['ZONE']}:
    soa: {{ primary: ns1.{values['ZONE']}, mailbox: hostmaster.{values['ZONE']} }}
    records:
      geo: {{ steer: geo }}
      w: {{ steer: w }}
steer:
  geo:
    ttl: 30s
    geo:
{branches}      - {{ {centre(lists['dcs'][0])} }}
  w:
    ttl: 30s
    weighted:
{weights}""")
