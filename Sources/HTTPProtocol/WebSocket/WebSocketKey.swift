// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The nonce by which a client makes sure that a server speaks the WebSocket protocol (RFC 6455 §4.1).
///
/// It is no secret: it only keeps an answer that was made for something else from being taken for
/// one to this handshake.
public struct WebSocketKey: BitwiseCopyable, Sendable, Equatable {
    private let high: UInt64
    private let low: UInt64

    /// A key of these 128 bits, which should be random.
    public init(_ high: UInt64, _ low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Appends the value of `Sec-WebSocket-Key`, 24 octets; false without room.
    @_lifetime(output: copy output)
    public func write(into output: inout OutputSpan<UInt8>) -> Bool {
        var nonce = InlineArray<16, UInt8>(repeating: 0)
        for place in 0..<8 {
            let shift = UInt64(56 &- place &* 8)
            nonce[place] = UInt8(truncatingIfNeeded: high &>> shift)
            nonce[place &+ 8] = UInt8(truncatingIfNeeded: low &>> shift)
        }
        return Base64.encode(nonce.span, into: &output)
    }

    /// Appends what the server has to digest with SHA-1, 60 octets (RFC 6455 §4.2.2); false
    /// without room.
    @_lifetime(output: copy output)
    public func writeChallenge(into output: inout OutputSpan<UInt8>) -> Bool {
        write(into: &output) && output.write("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    }
}
