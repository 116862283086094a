// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Traces across services, and the times of a request for those who may know them.
extension HTTPDoor {
    /// Continues the client's trace, or begins one; the head is in ``fields``.
    mutating func findTrace(_ c: Int) {
        guard listenerRecords[Int(clients[c].listener)].tracing else { return }
        var trace: TraceContext?
        // Two lines have two readings, so neither is taken (§3.2 wants one).
        if let index = fields.first(.traceparent),
            fields.next(.traceparent, from: index &+ 1) == nil
        {
            let pending = clients[c].input
            let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
            trace = TraceContext(continuing: bytes.slice(fields[index].value), random: &names)
        }
        let context = trace ?? TraceContext(random: &names, isSampled: drawsSample())
        guard let handle = traces.insert(context) else { return }
        clients[c].exchange.tracePlace = Int32(truncatingIfNeeded: handle.index)
    }

    /// Whether a trace that begins here is recorded: a share where spans are exported, else each,
    /// as whoever records less decides that behind us.
    private mutating func drawsSample() -> Bool {
        traceShare < 0 || Int(random.next(below: 100)) < traceShare
    }

    /// The exchange's trace as its present attempt tells of it; nil where there is no tracing.
    func attemptTrace(of c: Int) -> TraceContext? {
        guard var trace = trace(of: c) else { return nil }
        trace.spanID = trace.spanID(attempt: Int(clients[c].exchange.attemptNumber))
        return trace
    }

    /// True when spans of the exchange are to be exported.
    @inline(__always) func isExported(_ c: Int) -> Bool {
        traceShare >= 0 && trace(of: c)?.isSampled == true
    }

    /// Hands an exchange that is over to whoever exports spans; what finds no room is counted.
    @inline(never) mutating func exportSpans(_ c: Int, _ record: RequestRecord) {
        guard let trace = trace(of: c) else { return }
        let head = clients[c].exchange.head
        var span = SpanRecord(request: record, trace: trace)
        span[.method] = Int(head.method.rawValue) &+ 1
        span[.version] = head.isHTTP2 ? 20 : 10 &+ Int(head.minorVersion)
        span[.port] = Int(head.port)
        if record[.path] > 0, recallHead(c) {
            span.setPath(requestBytes(c).slice(head.path))
            if head.method == .other { span.setMethod(requestBytes(c).slice(head.methodRange)) }
        }
        shared.spans[worker].write(span)
    }

    /// The exchange's trace; nil where there is no tracing.
    func trace(of c: Int) -> TraceContext? {
        let place = Int(clients[c].exchange.tracePlace)
        return place < 0 ? nil : traces[place]
    }

    /// Forgets the exchange's trace; harmless when called twice.
    @inline(__always) mutating func forgetTrace(_ c: Int) {
        let place = Int(clients[c].exchange.tracePlace)
        guard place >= 0 else { return }
        clients[c].exchange.tracePlace = -1
        traces.remove(traces.handle(at: place))
    }

    // MARK: Server-Timing

    /// True when the client is one of those who are told times.
    @inline(__always) func tellsTimes(_ c: Int) -> Bool {
        let listener = Int(clients[c].listener)
        return listenerRecords[listener].tellsTimes && isTimed(client(of: c), at: listener)
    }

    @inline(never) private func isTimed(_ client: IPAddress, at listener: Int) -> Bool {
        for prefix in listenerRecords[listener].timingClients where prefix.contains(client) {
            return true
        }
        return false
    }

    /// Appends `Server-Timing` to what a response says besides (W3C Server Timing).
    @inline(never)
    mutating func renderTimes(_ c: Int, after rendered: RouteText) -> RouteText {
        guard rendered.isWhole else { return rendered }
        // What was rendered lies at the front of the tail; when there was nothing, nobody cleared it.
        let isFirst = rendered.fields.isEmpty && rendered.target.isEmpty
        if isFirst { tail.write { _ in } }
        let exchange = clients[c].exchange
        let times = RequestTimes(exchange, now)
        let labels = labels
        var text = rendered
        tail.append { output in
            let start = rendered.fields.isEmpty ? output.count : Int(rendered.fields.start)
            text.isWhole = times.write(into: &output)
            if times.hasEndpoint, text.isWhole {
                text.isWhole = output.write(";desc=\"")
                labels.writeEndpoint(
                    Int(exchange.endpoint),
                    pool: Int(exchange.pool),
                    into: &output
                )
                text.isWhole = text.isWhole && output.write("\"")
            }
            text.isWhole = text.isWhole && output.writeLineEnd()
            text.fields = ByteRange(from: start, to: output.count)
        }
        return text
    }
}

/// What a request has waited for so far, in microseconds.
struct RequestTimes: BitwiseCopyable {
    var edge: Int64
    var connect: Int64
    var upstream: Int64
    /// True when an endpoint has answered.
    var hasEndpoint: Bool

    init(_ exchange: Exchange, _ now: Instant) {
        hasEndpoint = exchange.firstByte != .start && exchange.connected != .start
        connect = hasEndpoint ? (exchange.connected - exchange.headDone).microseconds : 0
        upstream = hasEndpoint ? (exchange.firstByte - exchange.connected).microseconds : 0
        edge = (now - exchange.began).microseconds &- connect &- upstream
    }

    /// The line up to the description of the last entry.
    func write(into output: inout OutputSpan<UInt8>) -> Bool {
        guard output.write("Server-Timing: edge;dur="), write(edge, into: &output) else {
            return false
        }
        guard hasEndpoint else { return true }
        return output.write(", connect;dur=") && write(connect, into: &output)
            && output.write(", upstream;dur=") && write(upstream, into: &output)
    }

    /// Milliseconds with three decimals.
    private func write(_ time: Int64, into output: inout OutputSpan<UInt8>) -> Bool {
        let value = UInt64(max(time, 0))
        let rest = value % 1000
        let zeros: StaticString = rest < 10 ? ".00" : rest < 100 ? ".0" : "."
        return output.write(decimal: value / 1000) && output.write(zeros)
            && output.write(decimal: rest)
    }
}
