// SPDX-License-Identifier: Apache-2.0

/// When signatures hold: windows that follow from the time and the name alone.
///
/// So all servers of a zone that have its keys give the same times, with nothing said between them,
/// and not all signatures of a zone end at once:
///
///     |<------------- lifetime ------------->|
///     |<------- used ------->|<-- refresh -->|
///                            |<------- the next window ...
///
/// with the beginning of each moved by an amount that the owner's name and the type decide.
public struct SignatureWindow: BitwiseCopyable, Sendable, Equatable {
    /// The first second, since 1970 modulo 2^32.
    public let inception: UInt32
    /// The last one.
    public let expiration: UInt32

    /// Seconds by which the clock of a validator may be behind.
    public static var skew: Int64 { 3600 }

    /// The window that `now` is in.
    ///
    /// `now` is in seconds since 1970; the window ends in between `refresh` and `lifetime` seconds
    /// from it. `spread` is any number that belongs to what is signed.
    public init(at now: UInt32, lifetime: UInt32, refresh: UInt32, spread: UInt64) {
        let step = Int64(lifetime) &- Int64(min(refresh, lifetime))
        guard step > 0 else {
            inception = UInt32(truncatingIfNeeded: Int64(now) &- SignatureWindow.skew)
            expiration = now &+ lifetime
            return
        }
        let moved = Int64(truncatingIfNeeded: spread % UInt64(step))
        let begun = (Int64(now) &+ moved) / step &* step &- moved
        inception = UInt32(truncatingIfNeeded: begun &- SignatureWindow.skew)
        expiration = UInt32(truncatingIfNeeded: begun &+ Int64(lifetime))
    }
}
