// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What an event's 64-bit token says: whose it is, and which occupant of the owner's slab.
///
/// `kind` fills the top 8 bits, then 24 bits of generation, then 32 bits of index. A stale token,
/// left over from an occupant that went away in the same batch, differs in its generation.
public struct EventToken: Equatable, Sendable, BitwiseCopyable {
    /// All 64 bits, as the loop carries them.
    public let raw: UInt64

    /// Wraps the bits of an event.
    @inlinable public init(raw: UInt64) { self.raw = raw }

    /// Names an occupant of the kind's slab.
    @inlinable public init(kind: UInt8, handle: Handle) {
        raw =
            UInt64(kind) << 56 | UInt64(handle.generation & 0xff_ffff) << 32
            | UInt64(handle.index)
    }

    /// Names one of the kind's fixed places, such as a listener's number.
    @inlinable public init(kind: UInt8, index: Int) {
        raw = UInt64(kind) << 56 | UInt64(UInt32(truncatingIfNeeded: index))
    }

    /// Whose event it is.
    @inlinable public var kind: UInt8 { UInt8(truncatingIfNeeded: raw >> 56) }
    /// The occupant's place.
    @inlinable public var index: Int { Int(raw & 0xffff_ffff) }
    /// True when the handle is the one that the token was made from.
    @inlinable public func names(_ handle: Handle) -> Bool {
        UInt64(handle.index) == raw & 0xffff_ffff
            && UInt64(handle.generation & 0xff_ffff) == (raw >> 32) & 0xff_ffff
    }
}
