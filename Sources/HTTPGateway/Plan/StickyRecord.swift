// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol

/// How a pool keeps clients at their endpoints by a cookie.
public struct StickyPlan: Sendable, Equatable {
    /// Whose the cookie is, and what is done with it.
    public enum Mode: UInt8, Sendable, BitwiseCopyable {
        /// It is the door's own.
        case insert
        /// The application gives it; its value is replaced by what names the endpoint.
        case rewrite
        /// The application gives it; what names the endpoint stands in front of its value, and is
        /// taken out again on the way back.
        case prefix
        /// The application gives it; the door remembers which endpoint has.
        case learn
    }

    /// What is done with the cookie.
    public var mode = Mode.insert
    /// The field that names the session in place of a cookie, in requests and answers alike.
    public var field: String?
    /// How long a session that was learnt is remembered without being used.
    public var idle = Interval.seconds(1800)
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
    var mode = StickyPlan.Mode.insert
    var name = ByteRange.empty
    /// A field of this name in place of a cookie.
    var field = ByteRange.empty
    var idle = Interval.zero
    /// Names of the fields that speak to some caches over the head of `Cache-Control` (RFC 9213).
    var targeted: [2 of ByteRange] = [.empty, .empty]
    /// Behind the value, without `Secure`.
    var attributes = ByteRange.empty
    var security = StickyPlan.Security.auto
    var renews = false
    var strips = false

    var isOn: Bool { !name.isEmpty || !field.isEmpty }

    /// The record of a pool that is not sticky.
    init() {}

    init(_ plan: StickyPlan, _ actions: inout ActionTable) {
        mode = plan.mode
        name = actions.keep(Array(plan.cookie.utf8))
        if let plan = plan.field { field = actions.keep(Array(plan.utf8)) }
        targeted = [
            actions.keep(Array("cdn-cache-control".utf8)),
            actions.keep(Array("surrogate-control".utf8)),
        ]
        idle = plan.idle
        var text = "; Path=\(plan.path)"
        if let domain = plan.domain { text += "; Domain=\(domain)" }
        if let lifetime = plan.lifetime { text += "; Max-Age=\(Int64(lifetime.seconds))" }
        text += "; HttpOnly; SameSite=\(plan.sameSite)"
        attributes = actions.keep(Array(text.utf8))
        security = plan.security
        renews = plan.renews
        switch plan.mode {
        case .insert, .rewrite: strips = plan.strips
        case .prefix: strips = true  // of the mark alone
        case .learn: strips = false
        }
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
            && output.writeLineEnd() && StickyRecord.writePrivate(into: &output)
    }

    /// Writes that no shared cache may keep the answer.
    static func writePrivate(into output: inout OutputSpan<UInt8>) -> Bool {
        output.write("Cache-Control: private\r\n")
    }

    /// Hides what would let some shared caches keep the answer all the same.
    func hideTargeted(
        in fields: inout FieldTable,
        _ bytes: Span<UInt8>,
        _ actions: ActionTable
    ) {
        for place in targeted.indices {
            fields.hide(named: actions.text.span.slice(targeted[place]), in: bytes)
        }
    }

    /// The client's other cookies as one field line, and the application's own without its mark;
    /// false without room.
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
                let isOurs = SessionMark.areEqual(line.slice(pairs.name), text.slice(name))
                if isOurs, mode != .prefix { continue }
                let lead: StaticString = isFirst ? "Cookie: " : "; "
                guard output.write(lead) else { return false }
                let rest = isOurs ? SessionMark.unmarked(line.slice(pairs.value)) : 0
                if rest > 0 {
                    let value = ByteRange(
                        from: Int(pairs.value.start) &+ rest,
                        to: pairs.value.end
                    )
                    guard output.write(text.slice(name)), output.write("="),
                        output.write(line.slice(value))
                    else { return false }
                } else {
                    let pair = ByteRange(from: Int(pairs.name.start), to: pairs.value.end)
                    guard output.write(line.slice(pair)) else { return false }
                }
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
    ///
    /// With `isMarked` it is in front of a value of somebody else's.
    init(
        of name: Span<UInt8>,
        in fields: Span<FieldSlice>,
        _ bytes: Span<UInt8>,
        isMarked: Bool = false
    ) {
        for index in fields.indices where fields[index].known == .cookie {
            let line = bytes.slice(fields[index].value)
            var pairs = PairReader(line, separator: UInt8(ascii: ";"))
            while pairs.next() {
                guard SessionMark.areEqual(line.slice(pairs.name), name) else { continue }
                isThere = true
                let value = line.slice(pairs.value)
                if !isMarked {
                    session = SessionMark.read(value)
                } else if SessionMark.unmarked(value) > 0 {
                    session = SessionMark.read(value.extracting(0..<SessionMark.digits))
                }
                if session != 0 { return }
            }
        }
    }

    /// Octets of the mark in front of a value; 0 when there is none.
    static func unmarked(_ value: Span<UInt8>) -> Int {
        guard value.count > digits, value[digits] == UInt8(ascii: "~"),
            read(value.extracting(0..<digits)) != 0
        else { return 0 }
        return digits &+ 1
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
