# SPDX-License-Identifier: Apache-2.0
"""A collector of traces: a real HTTP server that takes OTLP in JSON, reads it strictly, and fails
in the ways that it is told."""
import base64
import json
import re
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .check import Failure, eventually

# The fields of ExportTraceServiceRequest that an exporter may write, by message (opentelemetry/proto).
SPAN = {"traceId": "id32", "spanId": "id16", "parentSpanId": "id16", "flags": "u32", "name": "text",
        "kind": "u32", "startTimeUnixNano": "u64", "endTimeUnixNano": "u64",
        "attributes": "attributes", "status": {"code": "u32", "message": "text"}}
REQUEST = {"resourceSpans": [{"resource": {"attributes": "attributes"}, "scopeSpans": [
    {"scope": {"name": "text", "version": "text"}, "spans": [SPAN]}]}]}
FORMS = {
    "id32": lambda v: isinstance(v, str) and re.fullmatch("[0-9a-f]{32}", v) and int(v, 16),
    "id16": lambda v: isinstance(v, str) and re.fullmatch("[0-9a-f]{16}", v) and int(v, 16),
    "u32": lambda v: isinstance(v, int) and not isinstance(v, bool) and 0 <= v < 1 << 32,
    # 64-bit numbers are texts in JSON (Protocol Buffers, ProtoJSON).
    "u64": lambda v: isinstance(v, str) and re.fullmatch("[0-9]+", v) and int(v) < 1 << 64,
    "text": lambda v: isinstance(v, str),
    "attributes": lambda v: isinstance(v, list) and all(map(is_attribute, v))
    and len({a["key"] for a in v}) == len(v),
}


def is_attribute(entry):
    if set(entry) != {"key", "value"} or not entry["key"] or len(entry["value"]) != 1:
        return False
    (kind, value), = entry["value"].items()
    return kind == "stringValue" and isinstance(value, str) or \
        kind == "intValue" and isinstance(value, str) and re.fullmatch("-?[0-9]+", value)


def judge(value, form, place="request"):
    """Raises a Failure for what the protocol does not know, or knows in another form."""
    if isinstance(form, str):
        if not FORMS[form](value):
            raise Failure(f"{place} is no {form}: {value!r}")
    elif isinstance(form, list):
        if not isinstance(value, list):
            raise Failure(f"{place} is no list")
        for number, element in enumerate(value):
            judge(element, form[0], f"{place}[{number}]")
    else:
        for key, element in value.items():
            if key not in form:
                raise Failure(f"{place} has an unknown field {key}")
            judge(element, form[key], f"{place}.{key}")


def judge_by_protocol(document):
    """The same by the protocol's own definition, where that is installed."""
    try:
        from google.protobuf import json_format
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
            ExportTraceServiceRequest)
    except ImportError:
        return False
    # Ids are hexadecimal in OTLP, where ProtoJSON alone would have base64.
    document = json.loads(json.dumps(document))
    for span in spans_of(document):
        for key in ("traceId", "spanId", "parentSpanId"):
            if key in span:
                span[key] = base64.b64encode(bytes.fromhex(span[key])).decode()
    json_format.ParseDict(document, ExportTraceServiceRequest(), ignore_unknown_fields=False)
    return True


def spans_of(document):
    return [span for group in document["resourceSpans"] for scope in group["scopeSpans"]
            for span in scope["spans"]]


def attributes(thing):
    return {a["key"]: a["value"].get("stringValue", a["value"].get("intValue"))
            for a in thing["attributes"]}


class Collector:
    def __init__(self, scene, port=None, files=None):
        self.port = port or scene.port()
        self.files = files
        self.documents = []
        self.requests = []
        self.arrivals = []
        self.peers = set()
        self.problem = None
        self.answers = []
        self.server = None
        self.lock = threading.Lock()
        self.start()
        scene.started.append(self)

    def start(self):
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.arrivals.append(time.monotonic())
                collector.peers.add(self.client_address)
                collector.take(self, body)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        if self.files:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.files)
            # In the thread of the connection, so that nobody waits for another's handshake.
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def fail(self, *answers):
        """The next answers: (status, fields), "hang", or "close"; then all is well again.

        The last one lasts when it is the word `ever` that follows it.
        """
        self.answers = list(answers)

    def next_answer(self):
        with self.lock:
            if not self.answers:
                return None
            if len(self.answers) == 2 and self.answers[1] == "ever":
                return self.answers[0]
            return self.answers.pop(0)

    def take(self, handler, body):
        answer = self.next_answer()
        if answer == "hang":
            handler.connection.recv(1)  # until whoever waits goes away
            return
        if answer == "close":
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        if answer is None:
            try:
                if handler.headers["Content-Type"] != "application/json":
                    raise Failure("another type")
                document = json.loads(body)
                judge(document, REQUEST)
                judge_by_protocol(document)
            except Exception as error:
                self.problem = self.problem or f"{error!r} in {body[:2000]!r}"
                answer = (400, {})
            else:
                with self.lock:
                    self.documents.append(document)
                    self.requests.append((handler.path, dict(handler.headers)))
        status, fields = answer or (200, {})
        data = fields.pop("body", b"{}") if isinstance(fields, dict) else b"{}"
        handler.send_response(status)
        for name, value in fields.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    @property
    def spans(self):
        with self.lock:
            return [span for document in self.documents for span in spans_of(document)]

    def trace(self, name, count, within=10):
        """The spans of a trace, the server's first, once so many are there."""
        def find():
            found = [span for span in self.spans if span["traceId"] == name]
            return found if len(found) >= count else None
        found = eventually(f"{count} spans of {name}", find, within=within)
        return sorted(found, key=lambda span: (span["kind"], span["startTimeUnixNano"]))

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def end(self):
        self.stop()
        return f"the collector could not read what it got: {self.problem}" if self.problem else ""
