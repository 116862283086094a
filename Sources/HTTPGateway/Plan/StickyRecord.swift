// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol

/// How a pool keeps clients at their endpoints by a cookie.
public struct StickyPlan: Sendable, Equatable {
    /// When the cookie is for secure connections only.
    public enum Security: UInt8, Sendable, BitwiseCopyable {
        /// When it was given over one.
        case auto
        /// Always: something in front speaks TLS.
        case always
        /// Never.
        case never
    }

    /// The cookie's name.
    public var cookie: String
    /// How long browsers keep it; nil until they are closed.
    public var lifetime: Interval?
    /// Whether each answer gives it anew, so that its lifetime begins again.
    public var renews = false
    /// When it has the attribute `Secure`.
    public var security = Security.auto
    /// The attribute `SameSite`.
    public var sameSite = "Lax"
    /// The attribute `Path`.
    public var path = "/"
    /// The attribute `Domain`; nil for none.
    public var domain: String?
    /// Whether endpoints do not get to see it.
    public var strips = true

    /// A cookie that lives as long as the browser.
    public init(cookie: String) { self.cookie = cookie }
}

/// What the loops need of a sticky pool; the texts lie in the action table.
struct StickyRecord: Sendable, BitwiseCopyable {
    var name = ByteRange.empty
    /// Behind the value, without `Secure`.
    var attributes = ByteRange.empty
    var security = StickyPlan.Security.auto
    var renews = false
    var strips = false

    var isOn: Bool { !name.isEmpty }

    /// The record of a pool that is not sticky.
    init() {}

    init(_ plan: StickyPlan, _ actions: inout ActionTable) {
        name = actions.keep(Array(plan.cookie.utf8))
        var text = "; Path=\(plan.path)"
        if let domain = plan.domain { text += "; Domain=\(domain)" }
        if let lifetime = plan.lifetime { text += "; Max-Age=\(Int64(lifetime.seconds))" }
        text += "; HttpOnly; SameSite=\(plan.sameSite)"
        attributes = actions.keep(Array(text.utf8))
        security = plan.security
        renews = plan.renews
        strips = plan.strips
    }

    /// The field lines that give a session to a client; false without room.
    ///
    /// RFC 9111 does not keep shared caches from storing a response with `Set-Cookie`, so it is
    /// made private: nobody else may get this client's session.
    func write(
        _ session: UInt64,
        isSecure: Bool,
        _ actions: ActionTable,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let text = actions.text.span
        let saysSecure = security == .always || (security == .auto && isSecure)
        return output.write("Set-Cookie: ") && output.write(text.slice(name))
            && output.write("=") && SessionMark.write(session, into: &output)
            && output.write(text.slice(attributes))
            && (!saysSecure || output.write("; Secure"))
            && output.write("\r\nCache-Control: private\r\n")
    }

    /// The client's other cookies as one field line; false without room.
    func writeOthers(
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        _ actions: ActionTable,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let text = actions.text.span
        var isFirst = true
        for index in 0..<fields.count where fields[index].known == .cookie {
            guard !fields[index].isForbidden, !fields[index].isHopByHop else { continue }
            let line = bytes.slice(fields[index].value)
            var pairs = PairReader(line, separator: UInt8(ascii: ";"))
            while pairs.next() {
                if SessionMark.areEqual(line.slice(pairs.name), text.slice(name)) { continue }
                let end = pairs.value.end
                let pair = ByteRange(from: Int(pairs.name.start), to: end)
                let lead: StaticString = isFirst ? "Cookie: " : "; "
                guard output.write(lead), output.write(line.slice(pair)) else { return false }
                isFirst = false
            }
        }
        return isFirst || output.write("\r\n")
    }
}

/// What a client's cookies say of its session.
struct SessionMark: BitwiseCopyable, Equatable {
    /// Sixteen hexadecimal digits.
    static let digits = 16

    /// The client has a cookie of the name.
    var isThere = false
    /// The identifier in it; 0 when it has not the form of one.
    var session: UInt64 = 0

    /// The first cookie of the name that has the right form.
    init(of name: Span<UInt8>, in fields: Span<FieldSlice>, _ bytes: Span<UInt8>) {
        for index in fields.indices where fields[index].known == .cookie {
            let line = bytes.slice(fields[index].value)
            var pairs = PairReader(line, separator: UInt8(ascii: ";"))
            while pairs.next() {
                guard SessionMark.areEqual(line.slice(pairs.name), name) else { continue }
                isThere = true
                session = SessionMark.read(line.slice(pairs.value))
                if session != 0 { return }
            }
        }
    }

    static func read(_ value: Span<UInt8>) -> UInt64 {
        guard value.count == digits else { return 0 }
        var result: UInt64 = 0
        for index in value.indices {
            // One text for each identifier: capitals are of no use to us.
            guard !(0x41...0x5a).contains(value[index]), let digit = ASCII.hexDigit(value[index])
            else { return 0 }
            result = result << 4 | UInt64(digit)
        }
        return result
    }

    static func write(_ session: UInt64, into output: inout OutputSpan<UInt8>) -> Bool {
        guard output.freeCapacity >= digits else { return false }
        for place in 0..<UInt64(digits) {
            let digit = UInt8(truncatingIfNeeded: session >> (60 &- place &* 4) & 15)
            output.append(digit < 10 ? 0x30 &+ digit : 0x57 &+ digit)
        }
        return true
    }

    static func areEqual(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        for index in a.indices where a[index] != b[index] { return false }
        return true
    }
}

/// What became of the session of one exchange.
public enum SessionTurn: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// The pool is not sticky.
    case none
    /// The client came without one and was given one.
    case begun
    /// It stayed with its endpoint.
    case kept
    /// It moved, as its identifier names no endpoint of the pool.
    case unknown
    /// It moved, as an attempt at its endpoint failed.
    case failed
    /// It moved, as its endpoint is in maintenance.
    case maintenance
    /// It moved, as its endpoint has drained long enough.
    case drained
    /// It moved, as its endpoint is down or ejected.
    case down

    /// Those in which the session moved.
    public static let moves: [SessionTurn] = [.unknown, .failed, .maintenance, .drained, .down]

    /// The word in the access log and in metrics.
    public var word: StaticString {
        switch self {
        case .none: "none"
        case .begun: "begun"
        case .kept: "kept"
        case .unknown: "unknown"
        case .failed: "failed"
        case .maintenance: "maintenance"
        case .drained: "drained"
        case .down: "down"
        }
    }
}
