// SPDX-License-Identifier: Apache-2.0

/// How much of a head is taken before it is refused.
public struct HeadLimits: BitwiseCopyable, Sendable, Equatable {
    /// Bytes of a whole head, final empty line included.
    public var headBytes: UInt32
    /// Number of field lines.
    public var fields: UInt32
    /// Bytes of a request target.
    public var targetBytes: UInt32

    /// Limits; the defaults are 32 KiB, 100 fields and 8 KiB of target.
    @inlinable public init(
        headBytes: UInt32 = 32_768,
        fields: UInt32 = 100,
        targetBytes: UInt32 = 8_192
    ) {
        self.headBytes = headBytes
        self.fields = fields
        self.targetBytes = targetBytes
    }
}

/// What a call to a head parser came to.
public enum HeadResult: BitwiseCopyable, Sendable, Equatable {
    /// The head is not complete: call again with the same bytes and more.
    case needMore
    /// The head is complete; its ``RequestHead/length`` bytes are used up.
    case complete
    /// The head is not acceptable; answer ``Refusal/status`` and close.
    case refused(Refusal)
}

/// Where a body ends (RFC 9112 §6.3).
public enum BodyFraming: BitwiseCopyable, Sendable, Equatable {
    /// There is no body.
    case none
    /// `Content-Length` bytes; 0 is kept apart from ``none`` so that it can be said onwards.
    case length(UInt64)
    /// The chunked transfer coding.
    case chunked
    /// All bytes until the connection closes; responses only.
    case untilClose

    /// True when no byte of body can follow.
    @inlinable public var isEmpty: Bool { self == .none || self == .length(0) }
}

/// The four forms of a request target (RFC 9112 §3.2).
public enum TargetForm: UInt8, BitwiseCopyable, Sendable {
    /// `/path?query`.
    case origin
    /// `http://host/path?query`.
    case absolute
    /// `host:port`, only with CONNECT.
    case authority
    /// `*`, only with OPTIONS.
    case asterisk
}
