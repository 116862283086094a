// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Testing

@testable import HTTPGateway

/// Feeds a transfer piece by piece and collects what it would send.
private struct TransferRun: ~Copyable {
    var buffers = BufferPool(limit: 64)
    var fields = FieldTable(limit: 32)
    var scratch = Scratch(capacity: BufferPool.blockSize)
    var sent: [UInt8] = []
    var leftover: [UInt8] = []
    var refusal: Refusal?
    var total: UInt64 = 0
    var isDone = false

    /// `pieces` decides how many bytes each read gives; the sequence is used in turn.
    mutating func run(
        _ framing: BodyFraming,
        toChunks: Bool,
        source: [UInt8],
        pieces: [Int],
        closes: Bool = false
    ) {
        var transfer = BodyTransfer(framing, toChunks: toChunks)
        let block = buffers.take()
        var position = 0
        var turn = 0
        while !transfer.isSourceDone {
            if position == source.count {
                if closes { isDone = transfer.sourceClosed(in: &buffers, block: block) }
                collect(&transfer, block)
                return
            }
            let place = transfer.readingPlace(in: &buffers, block: block)
            let room = BufferPool.blockSize - BodyTransfer.reserve - place
            let count = min(pieces[turn % pieces.count], source.count - position, room)
            guard count > 0 else { return }
            turn += 1
            let piece = Array(source[position..<position + count])
            _ = buffers.write(block, at: place) { $0.write(piece.span) }
            transfer.rawEnd += Int32(count)
            position += count
            refusal = transfer.advance(
                in: &buffers,
                block: block,
                fields: &fields,
                scratch: &scratch
            )
            if refusal != nil { return }
            collect(&transfer, block)
        }
        isDone = true
        let rest = buffers.bytes(
            block,
            from: Int(transfer.rawStart),
            count: Int(transfer.rawEnd - transfer.rawStart)
        )
        leftover = (0..<rest.count).map { rest[$0] } + source[position...]
        total = transfer.total
    }

    private mutating func collect(_ transfer: inout BodyTransfer, _ block: Block) {
        let framed = buffers.bytes(
            block,
            from: Int(transfer.start),
            count: Int(transfer.end - transfer.start)
        )
        for index in framed.indices { sent.append(framed[index]) }
        transfer.sent(framed.count)
        total = transfer.total
    }
}

/// Takes a chunked body apart with the decoder alone.
private func content(ofChunked bytes: [UInt8]) -> (body: [UInt8], rest: Int)? {
    var decoder = ChunkDecoder()
    var position = 0
    var body: [UInt8] = []
    while true {
        switch decoder.next(bytes.span, at: &position) {
        case .data(let range): body += bytes[Int(range.start)..<range.end]
        case .lastChunk: return (body, position)
        case .needMore, .refused: return nil
        }
    }
}

@Suite struct BodyTransferTests {
    private static func chunked(
        _ body: [UInt8],
        _ random: inout SeededRandom,
        trailer: String = ""
    ) -> [UInt8] {
        var out: [UInt8] = []
        var position = 0
        while position < body.count {
            let most = UInt32(body.count - position)
            let size = 1 + Int(random.next(below: min(most, 1 + random.next(below: 5000))))
            let count = min(size, body.count - position)
            out += Array(String(count, radix: 16).utf8) + [13, 10]
            out += body[position..<position + count] + [13, 10]
            position += count
        }
        return out + Array("0\r\n\(trailer)\r\n".utf8)
    }

    @Test(arguments: 1...60)
    func `chunked bodies arrive whole however they are cut`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let length = Int(random.next(below: seed % 3 == 0 ? 100_000 : 300))
        let body = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let following = Array("GET /next HTTP/1.1\r\n".utf8)
        let source = BodyTransferTests.chunked(body, &random) + following
        let pieces = (0..<5).map { _ in 1 + Int(random.next(below: seed % 2 == 0 ? 9 : 9000)) }
        var run = TransferRun()
        run.run(.chunked, toChunks: true, source: source, pieces: pieces)
        let (refusal, sent, leftover, total) = (run.refusal, run.sent, run.leftover, run.total)
        #expect(refusal == nil)
        #expect(content(ofChunked: sent)?.body == body)
        #expect(sent.suffix(5) == Array("0\r\n\r\n".utf8)[...])
        #expect(leftover == following)
        #expect(total == UInt64(length))
    }

    @Test(arguments: [1, 2, 3, 5, 64, 10_000])
    func `trailers pass, forbidden ones do not`(piece: Int) {
        var random = SeededRandom(seed: 9)
        let trailer = "X-Sum:abc\r\nContent-Length: 5\r\nX-Other: d\r\n"
        let following = Array("GET / HTTP/1.1\r\n\r\n".utf8)
        let body = Array("hello".utf8)
        let source = BodyTransferTests.chunked(body, &random, trailer: trailer) + following
        var run = TransferRun()
        run.run(.chunked, toChunks: true, source: source, pieces: [piece])
        let (sent, leftover, refusal) = (run.sent, run.leftover, run.refusal)
        #expect(refusal == nil)
        let decoded = content(ofChunked: sent)
        #expect(decoded?.body == body)
        let tail = String(decoding: sent[(decoded?.rest ?? 0)...], as: UTF8.self)
        #expect(tail == "X-Sum: abc\r\nX-Other: d\r\n\r\n")
        #expect(leftover == following)
    }

    @Test func `a chunked body for an old client loses its framing`() {
        var random = SeededRandom(seed: 3)
        let body = Array("some words".utf8)
        var run = TransferRun()
        let source = BodyTransferTests.chunked(body, &random)
        run.run(.chunked, toChunks: false, source: source, pieces: [4])
        let sent = run.sent
        #expect(sent == body)
    }

    @Test func `a counted body ends at its count`() {
        var run = TransferRun()
        run.run(.length(5), toChunks: false, source: Array("helloGET /".utf8), pieces: [3])
        let (sent, leftover) = (run.sent, run.leftover)
        #expect(sent == Array("hello".utf8))
        #expect(leftover == Array("GET /".utf8))
    }

    @Test func `a body that ends with the connection becomes chunks`() {
        var run = TransferRun()
        let source = Array("all there is".utf8)
        run.run(.untilClose, toChunks: true, source: source, pieces: [5], closes: true)
        let (sent, isDone) = (run.sent, run.isDone)
        #expect(isDone)
        #expect(content(ofChunked: sent)?.body == source)
    }

    @Test func `a counted body that stops short is not done`() {
        var run = TransferRun()
        run.run(.length(50), toChunks: false, source: [1, 2, 3], pieces: [2], closes: true)
        let (isDone, refusal) = (run.isDone, run.refusal)
        #expect(!isDone)
        #expect(refusal == nil)
    }

    @Test(arguments: ["5\nhello\r\n0\r\n\r\n", "x\r\n", "5\r\nhelloX\r\n", "0x5\r\nhello\r\n"])
    func `broken chunks are refused`(source: String) {
        var run = TransferRun()
        run.run(.chunked, toChunks: true, source: Array(source.utf8), pieces: [100])
        let refusal = run.refusal
        #expect(refusal != nil)
    }
}
