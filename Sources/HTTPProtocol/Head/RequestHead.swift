// SPDX-License-Identifier: Apache-2.0

/// A request head that was found acceptable.
///
/// All ranges count from the first byte that was given to the parser.
public struct RequestHead: BitwiseCopyable, Sendable, Equatable {
    /// The method.
    public var method: Method = .other
    /// The method as it was spelt.
    public var methodRange: ByteRange = .empty
    /// The form of the target.
    public var form: TargetForm = .origin
    /// The whole target as it was spelt.
    public var target: ByteRange = .empty
    /// The path, with its leading slash; empty in asterisk and authority form and for
    /// `http://host`, which means `/`.
    public var path: ByteRange = .empty
    /// The query without its question mark.
    public var query: ByteRange = .empty
    /// True when there was a question mark, so that an empty query can be told from none.
    public var hasQuery = false
    /// The effective `host[:port]`: of an absolute target, else of `Host` (RFC 9112 §3.3).
    ///
    /// Empty only for HTTP/1.0 without `Host`.
    public var authority: ByteRange = .empty
    /// The host part of ``authority``; an IPv6 literal keeps its brackets.
    public var host: ByteRange = .empty
    /// The port part of ``authority``; 0 when there is none.
    public var port: UInt16 = 0
    /// The minor version: 0 or 1.
    public var minorVersion: UInt8 = 1
    /// Where the body ends; never ``BodyFraming/untilClose``.
    public var framing: BodyFraming = .none
    /// True when the client allows another request on this connection (RFC 9112 §9.3).
    public var isPersistent = true
    /// True when `Upgrade` came with `Connection: upgrade` in HTTP/1.1 (RFC 9110 §7.8).
    public var wantsUpgrade = false
    /// The value of `Upgrade` when ``wantsUpgrade``.
    public var upgradeRange: ByteRange = .empty
    /// True when the client waits for 100 (RFC 9110 §10.1.1).
    public var expectsContinue = false
    /// True when the client takes trailers (RFC 9110 §10.1.4).
    public var teTrailers = false
    /// True when it came by HTTP/2 and was written down as HTTP/1.1.
    public var isHTTP2 = false
    /// Bytes of the head, an empty line before it and the final CRLF included.
    public var length = 0

    /// An empty head, to be filled by ``RequestParser``.
    public init() {}
}
