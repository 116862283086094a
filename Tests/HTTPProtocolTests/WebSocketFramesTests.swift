// SPDX-License-Identifier: Apache-2.0
import HTTPProtocol
import Testing

@Suite struct WebSocketFramesTests {
    /// Heads of RFC 6455 §5.2 with the bytes of payload behind them.
    static let frames: [(name: String, head: [UInt8], payload: Int)] = [
        ("empty", [0x81, 0x00], 0),
        ("short", [0x82, 0x05], 5),
        ("masked, empty", [0x89, 0x80, 1, 2, 3, 4], 0),
        ("masked", [0x81, 0x85, 1, 2, 3, 4], 5),
        ("16 bits", [0x82, 0x7e, 0x01, 0x00], 256),
        ("64 bits", [0x02, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0], 65_536),
        ("64 bits, masked", [0x00, 0xff, 0, 0, 0, 0, 0, 0, 0, 3, 9, 9, 9, 9], 3),
    ]

    @Test(arguments: frames.indices, [1, 2, 3, 7, 1000])
    func `borders are found however the bytes are cut`(frame: Int, piece: Int) {
        let (_, head, payload) = WebSocketFramesTests.frames[frame]
        let bytes = head + [UInt8](repeating: 0x81, count: payload)
        let stream = bytes + bytes
        var frames = WebSocketFrames()
        var place = 0
        while place < stream.count {
            let end = min(place + piece, stream.count)
            frames.pass(Array(stream[place..<end]).span)
            place = end
            #expect(frames.isBetweenFrames == (place % bytes.count == 0))
        }
    }

    @Test func `nothing may follow a close frame`() {
        var frames = WebSocketFrames()
        frames.pass(([0x88, 0x02, 0x03, 0xe8] as [UInt8]).span)
        #expect(frames.hasClosed)
        #expect(!frames.isBetweenFrames)
    }

    @Test func `a length beyond all sense never ends`() {
        var frames = WebSocketFrames()
        let head: [UInt8] = [0x82, 0xff] + [UInt8](repeating: 0xff, count: 8)
        frames.pass((head + [UInt8](repeating: 0, count: 100_000)).span)
        #expect(!frames.isBetweenFrames)
    }

    @Test func `the frames of our own are whole`() {
        for isMasked in [false, true] {
            var frames = WebSocketFrames()
            if isMasked {
                let own = WebSocketFrames.maskedGoingAway
                frames.pass(own.span)
                #expect([own[6] ^ own[2], own[7] ^ own[3]] == [0x03, 0xe9])
            } else {
                frames.pass(WebSocketFrames.goingAway.span)
            }
            #expect(frames.hasClosed)
        }
    }
}
