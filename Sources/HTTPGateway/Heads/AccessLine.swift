// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Numbers of what an exchange touched; -1 for nothing.
struct AccessNames: BitwiseCopyable {
    var route: Int
    var pool: Int
    var endpoint: Int
}

/// The names of routes, pools and endpoints as bytes, one after the other.
struct LabelTable: Sendable {
    private var text: [UInt8] = []
    private var routes: [ByteRange] = []
    private var pools: [ByteRange] = []
    private var firstEndpoint: [Int] = []
    private var endpoints: [ByteRange] = []

    init(_ plan: GatewayPlan) {
        for route in plan.routes { routes.append(add(route.name)) }
        for pool in plan.pools {
            pools.append(add(pool.name))
            firstEndpoint.append(endpoints.count)
            for endpoint in pool.endpoints { endpoints.append(add(endpoint.name)) }
        }
        firstEndpoint.append(endpoints.count)
    }

    private mutating func add(_ name: String) -> ByteRange {
        let start = text.count
        for byte in name.utf8 where byte > 0x20 && byte != 0x22 && byte != 0x5c && byte < 0x7f {
            text.append(byte)
        }
        return ByteRange(from: start, to: text.count)
    }

    func writeRoute(_ number: Int, into output: inout OutputSpan<UInt8>) {
        write(routes.indices.contains(number) ? routes[number] : .empty, into: &output)
    }
    func writePool(_ number: Int, into output: inout OutputSpan<UInt8>) {
        write(pools.indices.contains(number) ? pools[number] : .empty, into: &output)
    }
    func writeEndpoint(_ number: Int, pool: Int, into output: inout OutputSpan<UInt8>) {
        guard pools.indices.contains(pool), number >= 0,
            firstEndpoint[pool] + number < firstEndpoint[pool + 1]
        else { return write(.empty, into: &output) }
        write(endpoints[firstEndpoint[pool] + number], into: &output)
    }
    private func write(_ range: ByteRange, into output: inout OutputSpan<UInt8>) {
        if range.isEmpty { output.write("-") } else { output.write(text.span.slice(range)) }
    }
}

/// What a line tells, but for what lies in the head.
struct AccessFacts: BitwiseCopyable {
    var format: AccessLogFormat
    var exchange: Exchange
    /// The client's TLS session; none for plain HTTP.
    var session: Handle
    /// True for a connection that was passed on: the bytes are the name that it asked for.
    var isPassage = false
    /// Whom the request is from, which may be behind proxies.
    var client: IPAddress
    /// The trace it belongs to; zero for none.
    var traceID: UInt128
    var names: AccessNames
    var date: DateText
    var realtime: Int64
    var now: Instant
}

/// One line of the access log.
enum AccessLine {
    static func write(
        into scratch: inout Scratch,
        facts: AccessFacts,
        fields: borrowing FieldTable,
        bytes: Span<UInt8>,
        labels: LabelTable,
        sessions: borrowing TLSSessions
    ) {
        scratch.write { output in
            if facts.format == .json {
                writeJSON(facts, fields, bytes, labels, &output)
                writeRetried(facts.exchange, into: &output)
                writeSession(facts.exchange.turn, into: &output)
                writePriority(facts.exchange.priority, into: &output)
                writeHedge(facts.exchange.hedge, into: &output)
                writeCache(facts.exchange.cacheResult, into: &output)
                writeSecurityJSON(facts, bytes, sessions, &output)
                output.write("}\n")
            } else {
                writeCombined(facts, fields, bytes, labels, &output)
                writeSecurity(facts, bytes, sessions, &output)
                output.write("\n")
            }
        }
    }

    /// How the attempt before the last failed.
    private static func writeRetried(
        _ exchange: Exchange,
        into output: inout OutputSpan<UInt8>
    ) {
        // The second of two attempts at a time is none that came after a failure.
        guard exchange.tried > (exchange.hedge == nil ? 1 : 2) else { return }
        output.write(",\"retried\":\"")
        output.write(exchange.lastFault.word)
        output.write("\"")
    }

    private static func writeMember(
        _ name: StaticString,
        _ word: StaticString,
        into output: inout OutputSpan<UInt8>
    ) {
        output.write(name)
        output.write(word)
        output.write("\"")
    }

    private static func writeSession(
        _ turn: SessionTurn,
        into output: inout OutputSpan<UInt8>
    ) {
        guard turn != .none else { return }
        writeMember(",\"session\":\"", turn.word, into: &output)
    }

    private static func writeCache(
        _ result: CacheResult?,
        into output: inout OutputSpan<UInt8>
    ) {
        guard let result else { return }
        writeMember(",\"cache\":\"", result.word, into: &output)
    }

    private static func writeHedge(
        _ outcome: HedgeOutcome?,
        into output: inout OutputSpan<UInt8>
    ) {
        guard let outcome else { return }
        writeMember(",\"hedge\":\"", outcome.word, into: &output)
    }

    /// Only what somebody has said.
    private static func writePriority(
        _ priority: Priority,
        into output: inout OutputSpan<UInt8>
    ) {
        guard priority != .normal else { return }
        writeMember(",\"priority\":\"", priority.word, into: &output)
    }

    /// Version, cipher and name behind the reason; nothing for plain HTTP.
    private static func writeSecurity(
        _ facts: AccessFacts,
        _ bytes: Span<UInt8>,
        _ sessions: borrowing TLSSessions,
        _ output: inout OutputSpan<UInt8>
    ) {
        if facts.isPassage {
            output.write(" passthrough - ")
            if bytes.isEmpty { output.write("-") } else { output.write(bytes) }
            return
        }
        if facts.session.isNone {
            // It failed before anything was agreed on.
            guard case .handshake(let failure) = facts.exchange.reason else { return }
            output.write(" ")
            output.write(failure.word)
            output.write(" - -")
            return
        }
        output.write(" ")
        if case .handshake(let failure) = facts.exchange.reason {
            output.write(failure.word)
        } else {
            output.write(sessions.facts(facts.session).versionWord)
        }
        output.write(" ")
        if !sessions.writeCipher(facts.session, into: &output) { output.write("-") }
        output.write(" ")
        if !sessions.writeName(facts.session, into: &output) { output.write("-") }
    }

    private static func writeSecurityJSON(
        _ facts: AccessFacts,
        _ bytes: Span<UInt8>,
        _ sessions: borrowing TLSSessions,
        _ output: inout OutputSpan<UInt8>
    ) {
        if facts.isPassage {
            output.write(",\"tls\":\"passthrough\",\"sni\":\"")
            output.write(bytes)
            output.write("\"")
            return
        }
        var isFailed = false
        if case .handshake = facts.exchange.reason { isFailed = true }
        guard isFailed || !facts.session.isNone else { return }
        if case .handshake(let failure) = facts.exchange.reason {
            output.write(",\"tls_failure\":\"")
            output.write(failure.word)
            output.write("\"")
        } else {
            let session = sessions.facts(facts.session)
            output.write(",\"tls\":\"")
            output.write(session.versionWord)
            output.write("\",\"cipher\":\"")
            sessions.writeCipher(facts.session, into: &output)
            output.write("\",\"resumed\":")
            output.write(session.isResumed ? "true" : "false" as StaticString)
        }
        output.write(",\"sni\":\"")
        sessions.writeName(facts.session, into: &output)
        output.write("\"")
    }

    private static func writeCombined(
        _ facts: AccessFacts,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        _ labels: LabelTable,
        _ output: inout OutputSpan<UInt8>
    ) {
        let exchange = facts.exchange
        output.write(address: facts.client)
        output.write(" - - [")
        facts.date.writeLogForm(into: &output)
        output.write("] \"")
        if exchange.head.length > 0, !bytes.isEmpty {
            output.writeLogText(bytes.slice(exchange.head.methodRange), limit: Limit.method)
            output.write(" ")
            output.writeLogText(bytes.slice(exchange.head.target), limit: Limit.target)
            output.write(protocolText(exchange.head))
        } else {
            output.write("-")
        }
        output.write("\" ")
        output.write(decimal: UInt64(exchange.status))
        output.write(" ")
        output.write(decimal: exchange.bytesOut)
        output.write(" \"")
        let referer = value(.referer, fields, bytes)
        if referer.isEmpty { output.write("-") }
        output.writeLogText(referer, limit: Limit.referer)
        output.write("\" \"")
        let agent = value(.userAgent, fields, bytes)
        if agent.isEmpty { output.write("-") }
        output.writeLogText(agent, limit: Limit.agent)
        output.write("\" ")
        labels.writeRoute(facts.names.route, into: &output)
        output.write(" ")
        labels.writePool(facts.names.pool, into: &output)
        output.write(" ")
        labels.writeEndpoint(facts.names.endpoint, pool: facts.names.pool, into: &output)
        output.write(" ")
        output.write(decimal: UInt64(exchange.tried))
        writeTimes(Times(exchange, facts.now), " ", into: &output)
        output.write(" ")
        output.write(exchange.reason.word)
    }

    private static func protocolText(_ head: RequestHead) -> StaticString {
        if head.isHTTP2 { return " HTTP/2.0" }
        return head.minorVersion == 0 ? " HTTP/1.0" : " HTTP/1.1"
    }

    /// The phases in microseconds: head, queue and connect, first byte, total.
    struct Times {
        var head: Int64
        var connect: Int64
        var firstByte: Int64
        var total: Int64

        init(_ exchange: Exchange, _ now: Instant) {
            head = Times.span(exchange.began, exchange.headDone)
            connect = Times.span(exchange.headDone, exchange.connected)
            firstByte = Times.span(exchange.connected, exchange.firstByte)
            total = Times.span(exchange.began, now)
        }
        /// -1 for a phase that was not reached.
        static func span(_ from: Instant, _ to: Instant) -> Int64 {
            guard from != .start, to != .start else { return -1 }
            return max((to - from).microseconds, 0)
        }
    }

    private static func writeTimes(
        _ times: Times,
        _ separator: StaticString,
        into output: inout OutputSpan<UInt8>
    ) {
        writeTime(times.head, after: separator, into: &output)
        writeTime(times.connect, after: "/", into: &output)
        writeTime(times.firstByte, after: "/", into: &output)
        writeTime(times.total, after: "/", into: &output)
    }

    private static func writeTime(
        _ time: Int64,
        after separator: StaticString,
        into output: inout OutputSpan<UInt8>
    ) {
        output.write(separator)
        if time < 0 { output.write("-") } else { output.write(decimal: UInt64(time)) }
    }

    /// How much of each text a line shows: all of them, escaped octet by octet at six for one,
    /// fit the scratch together.
    enum Limit {
        static let method = 32
        static let host = 255
        static let target = 2_048
        static let referer = 1_024
        static let agent = 512
    }

    /// The value of the first field of a kind; empty without one.
    @_lifetime(copy bytes)
    private static func value(
        _ known: KnownField,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> Span<UInt8> {
        guard let index = fields.first(known) else { return bytes.extracting(0..<0) }
        return bytes.slice(fields[index].value)
    }

    private static func writeJSON(
        _ facts: AccessFacts,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        _ labels: LabelTable,
        _ output: inout OutputSpan<UInt8>
    ) {
        let exchange = facts.exchange
        writeJSONStart(facts, fields, bytes, &output)
        output.write("\",\"status\":")
        output.write(decimal: UInt64(exchange.status))
        output.write(",\"in\":")
        output.write(decimal: exchange.bytesIn)
        output.write(",\"out\":")
        output.write(decimal: exchange.bytesOut)
        output.write(",\"route\":\"")
        labels.writeRoute(facts.names.route, into: &output)
        output.write("\",\"pool\":\"")
        labels.writePool(facts.names.pool, into: &output)
        output.write("\",\"endpoint\":\"")
        labels.writeEndpoint(facts.names.endpoint, pool: facts.names.pool, into: &output)
        output.write("\",\"attempts\":")
        output.write(decimal: UInt64(exchange.tried))
        writeJSONTimes(Times(exchange, facts.now), into: &output)
        output.write(",\"request_id\":\"")
        output.write(exchange.requestID)
        if facts.traceID != 0 {
            output.write("\",\"trace_id\":\"")
            output.write(traceID: facts.traceID)
        }
        output.write("\",\"reason\":\"")
        output.write(exchange.reason.word)
        output.write("\"")
    }

    /// Time, client and request.
    private static func writeJSONStart(
        _ facts: AccessFacts,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        _ output: inout OutputSpan<UInt8>
    ) {
        output.write("{\"time\":")
        output.write(decimal: UInt64(facts.realtime / 1_000_000_000))
        output.write(".")
        let millis = UInt64(facts.realtime / 1_000_000 % 1000)
        if millis < 100 { output.write("0") }
        if millis < 10 { output.write("0") }
        output.write(decimal: millis)
        output.write(",\"client\":\"")
        output.write(address: facts.client)
        guard facts.exchange.head.length > 0, !bytes.isEmpty else { return }
        let head = facts.exchange.head
        output.write("\",\"method\":\"")
        output.writeJSONText(bytes.slice(head.methodRange), limit: Limit.method)
        output.write("\",\"host\":\"")
        output.writeJSONText(bytes.slice(head.authority), limit: Limit.host)
        output.write("\",\"target\":\"")
        output.writeJSONText(bytes.slice(head.target), limit: Limit.target)
        output.write("\",\"referer\":\"")
        output.writeJSONText(value(.referer, fields, bytes), limit: Limit.referer)
        output.write("\",\"agent\":\"")
        output.writeJSONText(value(.userAgent, fields, bytes), limit: Limit.agent)
    }

    private static func writeJSONTimes(_ times: Times, into output: inout OutputSpan<UInt8>) {
        output.write(",\"head_us\":")
        writeNumber(times.head, into: &output)
        output.write(",\"connect_us\":")
        writeNumber(times.connect, into: &output)
        output.write(",\"first_byte_us\":")
        writeNumber(times.firstByte, into: &output)
        output.write(",\"total_us\":")
        writeNumber(times.total, into: &output)
    }

    private static func writeNumber(_ value: Int64, into output: inout OutputSpan<UInt8>) {
        if value < 0 { output.write("null") } else { output.write(decimal: UInt64(value)) }
    }
}
