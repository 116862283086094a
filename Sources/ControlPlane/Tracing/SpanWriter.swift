// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import HTTPProtocol

/// From what a worker has kept of a request to its spans, in the JSON of OTLP.
///
/// One span of the kind SERVER for the request, and one of the kind CLIENT for each attempt to have
/// an endpoint answer it. Names of attributes are those of the stable conventions for HTTP
/// (OpenTelemetry semantic conventions 1.23 and later); ids are hexadecimal, and 64-bit numbers texts, as
/// the JSON Protobuf Encoding of OTLP has them.
struct SpanWriter: Sendable {
    /// An endpoint by its slot.
    struct Place: Sendable, Equatable {
        var name: String
        var address: SocketAddress?
    }

    private static let server = 2
    private static let client = 3
    /// The parent's place is known, and it is another process (`SpanFlags` of the protocol).
    private static let remoteParent = 0x300
    private static let localParent = 0x100

    private var pools: [Int: String] = [:]
    private var places: [Int: Place] = [:]
    private var securePools: Set<Int> = []
    private var gateway: GatewaySnapshot?

    /// A writer with the names that numbers stand for now; `secure` are the slots of the pools that
    /// are asked by TLS.
    init(pools: [PoolView] = [], gateway: GatewaySnapshot? = nil, secure: Set<Int> = []) {
        securePools = secure
        for pool in pools where !pool.isSteer {
            self.pools[pool.slot] = pool.name
            for endpoint in pool.endpoints {
                places[endpoint.slot] = Place(name: endpoint.name, address: endpoint.address)
            }
        }
        self.gateway = gateway
    }

    /// Knows the names of the one before as well: workers go on with them for a while, and requests
    /// that are under way end much later.
    ///
    /// Bounded by the tables of endpoints and pools: a number that is given away again has one name.
    mutating func keep(_ old: SpanWriter) {
        pools.merge(old.pools) { new, _ in new }
        places.merge(old.places) { new, _ in new }
    }

    /// The spans of a request.
    func item(_ record: SpanRecord) -> ExportItem {
        var json = JSONWriter()
        writeServer(record, to: &json)
        let attempts = record.request.attempts
        for attempt in attempts { write(attempt, of: record, to: &json) }
        return ExportItem(spans: attempts.count + 1, json: json.bytes)
    }

    // MARK: The request

    private func writeServer(_ record: SpanRecord, to json: inout JSONWriter) {
        let request = record.request
        let trace = record.trace
        let route = gateway?.routePath(of: request)
        json.beginObject()
        begin(trace.spanID, trace.parentID, record, &json)
        if trace.parentID != 0 {
            member("flags", Int(trace.flags) | SpanWriter.remoteParent, &json)
        }
        let method = SpanWriter.word(record.method)
        member("name", route.map { "\(method) \($0)" } ?? method, &json)
        member("kind", SpanWriter.server, &json)
        writeTimes(record, from: 0, to: request.duration, &json)
        json.name("attributes")
        json.beginArray()
        writeMethod(record, &json)
        attribute("url.scheme", request.isSecure ? "https" : "http", &json)
        if !record.path.isEmpty { attribute("url.path", record.path, &json) }
        if let route { attribute("http.route", route, &json) }
        if !request.host.isEmpty { attribute("server.address", request.host, &json) }
        if let port = record.port { attribute("server.port", port, &json) }
        attribute("client.address", "\(request.client)", &json)
        attribute("network.protocol.name", "http", &json)
        attribute("network.protocol.version", record.version, &json)
        if request.status > 0 {
            attribute("http.response.status_code", Int(request.status), &json)
        }
        let fault = SpanWriter.fault(of: request)
        if let fault { attribute("error.type", fault, &json) }
        if let pool = request.pool.flatMap({ pools[$0] }) {
            attribute("martlet.pool", pool, &json)
        }
        if request.author == .endpoint, let slot = request.attempts.last?.slot,
            let place = places[slot]
        {
            attribute("martlet.endpoint", place.name, &json)
        }
        attribute("martlet.reason", request.reasonWord, &json)
        attribute("martlet.request_id", SpanWriter.digits(request.id.bits), &json)
        json.endArray()
        writeStatus(fault == nil ? nil : request.why, &json)
        json.endObject()
    }

    /// What went wrong on our side of the request; nil for nothing.
    private static func fault(of request: RequestRecord) -> String? {
        if request.status >= 500 {
            return request.isBroken ? request.reasonWord : "\(request.status)"
        }
        return request.isCut ? request.reasonWord : nil
    }

    // MARK: Attempts

    private func write(
        _ attempt: RequestRecord.Attempt,
        of record: SpanRecord,
        to json: inout JSONWriter
    ) {
        let trace = record.trace
        let method = SpanWriter.word(record.method)
        json.beginObject()
        begin(trace.spanID(attempt: attempt.number), trace.spanID, record, &json)
        member("flags", Int(trace.flags) | SpanWriter.localParent, &json)
        member("name", method, &json)
        member("kind", SpanWriter.client, &json)
        writeTimes(record, from: attempt.began, to: attempt.ended, &json)
        json.name("attributes")
        json.beginArray()
        writeMethod(record, &json)
        let place = places[attempt.slot]
        if let address = place?.address {
            attribute("url.full", url(address, record), &json)
            attribute("server.address", "\(address.ip)", &json)
            attribute("server.port", Int(address.port), &json)
        }
        if attempt.status > 0 {
            attribute("http.response.status_code", Int(attempt.status), &json)
        }
        if attempt.number > 1 {
            attribute("http.request.resend_count", attempt.number - 1, &json)
        }
        // A status that was tried again is no other fault than the status.
        let fault =
            attempt.status >= 400 ? "\(attempt.status)" : attempt.isBroken ? attempt.reason : nil
        if let fault { attribute("error.type", fault, &json) }
        if let pool = record.request.pool.flatMap({ pools[$0] }) {
            attribute("martlet.pool", pool, &json)
        }
        if let place { attribute("martlet.endpoint", place.name, &json) }
        attribute("martlet.reason", attempt.reason.isEmpty ? "ok" : attempt.reason, &json)
        json.endArray()
        writeStatus(fault, &json)
        json.endObject()
    }

    /// The endpoint and the path that was asked for, without the query, which may hold secrets.
    private func url(_ address: SocketAddress, _ record: SpanRecord) -> String {
        let isSecure = record.request.pool.map(securePools.contains) ?? false
        let path = record.path
        return "\(isSecure ? "https" : "http")://\(address)\(path.hasPrefix("/") ? path : "")"
    }

    // MARK: Parts

    private func writeMethod(_ record: SpanRecord, _ json: inout JSONWriter) {
        attribute("http.request.method", record.method, &json)
        let original = record.methodOriginal
        if !original.isEmpty { attribute("http.request.method_original", original, &json) }
    }

    private func begin(
        _ span: UInt64,
        _ parent: UInt64,
        _ record: SpanRecord,
        _ json: inout JSONWriter
    ) {
        member("traceId", SpanWriter.digits(record.trace.traceID), &json)
        member("spanId", SpanWriter.digits(span), &json)
        if parent != 0 { member("parentSpanId", SpanWriter.digits(parent), &json) }
    }

    private func writeTimes(
        _ record: SpanRecord,
        from start: Int64,
        to end: Int64,
        _ json: inout JSONWriter
    ) {
        let began = record.request.began
        member("startTimeUnixNano", "\(began &+ start &* 1000)", &json)
        member("endTimeUnixNano", "\(began &+ max(start, end) &* 1000)", &json)
    }

    private func writeStatus(_ fault: String?, _ json: inout JSONWriter) {
        json.name("status")
        json.beginObject()
        if let fault {
            member("code", 2, &json)
            member("message", fault, &json)
        }
        json.endObject()
    }

    private func member(_ name: String, _ value: String, _ json: inout JSONWriter) {
        json.name(name)
        json.write(value)
    }

    private func member(_ name: String, _ value: Int, _ json: inout JSONWriter) {
        json.name(name)
        json.write(value)
    }

    private func attribute(_ key: String, _ value: String, _ json: inout JSONWriter) {
        SpanDocument.write(key, value, to: &json)
    }

    private func attribute(_ key: String, _ value: Int, _ json: inout JSONWriter) {
        json.beginObject()
        member("key", key, &json)
        json.name("value")
        json.beginObject()
        member("intValue", "\(value)", &json)
        json.endObject()
        json.endObject()
    }

    /// A method that is not known does not belong into a name.
    private static func word(_ method: String) -> String { method == "_OTHER" ? "HTTP" : method }

    private static func digits(_ bits: some FixedWidthInteger & UnsignedInteger) -> String {
        let digits = String(bits, radix: 16)
        return String(repeating: "0", count: max(bits.bitWidth / 4 - digits.count, 0)) + digits
    }
}
