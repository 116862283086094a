# SPDX-License-Identifier: Apache-2.0
"""An endpoint of grpc.health.v1 with grpcio; run by the Python of the tests' virtual environment.

`ADDRESS [CERTIFICATE KEY]`: says `ready`. A line `SERVICE NUMBER` on its standard input sets what it says of
a service (`-` is the server as a whole), and is answered with the services that were asked about.
"""
import json
import sys
from concurrent import futures

import grpc


class Health(grpc.GenericRpcHandler):
    def __init__(self):
        self.states, self.asked = {"": 1}, []

    def service(self, call):
        if call.method == "/grpc.health.v1.Health/Check":
            return grpc.unary_unary_rpc_method_handler(self.check)
        return None

    def check(self, message, context):
        name = message[2:2 + message[1]].decode() if message else ""
        self.asked.append(name)
        if name not in self.states:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        state = self.states[name]
        return bytes([8, state]) if state else b""


def serve(address, *files):
    health = Health()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((health,))
    if files:
        certificate, key = (open(path, "rb").read() for path in files)
        server.add_secure_port(address, grpc.ssl_server_credentials([(key, certificate)]))
    else:
        server.add_insecure_port(address)
    server.start()
    print("ready", flush=True)
    for line in sys.stdin:
        name, state = line.split()
        health.states["" if name == "-" else name] = int(state)
        print(json.dumps(sorted(set(health.asked))), flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
