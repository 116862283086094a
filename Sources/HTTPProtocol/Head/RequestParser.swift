// SPDX-License-Identifier: Apache-2.0

/// Reads request heads (RFC 9112 §3 and §5), strictly.
public struct RequestParser: BitwiseCopyable, Sendable {
    /// The limits it holds.
    public let limits: HeadLimits
    private var progress = HeadProgress()

    /// A parser for one head at a time.
    public init(limits: HeadLimits) { self.limits = limits }

    /// Looks at the bytes that have arrived so far.
    ///
    /// Until it answers something else than ``HeadResult/needMore``, call it again with the same
    /// bytes followed by more. It remembers how far it looked, so that a head that comes byte by
    /// byte costs no more than a multiple of its length. `fields` and `head` mean something only
    /// after ``HeadResult/complete``, so one table can serve all connections of a worker.
    public mutating func parse(
        _ bytes: Span<UInt8>,
        fields: inout FieldTable,
        head: inout RequestHead
    ) -> HeadResult {
        let view = bytes.extracting(first: Swift.min(bytes.count, Int(limits.headBytes)))
        let isFresh = progress.isFresh
        if !isFresh, progress.hasNoLineEnd(view) { return incomplete(view) }
        var facts = HeadFacts(progress, .request, limits)
        var line = RequestLine()
        var result = judge(view, &facts, &line, &fields)
        if !isFresh, case .end = result {
            facts = HeadFacts(HeadProgress(), .request, limits)
            line = RequestLine()
            result = judge(view, &facts, &line, &fields)
        }
        switch result {
        case .needMore:
            progress = facts.progress
            return incomplete(view)
        case .end:
            progress = HeadProgress()
            fields.count = Int(facts.progress.fieldCount)
            if let refusal = facts.requestRefusal(line) { return .refused(refusal) }
            facts.fill(&head, line)
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

    // The whole of what is at hand: start line, then fields.
    @inline(__always)
    private func judge(
        _ view: Span<UInt8>,
        _ facts: inout HeadFacts,
        _ line: inout RequestLine,
        _ fields: inout FieldTable
    ) -> SectionResult {
        if !facts.progress.seen.contains(.startLine) {
            let result = facts.readRequestLine(view, &line, limits)
            guard case .end = result else { return result }
        }
        var slots = fields.cleared()
        let result = facts.readFields(view, into: &slots)
        guard case .end = result else { return result }
        if facts.progress.seen.contains(.nomination) { facts.markNominated(view, in: &slots) }
        return .end
    }

    // More bytes are needed; is there room for them?
    private mutating func incomplete(_ view: Span<UInt8>) -> HeadResult {
        let isInStartLine = !progress.seen.contains(.startLine)
        let length = view.count &- Int(progress.position)
        if isInStartLine, length > RequestLine.lengthLimit(limits) {
            return refuse(.targetLength)
        }
        guard view.count >= Int(limits.headBytes) else { return .needMore }
        return refuse(isInStartLine ? .targetLength : .headLength)
    }

    private mutating func refuse(_ refusal: Refusal) -> HeadResult {
        progress = HeadProgress()
        return .refused(refusal)
    }
}

extension HeadProgress {
    /// True when the bytes that came since the last call hold no end of a line.
    mutating func hasNoLineEnd(_ view: Span<UInt8>) -> Bool {
        let end = HeadScan.firstControl(view, from: Int(examined))
        guard end >= view.count else { return false }
        examined = UInt32(truncatingIfNeeded: view.count)
        return true
    }
}

extension HeadFacts {
    /// Judges the request line and an empty line before it (RFC 9112 §2.2).
    mutating func readRequestLine(
        _ bytes: Span<UInt8>,
        _ line: inout RequestLine,
        _ limits: HeadLimits
    ) -> SectionResult {
        while true {
            let start = position
            let end = HeadScan.firstControl(bytes, from: start)
            guard end &- start <= RequestLine.lengthLimit(limits) else {
                return .refused(.targetLength)
            }
            guard end &+ 1 < bytes.count, bytes[end] == 0x0d, bytes[end &+ 1] == 0x0a else {
                return unfinished(bytes, end: end)
            }
            position = end &+ 2
            if end == start {
                guard !progress.seen.contains(.emptyLine) else { return .refused(.emptyLines) }
                progress.seen.insert(.emptyLine)
                continue
            }
            if let refusal = line.judge(bytes, start, end, limits) { return .refused(refusal) }
            progress.seen.insert(.startLine)
            if line.isVersion10 { progress.seen.insert(.version10) }
            return .end
        }
    }

    /// What is wrong with the head as a whole.
    func requestRefusal(_ line: RequestLine) -> Refusal? {
        // RFC 9112 §3.2; HTTP/1.0 did without.
        let isHostMissing = !progress.seen.contains(.host) && !progress.seen.contains(.version10)
        return isHostMissing ? .hostMissing : nil
    }

    /// Fills in the head of a request that was found acceptable.
    @inline(__always)
    func fill(_ head: inout RequestHead, _ line: RequestLine) {
        let seen = progress.seen
        let isVersion11 = !seen.contains(.version10)
        head.method = line.method
        head.methodRange = line.methodRange
        head.form = line.target.form
        head.target = line.target.range
        head.path = line.target.path
        head.query = line.target.query
        head.hasQuery = line.target.hasQuery
        // RFC 9112 §3.2.2: an absolute form counts and `Host` is ignored.
        let named = line.target.authority.range.isEmpty ? authority : line.target.authority
        head.authority = named.range
        head.host = named.host
        head.port = named.port
        head.minorVersion = isVersion11 ? 1 : 0
        head.framing = requestFraming
        head.isPersistent = isPersistent
        // RFC 9110 §7.8: without the option, or in HTTP/1.0, `Upgrade` is ignored.
        head.wantsUpgrade = isVersion11 && seen.isSuperset(of: [.upgrade, .upgradeOption])
        head.upgradeRange = head.wantsUpgrade ? upgrade : .empty
        // RFC 9110 §10.1.1: a 100-continue expectation in HTTP/1.0 is ignored.
        head.expectsContinue = isVersion11 && seen.contains(.expectContinue)
        head.teTrailers = seen.contains(.teTrailers)
        head.isHTTP2 = false
        head.length = position
    }
}
