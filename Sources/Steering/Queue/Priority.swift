// SPDX-License-Identifier: Apache-2.0

/// Who goes first when there is not enough for all.
///
/// Three words instead of numbers: whoever writes a route cannot know the numbers of the others.
public enum Priority: UInt8, Sendable, BitwiseCopyable, CaseIterable, Comparable {
    /// Served first, and refused last.
    case high
    /// What nobody has said anything about.
    case normal
    /// Served when nobody else waits, and refused first.
    case low

    /// The word of configuration, log and metrics.
    public var word: StaticString {
        switch self {
        case .high: "high"
        case .normal: "normal"
        case .low: "low"
        }
    }

    /// True when the first is to be served before the second.
    public static func < (a: Priority, b: Priority) -> Bool { a.rawValue < b.rawValue }
}
