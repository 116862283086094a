// SPDX-License-Identifier: Apache-2.0

/// A response head that was found acceptable.
///
/// All ranges count from the first byte that was given to the parser.
public struct ResponseHead: BitwiseCopyable, Sendable, Equatable {
    /// The status code, 100 to 599.
    public var status: UInt16 = 0
    /// The reason phrase, often empty.
    public var reason: ByteRange = .empty
    /// The minor version: 0 or 1.
    public var minorVersion: UInt8 = 1
    /// Where the body ends.
    public var framing: BodyFraming = .none
    /// True when the connection may carry another request after this response.
    public var isPersistent = true
    /// True for 101: what follows is the other protocol (RFC 9110 §15.2.2).
    public var isUpgrade = false
    /// True when it came by HTTP/2 and was written down as HTTP/1.1.
    public var isHTTP2 = false
    /// Bytes of the head, final CRLF included.
    public var length = 0

    /// An empty head, to be filled by ``ResponseParser``.
    public init() {}

    /// True for 1xx: another response head follows (RFC 9110 §15.2).
    @inlinable public var isInterim: Bool { status < 200 && status != 101 }
}
