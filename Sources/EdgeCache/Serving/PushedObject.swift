// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import HTTPProtocol

/// An object that an operator puts into a store: a response that no endpoint has given, judged as if one had.
///
/// It is for requests that say the same as `request` in the fields that its `Vary` names. Fresh it is for as
/// long as its fields say, or else until it is taken out, at most for what the rules allow at all.
public struct PushedObject: ~Copyable {
    /// Why there is no such object.
    public enum Fault: Error, Equatable {
        /// A name is no token, or a value has control characters.
        case badField(name: String)
        /// The field is written by the cache, or is for one hop or message only.
        case ownField(name: String)
        /// `Content-Length` says another length than that of the content.
        case wrongLength
        /// The status is none that has content of its own, and may be kept by itself.
        case badStatus
        /// It is no head that is read here, for this reason.
        case badHead(String)
        /// It may not be kept, for this reason.
        case notStorable(NotStored)
    }

    /// What is said of an object.
    public struct Sketch: Sendable, Equatable {
        /// The status.
        public var status: UInt16 = 200
        /// The fields of the response in order.
        public var fields: [(name: String, value: String)] = []
        /// Fields of requests that it is for.
        public var asked: [(name: String, value: String)] = []
        /// How long it is fresh, whatever the fields say; nil for what they do.
        public var lifetime: Interval?

        /// An object without fields.
        public init() {}

        /// True when both say the same.
        public static func == (one: Sketch, other: Sketch) -> Bool {
            one.status == other.status && one.lifetime == other.lifetime
                && one.fields.elementsEqual(other.fields, by: ==)
                && one.asked.elementsEqual(other.asked, by: ==)
        }
    }

    /// Statuses that an object may have.
    public static let statuses: [UInt16] = [200, 301, 302, 303, 307, 308, 404, 410]
    /// As long as it is read again with what is written behind it.
    static let limits = HeadLimits(headBytes: 8192, fields: 64)

    /// What is known of it.
    public let facts: StoredFacts
    /// The request that it is for.
    public let request: FieldTable
    /// The text of that.
    public let requestBytes: [UInt8]
    /// The content.
    public let content: [UInt8]
    let head: [UInt8]
    let response: FieldTable
    let responseBytes: [UInt8]

    /// Judges a sketch with its content at `now`.
    public init(
        _ sketch: Sketch,
        content: [UInt8],
        by rules: CacheRules,
        now: WallTime
    ) throws(Fault) {
        guard PushedObject.statuses.contains(sketch.status) else { throw .badStatus }
        for field in sketch.asked { try PushedObject.check(field) }
        for field in sketch.fields {
            try PushedObject.check(field)
            try PushedObject.checkOwn(field, count: content.count)
        }
        var wanted = FieldTable(limit: Int(PushedObject.limits.fields) + 1)
        let wantedText = try PushedObject.read(asked: sketch.asked, into: &wanted)
        let text = PushedObject.text(
            "HTTP/1.1 \(sketch.status) \(StatusText.reason(sketch.status))",
            sketch.fields.filter { $0.name.lowercased() != "content-length" }
                + [("Content-Length", "\(content.count)")]
        )
        var parser = ResponseParser(limits: PushedObject.limits)
        var fields = FieldTable(limit: Int(PushedObject.limits.fields) + 1)
        var answer = ResponseHead()
        switch parser.parse(text.span, requestMethod: .get, fields: &fields, head: &answer) {
        case .complete: break
        case .needMore: throw .badHead("head-length")
        case .refused(let refusal): throw .badHead("\(refusal.word)")
        }
        var rule = rules
        rule.lifetimes = [CacheLifetime(200...599, sketch.lifetime ?? rules.lifetimeLimit)]
        rule.lifetimesWin = sketch.lifetime != nil
        let asked = CacheRequest(.get, wanted, wantedText.span)
        let verdict = StorageRule(rule).judge(
            asked,
            status: sketch.status,
            fields,
            text.span,
            sent: now,
            now: now
        )
        let facts: StoredFacts
        switch verdict {
        case .store(let found): facts = found
        case .refuse(let reason): throw .notStorable(reason)
        }
        var isWhole = false
        let head = [UInt8](capacity: text.count + 64) { (output: inout OutputSpan<UInt8>) in
            isWhole = StoredHeadWriter.write(
                answer,
                fields,
                text.span,
                keepsCookies: rules.keepsCookies,
                now: now,
                into: &output
            )
        }
        guard isWhole else { throw .badHead("head-length") }
        self.facts = facts
        self.content = content
        self.head = head
        (requestBytes, responseBytes) = (wantedText, text)
        request = wanted
        response = fields
    }

    private static func check(_ field: (name: String, value: String)) throws(Fault) {
        guard FieldSyntax.isToken(Array(field.name.utf8).span),
            FieldSyntax.isFieldValue(Array(field.value.utf8).span)
        else { throw .badField(name: field.name) }
    }

    /// Fields that the cache writes itself, or that are for one hop (RFC 9110 §7.6.1).
    private static let own: Set<String> = [
        "age", "cache-status", "connection", "content-range", "keep-alive", "proxy-authenticate",
        "proxy-authentication-info", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "x-cache-status",
    ]

    private static func checkOwn(
        _ field: (name: String, value: String),
        count: Int
    ) throws(Fault) {
        let name = field.name.lowercased()
        guard !own.contains(name) else { throw .ownField(name: field.name) }
        guard name != "content-length" || field.value == "\(count)" else { throw .wrongLength }
    }

    private static func text(_ line: String, _ fields: [(name: String, value: String)]) -> [UInt8] {
        var text = "\(line)\r\n"
        for field in fields { text += "\(field.name): \(field.value)\r\n" }
        return Array((text + "\r\n").utf8)
    }

    private static func read(
        asked: [(name: String, value: String)],
        into fields: inout FieldTable
    ) throws(Fault) -> [UInt8] {
        // A host alone is no field that tells requests apart: the key has it.
        let text = text("GET / HTTP/1.1", [("Host", "a")] + asked)
        var parser = RequestParser(limits: limits)
        var head = RequestHead()
        switch parser.parse(text.span, fields: &fields, head: &head) {
        case .complete: break
        case .needMore: throw .badHead("head-length")
        case .refused(let refusal): throw .badHead("\(refusal.word)")
        }
        guard head.framing.isEmpty, !head.wantsUpgrade else { throw .badHead("request-content") }
        return text
    }
}
