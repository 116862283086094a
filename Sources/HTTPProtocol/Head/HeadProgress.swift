// SPDX-License-Identifier: Apache-2.0

/// Which side of the exchange a head belongs to.
enum HeadRole: BitwiseCopyable { case request, response, trailer }

/// What the lines judged so far have said; enough to judge the next line.
struct SeenFields: OptionSet, BitwiseCopyable {
    let rawValue: UInt16
    static var host: SeenFields { SeenFields(rawValue: 1) }
    static var contentLength: SeenFields { SeenFields(rawValue: 1 << 1) }
    static var chunked: SeenFields { SeenFields(rawValue: 1 << 2) }
    static var upgrade: SeenFields { SeenFields(rawValue: 1 << 3) }
    static var close: SeenFields { SeenFields(rawValue: 1 << 4) }
    static var keepAlive: SeenFields { SeenFields(rawValue: 1 << 5) }
    static var upgradeOption: SeenFields { SeenFields(rawValue: 1 << 6) }
    /// `Connection` named a field that the codec does not know: it has to be looked for.
    static var nomination: SeenFields { SeenFields(rawValue: 1 << 7) }
    static var expectContinue: SeenFields { SeenFields(rawValue: 1 << 8) }
    static var teTrailers: SeenFields { SeenFields(rawValue: 1 << 9) }
    static var version10: SeenFields { SeenFields(rawValue: 1 << 10) }
    static var startLine: SeenFields { SeenFields(rawValue: 1 << 11) }
    static var emptyLine: SeenFields { SeenFields(rawValue: 1 << 12) }
}

/// How far a head has been judged: all that is kept of it between two calls.
///
/// Heads are judged by whole lines. A line is looked at once for its end and judged when the end
/// is there, so the verdict depends on the bytes alone and never on how they were cut into
/// segments. Ranges are not kept: when a head that came in pieces is complete, it is read once
/// more from its first byte, which fills the caller's table and costs no more than twice.
struct HeadProgress: BitwiseCopyable, Sendable {
    /// Start of the first line that has not been judged.
    var position: UInt32 = 0
    /// Bytes already searched for the end of that line.
    var examined: UInt32 = 0
    /// Field lines judged.
    var fieldCount: UInt32 = 0
    /// Options of `Connection` met.
    var optionCount: UInt8 = 0
    var seen: SeenFields = []

    /// True when nothing has been looked at.
    var isFresh: Bool { examined == 0 && position == 0 }
}

/// What judging the lines at hand came to.
enum SectionResult: BitwiseCopyable {
    case needMore
    case end
    case refused(Refusal)
}

/// The facts of a head, gathered line by line.
struct HeadFacts: BitwiseCopyable {
    var progress: HeadProgress
    let role: HeadRole
    let fieldLimit: Int
    var authority = Authority()
    var upgrade = ByteRange.empty
    var contentLength: UInt64 = 0

    init(_ progress: HeadProgress, _ role: HeadRole, _ limits: HeadLimits) {
        self.progress = progress
        self.role = role
        fieldLimit = Int(limits.fields)
    }

    /// Start of the next line.
    var position: Int {
        get { Int(progress.position) }
        set { progress.position = UInt32(truncatingIfNeeded: newValue) }
    }

    /// Whether the lines say that the connection may be used again (RFC 9112 §9.3).
    var isPersistent: Bool {
        if progress.seen.contains(.close) { return false }
        return !progress.seen.contains(.version10) || progress.seen.contains(.keepAlive)
    }
}
