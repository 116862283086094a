// SPDX-License-Identifier: Apache-2.0

/// Which answers of a route are compressed, and how.
public struct CompressSettings: Sendable, Equatable {
    /// The codings that are offered, the best one first.
    public var codings: [String]
    /// Media types, or kinds of them; empty for those that are text.
    public var types: [String]
    /// Answers that are known to be shorter stay as they are.
    public var minSize: ByteCount
    /// From 1, quick, to 9, small.
    public var level: Int
}
