// SPDX-License-Identifier: Apache-2.0

/// The first nine octets of a frame (RFC 9113 §4.1).
public struct HTTP2FrameHeader: BitwiseCopyable, Sendable, Equatable {
    /// Octets in front of every payload.
    public static let size = 9

    /// Octets of payload.
    public var length: Int
    /// The type: 0 DATA to 9 CONTINUATION, and those of extensions.
    public var type: UInt8
    /// The flags, whose meaning depends on the type.
    public var flags: UInt8
    /// The stream; 0 for the connection.
    public var stream: Int32

    /// The header that begins at `index`; nil when its octets are not all there.
    public init?(_ bytes: Span<UInt8>, at index: Int) {
        guard index >= 0, index <= bytes.count &- HTTP2FrameHeader.size else { return nil }
        let nine = bytes.extracting(index..<(index &+ HTTP2FrameHeader.size))
        length = Int(nine[0]) << 16 | Int(nine[1]) << 8 | Int(nine[2])
        type = nine[3]
        flags = nine[4]
        let number =
            UInt32(nine[5]) << 24 | UInt32(nine[6]) << 16 | UInt32(nine[7]) << 8 | UInt32(nine[8])
        stream = Int32(bitPattern: number & 0x7fff_ffff)
    }

    /// True when the flag END_STREAM of DATA and HEADERS is set.
    @inlinable public var endsStream: Bool { flags & 0x1 != 0 }
    /// True when the flag END_HEADERS of HEADERS and CONTINUATION is set.
    @inlinable public var endsHeaders: Bool { flags & 0x4 != 0 }
    /// True when the flag ACK of SETTINGS and PING is set.
    @inlinable public var isAcknowledgement: Bool { flags & 0x1 != 0 }
}

/// The types of frames (RFC 9113 §6).
public enum HTTP2FrameType {
    /// DATA.
    public static let data: UInt8 = 0
    /// HEADERS.
    public static let headers: UInt8 = 1
    /// PRIORITY.
    public static let priority: UInt8 = 2
    /// RST_STREAM.
    public static let reset: UInt8 = 3
    /// SETTINGS.
    public static let settings: UInt8 = 4
    /// PING.
    public static let ping: UInt8 = 6
    /// GOAWAY.
    public static let goAway: UInt8 = 7
    /// WINDOW_UPDATE.
    public static let windowUpdate: UInt8 = 8
    /// CONTINUATION.
    public static let continuation: UInt8 = 9
}

/// What may be handed to the session next.
public enum HTTP2Unit: BitwiseCopyable, Sendable, Equatable {
    /// Too few bytes: a piece that must be whole is not.
    case needMore
    /// This many bytes, which begin a frame with this header.
    case frame(HTTP2FrameHeader, count: Int)
    /// This many bytes, a whole field block in this many frames.
    case fieldBlock(HTTP2FrameHeader, frames: Int, count: Int)
    /// This many bytes of a DATA frame whose header was seen before.
    case moreData(count: Int)
    /// The connection cannot go on.
    case refused(HTTP2Abuse)
}

/// Cuts what a peer sends into pieces of which each can be judged before the library works on it.
///
/// A field block, in HEADERS and all its CONTINUATIONs, is one piece: it is decoded only when it is
/// whole and known to be small, so that neither its length nor the number of its frames can cost
/// memory or time (RFC 9113 §10.5.1). DATA is handed on as it comes; all else in whole frames.
public struct HTTP2FrameReader: BitwiseCopyable, Sendable {
    /// The largest payload that this side allows (SETTINGS_MAX_FRAME_SIZE as by default).
    public static let payloadLimit = 16_384
    /// Frames that one field block may come in.
    public static let blockFrameLimit = 16

    /// Octets still to come of the DATA frame that is being read.
    public private(set) var dataRemaining = 0
    /// Octets of a field block with its frame headers.
    public let blockLimit: Int

    /// A reader at the first frame behind the preface.
    public init(blockLimit: Int) { self.blockLimit = blockLimit }

    /// The next piece of `bytes`, which begin where the piece before ended.
    public mutating func next(_ bytes: Span<UInt8>) -> HTTP2Unit {
        if dataRemaining > 0 {
            guard !bytes.isEmpty else { return .needMore }
            let count = Swift.min(dataRemaining, bytes.count)
            dataRemaining &-= count
            return .moreData(count: count)
        }
        guard let header = HTTP2FrameHeader(bytes, at: 0) else { return .needMore }
        let whole = header.length &+ HTTP2FrameHeader.size
        // The library answers a frame that is too long itself, from its header alone.
        guard header.length <= HTTP2FrameReader.payloadLimit else {
            return .frame(header, count: Swift.min(whole, bytes.count))
        }
        switch header.type {
        case HTTP2FrameType.data:
            let count = Swift.min(whole, bytes.count)
            dataRemaining = whole &- count
            return .frame(header, count: count)
        case HTTP2FrameType.headers where !header.endsHeaders:
            return fieldBlock(header, bytes)
        case HTTP2FrameType.headers:
            guard whole <= blockLimit else { return .refused(.fieldBlockSize) }
            guard whole <= bytes.count else { return .needMore }
            return .fieldBlock(header, frames: 1, count: whole)
        default:
            return whole <= bytes.count ? .frame(header, count: whole) : .needMore
        }
    }

    // HEADERS and the CONTINUATIONs that must follow it at once (RFC 9113 §6.10).
    private func fieldBlock(_ first: HTTP2FrameHeader, _ bytes: Span<UInt8>) -> HTTP2Unit {
        var end = HTTP2FrameHeader.size &+ first.length
        var frames = 1
        while true {
            guard end < blockLimit else { return .refused(.fieldBlockSize) }
            guard frames < HTTP2FrameReader.blockFrameLimit else { return .refused(.continuations) }
            guard let header = HTTP2FrameHeader(bytes, at: end) else { return .needMore }
            // Something else in between breaks the protocol: the library says so.
            guard header.type == HTTP2FrameType.continuation, header.stream == first.stream,
                header.length <= HTTP2FrameReader.payloadLimit
            else {
                let count = Swift.min(end &+ HTTP2FrameHeader.size &+ header.length, bytes.count)
                return .fieldBlock(first, frames: frames, count: count)
            }
            frames &+= 1
            end &+= HTTP2FrameHeader.size &+ header.length
            guard end <= blockLimit else { return .refused(.fieldBlockSize) }
            guard header.endsHeaders else { continue }
            return end <= bytes.count
                ? .fieldBlock(first, frames: frames, count: end) : .needMore
        }
    }
}
