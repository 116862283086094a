// SPDX-License-Identifier: Apache-2.0

/// Follows where frames of a WebSocket begin and end in the bytes that pass one way.
///
/// A frame of one's own may be put between two frames of others, also between the fragments of a
/// message when it is a control frame (RFC 6455 §5.4, §5.5), and nowhere else.
public struct WebSocketFrames: BitwiseCopyable, Sendable {
    // Octets of payload, masking key included, that are left of the frame.
    private var left: UInt64 = 0
    // The payload length as far as it has been read.
    private var length: UInt64 = 0
    // Octets of the frame's head that have passed, of those that it has.
    private var seen: UInt8 = 0
    private var size: UInt8 = 2
    private var isMasked = false
    private var isClose = false
    /// True once a close frame has begun: nothing may follow it.
    public private(set) var hasClosed = false

    /// Before the first frame.
    public init() {}

    /// True where another frame may be put.
    public var isBetweenFrames: Bool { seen == 0 && left == 0 && !hasClosed }

    /// Takes note of bytes that have passed.
    public mutating func pass(_ bytes: Span<UInt8>) {
        var place = 0
        while place < bytes.count {
            if left > 0 {
                let step = min(left, UInt64(bytes.count &- place))
                left &-= step
                place &+= Int(step)
                continue
            }
            take(bytes[place])
            place &+= 1
        }
    }

    /// One octet of a frame's head (RFC 6455 §5.2).
    private mutating func take(_ byte: UInt8) {
        switch seen {
        case 0:
            isClose = byte & 0x0f == 0x8
            length = 0
        case 1:
            isMasked = byte & 0x80 != 0
            switch byte & 0x7f {
            case 126: size = 4
            case 127: size = 10
            case let short:
                size = 2
                length = UInt64(short)
            }
        default: length = length << 8 | UInt64(byte)
        }
        seen &+= 1
        guard seen >= size, seen > 1 else { return }
        if isClose { hasClosed = true }
        // A length with its highest bit set is against the rules: it must not wrap to a short one.
        left = length.addingReportingOverflow(isMasked ? 4 : 0).partialValue
        if length > UInt64(Int64.max) { left = .max }
        seen = 0
        size = 2
    }

    /// A close frame of a server: 1001, "going away" (RFC 6455 §7.4.1).
    public static var goingAway: [4 of UInt8] { [0x88, 0x02, 0x03, 0xe9] }
    /// The same of a client, masked as §5.3 demands; the key is no secret here.
    public static var maskedGoingAway: [8 of UInt8] {
        [0x88, 0x82, 0x4d, 0x61, 0x72, 0x74, 0x03 ^ 0x4d, 0xe9 ^ 0x61]
    }
}
