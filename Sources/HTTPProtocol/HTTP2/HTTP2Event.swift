// SPDX-License-Identifier: Apache-2.0

/// What the bytes of a peer meant for one stream.
///
/// `owner` is the number that was given to ``HTTP2Session/attach(_:to:)``; 0 for nobody.
public enum HTTP2Event: BitwiseCopyable, Sendable, Equatable {
    /// A request, or a final or interim response, whose fields are those of the workspace.
    case fields(stream: Int32, owner: UInt64, endsStream: Bool)
    /// The trailers of the message, which end the stream.
    case trailers(stream: Int32, owner: UInt64)
    /// Content, in this range of the bytes that were received.
    case data(stream: Int32, owner: UInt64, ByteRange)
    /// The peer has finished its message.
    case finished(stream: Int32, owner: UInt64)
    /// The stream is over, by RST_STREAM of either side or by its end.
    case closed(stream: Int32, owner: UInt64, HTTP2ErrorCode)
    /// The peer opens no more streams than those below this number.
    case goAway(lastStream: Int32, HTTP2ErrorCode)
}

/// One decoded field: where its name and its value lie in the workspace's text.
public struct HTTP2Field: BitwiseCopyable, Sendable, Equatable {
    /// The name, in lower case on the wire, with the colon of a pseudo-field.
    public var name: ByteRange
    /// The value.
    public var value: ByteRange

    /// A field from its parts.
    @inlinable public init(name: ByteRange, value: ByteRange) {
        self.name = name
        self.value = value
    }
}
