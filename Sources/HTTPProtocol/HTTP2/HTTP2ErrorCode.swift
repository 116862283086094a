// SPDX-License-Identifier: Apache-2.0

/// Why a stream or a connection ends (RFC 9113 §7).
public struct HTTP2ErrorCode: RawRepresentable, BitwiseCopyable, Sendable, Equatable {
    /// The number on the wire.
    public let rawValue: UInt32

    /// Wraps a number, known or not.
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Nothing went wrong.
    @inlinable public static var noError: HTTP2ErrorCode { HTTP2ErrorCode(rawValue: 0) }
    /// A rule of the protocol was broken.
    @inlinable public static var protocolError: HTTP2ErrorCode { HTTP2ErrorCode(rawValue: 1) }
    /// The sender of the code failed.
    @inlinable public static var internalError: HTTP2ErrorCode { HTTP2ErrorCode(rawValue: 2) }
    /// More was sent than the window allowed.
    @inlinable public static var flowControlError: HTTP2ErrorCode { HTTP2ErrorCode(rawValue: 3) }
    /// A frame has a size that its type does not allow.
    @inlinable public static var frameSizeError: HTTP2ErrorCode { HTTP2ErrorCode(rawValue: 6) }
    /// Nothing was done for the stream: it may be tried again.
    @inlinable public static var refusedStream: HTTP2ErrorCode { HTTP2ErrorCode(rawValue: 7) }
    /// The stream is not needed any more.
    @inlinable public static var cancel: HTTP2ErrorCode { HTTP2ErrorCode(rawValue: 8) }
    /// The peer causes more load than it is worth.
    @inlinable public static var enhanceYourCalm: HTTP2ErrorCode { HTTP2ErrorCode(rawValue: 11) }
}
