// SPDX-License-Identifier: Apache-2.0

/// Reads response heads (RFC 9112 §4 and §5), as strictly as requests.
public struct ResponseParser: BitwiseCopyable, Sendable {
    /// The limits it holds.
    public let limits: HeadLimits
    private var progress = HeadProgress()

    /// A parser for one head at a time.
    public init(limits: HeadLimits) { self.limits = limits }

    /// Looks at the bytes that have arrived so far, as ``RequestParser/parse(_:fields:head:)``.
    ///
    /// `requestMethod` is the method that is answered: HEAD has no body (RFC 9112 §6.3).
    public mutating func parse(
        _ bytes: Span<UInt8>,
        requestMethod: Method,
        fields: inout FieldTable,
        head: inout ResponseHead
    ) -> HeadResult {
        let view = bytes.extracting(first: Swift.min(bytes.count, Int(limits.headBytes)))
        let isFresh = progress.isFresh
        if !isFresh, progress.hasNoLineEnd(view) { return incomplete(view) }
        var facts = HeadFacts(progress, .response, limits)
        var line = StatusLine()
        var result = judge(view, &facts, &line, &fields)
        if !isFresh, case .end = result {
            facts = HeadFacts(HeadProgress(), .response, limits)
            result = judge(view, &facts, &line, &fields)
        }
        switch result {
        case .needMore:
            progress = facts.progress
            return incomplete(view)
        case .end:
            progress = HeadProgress()
            fields.count = Int(facts.progress.fieldCount)
            if let refusal = facts.fill(&head, line, requestMethod) { return .refused(refusal) }
            return .complete
        case .refused(let refusal):
            progress = HeadProgress()
            return .refused(refusal)
        }
    }

    /// Gets ready for the next head.
    ///
    /// Called by itself after ``HeadResult/complete`` and refusals.
    public mutating func reset() { progress = HeadProgress() }

    @inline(__always)
    private func judge(
        _ view: Span<UInt8>,
        _ facts: inout HeadFacts,
        _ line: inout StatusLine,
        _ fields: inout FieldTable
    ) -> SectionResult {
        if !facts.progress.seen.contains(.startLine) {
            let result = facts.readStatusLine(view, &line)
            guard case .end = result else { return result }
        }
        var slots = fields.cleared()
        let result = facts.readFields(view, into: &slots)
        guard case .end = result else { return result }
        if facts.progress.seen.contains(.nomination) { facts.markNominated(view, in: &slots) }
        return .end
    }

    private mutating func incomplete(_ view: Span<UInt8>) -> HeadResult {
        guard view.count >= Int(limits.headBytes) else { return .needMore }
        progress = HeadProgress()
        return .refused(.headLength)
    }
}

/// A status line (RFC 9112 §4): version, one space, three digits, one space, reason phrase.
struct StatusLine: BitwiseCopyable {
    var status: UInt16 = 0
    var reason = ByteRange.empty
    var isVersion10 = false

    /// Judges the line from `start` up to its CR at `end`.
    mutating func judge(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Refusal? {
        guard end &- start >= 12, bytes[start &+ 8] == 0x20 else { return .statusLine }
        switch HeadScan.word(bytes, start) {
        case 0x312e_312f_5054_5448: isVersion10 = false  // HTTP/1.1
        case 0x302e_312f_5054_5448: isVersion10 = true  // HTTP/1.0
        default:
            return HTTPVersion.isWellFormed(bytes, start) ? .versionUnsupported : .statusLine
        }
        for index in (start &+ 9)..<(start &+ 12) {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return .statusLine }
            status = status &* 10 &+ UInt16(digit)
        }
        guard status >= 100, status <= 599 else { return .status }
        guard end > start &+ 12 else {
            // Many origins leave out the space before an empty reason; only one reading exists.
            reason = ByteRange(from: end, to: end)
            return nil
        }
        guard bytes[start &+ 12] == 0x20 else { return .statusLine }
        reason = HeadScan.trimmed(bytes, from: start &+ 13, to: end)
        return nil
    }
}

extension HeadFacts {
    /// Judges the status line; no empty line may come before it.
    mutating func readStatusLine(
        _ bytes: Span<UInt8>,
        _ line: inout StatusLine
    ) -> SectionResult {
        let start = position
        let end = HeadScan.firstControl(bytes, from: start)
        guard end &+ 1 < bytes.count, bytes[end] == 0x0d, bytes[end &+ 1] == 0x0a else {
            return unfinished(bytes, end: end)
        }
        position = end &+ 2
        line = StatusLine()
        if let refusal = line.judge(bytes, start, end) { return .refused(refusal) }
        progress.seen.insert(.startLine)
        if line.isVersion10 { progress.seen.insert(.version10) }
        return .end
    }

    /// Fills in the head of a response, or says why its framing cannot be trusted.
    @inline(__always)
    func fill(
        _ head: inout ResponseHead,
        _ line: StatusLine,
        _ requestMethod: Method
    ) -> Refusal? {
        head.status = line.status
        head.reason = line.reason
        head.minorVersion = line.isVersion10 ? 0 : 1
        head.isUpgrade = line.status == 101
        head.length = position
        if let refusal = responseRefusal(line.status) { return refusal }
        head.framing = responseFraming(line.status, requestMethod)
        // A body that ends with the connection leaves nothing to use again.
        head.isPersistent = isPersistent && head.framing != .untilClose && !head.isUpgrade
        return nil
    }

    private func responseRefusal(_ status: UInt16) -> Refusal? {
        let hasLength = progress.seen.contains(.contentLength) && contentLength > 0
        switch status {
        case 101:
            // RFC 9110 §15.2.2: 101 names the protocol it switches to.
            guard progress.seen.isSuperset(of: [.upgrade, .upgradeOption]),
                !progress.seen.contains(.version10)
            else { return .upgradeResponse }
            fallthrough
        case 100, 102...199, 204:
            // RFC 9112 §6.1, RFC 9110 §8.6: neither field may be sent. A length of 0 says
            // nothing else than the status and is let through.
            return hasLength || progress.seen.contains(.chunked) ? .bodyNotAllowed : nil
        case 205:
            // RFC 9110 §15.3.6.
            return hasLength ? .bodyNotAllowed : nil
        default: return nil
        }
    }

    // RFC 9112 §6.3, in its order.
    private func responseFraming(_ status: UInt16, _ requestMethod: Method) -> BodyFraming {
        if requestMethod == .head || status < 200 || status == 204 || status == 304 {
            return .none
        }
        if progress.seen.contains(.chunked) { return .chunked }
        return progress.seen.contains(.contentLength) ? .length(contentLength) : .untilClose
    }
}
