# SPDX-License-Identifier: Apache-2.0
"""Both ends of gRPC, with grpcio; run by the Python of the tests' virtual environment.

`serve ADDRESS [CERTIFICATE KEY]` is an endpoint: it says `ready`, and each line on its standard
input asks for a JSON line of what it has seen (`busy`: and has it refuse calls from then on). `call ADDRESS` makes one call of each kind and says
in one JSON object what came of it. Messages are plain bytes: no code is generated.
"""
import json
import sys
import threading
import time
from concurrent import futures

import grpc

BIG = 64 << 20
OPTIONS = [("grpc.max_receive_message_length", BIG + 4096),
           ("grpc.max_send_message_length", BIG + 4096)]


class Endpoint:
    def __init__(self):
        self.seen = {"cancelled": 0, "deadlines": [], "calls": 0, "metadata": [], "refused": 0}
        self.busy = False

    def service(self, call):
        name = call.method.rsplit("/", 1)[1]
        kinds = {"Unary": grpc.unary_unary_rpc_method_handler,
                 "Slow": grpc.unary_unary_rpc_method_handler,
                 "Fail": grpc.unary_unary_rpc_method_handler,
                 "Maybe": grpc.unary_unary_rpc_method_handler,
                 "Down": grpc.unary_stream_rpc_method_handler,
                 "Up": grpc.stream_unary_rpc_method_handler,
                 "Both": grpc.stream_stream_rpc_method_handler}
        return kinds[name](getattr(self, name.lower())) if name in kinds else None

    def unary(self, message, context):
        self.seen["calls"] += 1
        self.seen["metadata"] = [[key, str(value)] for key, value in context.invocation_metadata()]
        context.set_trailing_metadata((("x-end", "yes"),))
        return message

    def maybe(self, message, context):
        """Refuses with the status that the message names while the endpoint is told to."""
        if self.busy:
            self.seen["refused"] += 1
            context.abort(grpc.StatusCode[message.decode()], "busy")
        return message

    def slow(self, message, context):
        self.seen["deadlines"].append(context.time_remaining())
        over = threading.Event()

        def ended():
            self.seen["cancelled"] += 1
            over.set()
        context.add_callback(ended)
        over.wait(20)
        return message

    def fail(self, message, context):
        context.set_trailing_metadata((("x-why", "because"),))
        context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: 100%")

    def down(self, message, context):
        for number in range(int(message)):
            yield b"%d" % number

    def up(self, messages, context):
        return b"%d" % sum(int(message) for message in messages)

    def both(self, messages, context):
        for message in messages:
            yield b"echo " + message


class Handler(grpc.GenericRpcHandler):
    def __init__(self, endpoint):
        self.endpoint = endpoint

    def service(self, call):
        return self.endpoint.service(call)


def serve(address, *files):
    endpoint = Endpoint()
    server = grpc.server(futures.ThreadPoolExecutor(32), options=OPTIONS)
    server.add_generic_rpc_handlers((Handler(endpoint),))
    if files:
        certificate, key = (open(path, "rb").read() for path in files)
        server.add_secure_port(address, grpc.ssl_server_credentials([(key, certificate)]))
    else:
        server.add_insecure_port(address)
    server.start()
    print("ready", flush=True)
    for line in sys.stdin:
        endpoint.busy = endpoint.busy or line == "busy\n"
        print(json.dumps(endpoint.seen), flush=True)


def outcome(run):
    try:
        return {"value": run()}
    except grpc.RpcError as error:
        return {"code": error.code().name, "details": error.details(),
                "trailers": [[k, str(v)] for k, v in error.trailing_metadata() or ()]}


def interleaved(channel):
    """Each message is sent only when the one before has come back."""
    turn, last, heard = threading.Semaphore(1), 20, []

    def ask():
        for number in range(last):
            turn.acquire()
            yield b"%d" % number
    for message in channel.stream_stream("/t.T/Both")(ask(), timeout=20):
        heard.append(message.decode())
        turn.release()
    return heard


def with_trailers(channel):
    message, call = channel.unary_unary("/t.T/Unary").with_call(b"hello", timeout=10)
    return [message.decode(), [[k, str(v)] for k, v in call.trailing_metadata()]]


def cancelled(channel):
    call = channel.unary_unary("/t.T/Slow").future(b"x", timeout=30)
    time.sleep(0.5)
    call.cancel()
    return call.cancelled()


def slow_up(channel):
    """Silent for longer than a body by HTTP/1.1 may be."""
    def numbers():
        for number in range(3):
            yield b"%d" % number
            time.sleep(3)
    return channel.stream_unary("/t.T/Up")(numbers(), timeout=30).decode()


def call(address, *names):
    kinds = {
        "unary": with_trailers,
        "fail": lambda c: c.unary_unary("/t.T/Fail")(b"x", timeout=10).decode(),
        "unavailable": lambda c: c.unary_unary("/t.T/Maybe")(b"UNAVAILABLE", timeout=10).decode(),
        "aborted": lambda c: c.unary_unary("/t.T/Maybe")(b"ABORTED", timeout=10).decode(),
        "unknown": lambda c: c.unary_unary("/t.T/None")(b"x", timeout=10).decode(),
        "down": lambda c: sum(int(m) for m in c.unary_stream("/t.T/Down")(b"1000", timeout=20)),
        "up": lambda c: c.stream_unary("/t.T/Up")(
            (b"%d" % n for n in range(1000)), timeout=20).decode(),
        "both": interleaved,
        "big": lambda c: len(c.unary_unary("/t.T/Unary")(bytes(BIG), timeout=60)),
        "deadline": lambda c: c.unary_unary("/t.T/Slow")(b"x", timeout=1).decode(),
        "cancel": cancelled,
        "slow-up": slow_up,
    }
    with grpc.insecure_channel(address, options=OPTIONS) as channel:
        print(json.dumps({name: outcome(lambda: kinds[name](channel)) for name in names}))


if __name__ == "__main__":
    {"serve": serve, "call": call}[sys.argv[1]](*sys.argv[2:])
