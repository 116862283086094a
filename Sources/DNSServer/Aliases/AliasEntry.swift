// SPDX-License-Identifier: Apache-2.0

/// Where an alias has its addresses from: the end of the way, found when the zones are built.
///
/// Zones do not change once they are built, so what an alias leads to is known by then: CNAME
/// records and further aliases on the way are followed once. An answer begins at the end.
struct AliasEntry: BitwiseCopyable, Sendable {
    enum Source: UInt8, BitwiseCopyable, Sendable {
        /// A name that is served here.
        case node
        /// A name that is served elsewhere, and kept resolved on the ``AliasBoard``.
        case board
        /// A name of a zone that is served here, and has no such name.
        case nothing
    }

    var source: Source
    /// The node, or the number on the board.
    var place: UInt32
    /// The lowest TTL on the way, that of the end not counted.
    var ttl: UInt32
    /// Where the name that the alias states lies in the bytes of the table, in lower case.
    var target: UInt32
    /// A hash of the name at the end: draws by name are the same there and here.
    var nameHash: UInt64
}
