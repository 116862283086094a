// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Carries one message body from one side to the other: takes the framing of the source apart and
/// puts on that of the sink, inside the one block that the bytes were read into.
///
///     block:  | room |  framed, ready to send  | ... |  raw, not yet looked at  | reserve |
///             0      start                   end     rawStart              rawEnd
///
/// Chunked data is moved together to one run, whose size line is written before it and whose CRLF
/// after it; both fit, because the framing that was taken off was at least as long.
struct BodyTransfer: BitwiseCopyable {
    enum Source: BitwiseCopyable {
        case done
        case length(UInt64)  // bytes still to come
        case chunks
        case trailers
        case untilClose
    }
    enum Sink: UInt8, BitwiseCopyable {
        case plain  // length or close: bytes as they are
        case chunked
    }

    /// Reading starts here, so that a size line of up to six bytes fits before the data.
    static let room = 16
    /// Reading ends this much before the block does: CRLF, last chunk and trailers grow a little.
    static let reserve = 256

    var source = Source.done
    var sink = Sink.plain
    var rawStart: Int32 = 0
    var rawEnd: Int32 = 0
    var start: Int32 = 0
    var end: Int32 = 0
    /// Content bytes taken from the source so far, framing not counted.
    var total: UInt64 = 0
    /// Trailers are taken from the source and go no further.
    var dropsTrailers = false
    /// Where raw trailers begin that no chunked sink has taken; -1 for none.
    private(set) var trailersAt: Int32 = -1
    private var decoder = ChunkDecoder()
    private var trailers = TrailerParser()

    init() {}

    /// A transfer of a body with this framing.
    init(_ framing: BodyFraming, toChunks: Bool) {
        switch framing {
        case .none, .length(0): source = .done
        case .length(let count): source = .length(count)
        case .chunked: source = .chunks
        case .untilClose: source = .untilClose
        }
        sink = toChunks ? .chunked : .plain
    }

    var hasFramed: Bool { start < end }
    var hasRaw: Bool { rawStart < rawEnd }
    /// Everything was taken from the source; there may still be framed bytes to send.
    var isSourceDone: Bool { if case .done = source { true } else { false } }
    var isTrailing: Bool { if case .trailers = source { true } else { false } }

    /// Bytes that are still to come and can go on as they are, without a look at them.
    var unread: UInt64 {
        guard sink == .plain, !hasRaw, case .length(let remaining) = source else { return 0 }
        return remaining
    }

    /// Bytes have been taken from the source by another way than the block.
    mutating func bypassed(_ count: Int) {
        guard case .length(let remaining) = source else { return }
        let left = remaining &- min(UInt64(max(count, 0)), remaining)
        source = left == 0 ? .done : .length(left)
        total &+= remaining &- left
    }

    /// Where the content lies that the last call of ``advance(in:block:fields:scratch:)`` has
    /// framed; `before` is what ``total`` was ahead of it.
    func content(after before: UInt64) -> Range<Int> {
        let count = Int(truncatingIfNeeded: total &- before)
        guard count > 0 else { return 0..<0 }
        // As ``frame(in:block:)`` has written it.
        let line = sink == .chunked ? (67 &- count.leadingZeroBitCount) >> 2 &+ 2 : 0
        let from = Int(start) &+ line
        return from..<from &+ count
    }

    mutating func sent(_ count: Int) { start &+= Int32(truncatingIfNeeded: count) }

    /// Turns raw bytes into framed ones; call when nothing framed is left.
    ///
    /// Returns a refusal when the source breaks its framing.
    mutating func advance(
        in buffers: inout BufferPool,
        block: Block,
        fields: inout FieldTable,
        scratch: inout Scratch
    ) -> Refusal? {
        switch source {
        case .done: return nil
        case .length(let remaining):
            let count = min(remaining, UInt64(max(rawEnd &- rawStart, 0)))
            take(Int(count))
            source = remaining == count ? .done : .length(remaining &- count)
            return nil
        case .untilClose:
            take(Int(rawEnd &- rawStart))
            if sink == .chunked { frame(in: &buffers, block: block) }
            return nil
        case .chunks:
            if let refusal = takeChunks(in: &buffers, block: block) { return refusal }
            guard isTrailing else { return nil }
            return takeTrailers(in: &buffers, block: block, fields: &fields, scratch: &scratch)
        case .trailers:
            start = rawStart
            end = rawStart
            return takeTrailers(in: &buffers, block: block, fields: &fields, scratch: &scratch)
        }
    }

    /// The source has closed: true when that is how this body ends.
    mutating func sourceClosed(in buffers: inout BufferPool, block: Block) -> Bool {
        guard case .untilClose = source else { return false }
        source = .done
        start = Int32(BodyTransfer.room)
        end = start
        if sink == .chunked {
            end &+= Int32(buffers.write(block, at: Int(start)) { $0.writeChunkedEnd() })
        }
        return true
    }

    /// Gives what is ready, and all that follows, another framing; what is ready was plain.
    mutating func turn(to sink: Sink, in buffers: inout BufferPool, block: Block) {
        self.sink = sink
        guard sink == .chunked else { return }
        frame(in: &buffers, block: block)
        // Without chunks there was no last one to write.
        guard isSourceDone else { return }
        makeRoom(for: BodyTransfer.room, after: 0, in: &buffers, block: block)
        end &+= Int32(buffers.write(block, at: Int(end)) { $0.writeChunkedEnd() })
    }

    /// Frames bytes that something else has put at the front of the block, behind the room.
    mutating func present(_ count: Int, in buffers: inout BufferPool, block: Block) {
        rawStart = Int32(BodyTransfer.room)
        rawEnd = rawStart &+ Int32(truncatingIfNeeded: count)
        take(count)
        if sink == .chunked { frame(in: &buffers, block: block) }
    }

    /// The source has said that it is finished, with these trailers as text or none.
    ///
    /// False when it owes bytes.
    mutating func finish(
        in buffers: inout BufferPool,
        block: Block,
        trailers: Span<UInt8>
    ) -> Bool {
        let trailers = dropsTrailers ? Span<UInt8>() : trailers
        switch source {
        case .done: return true
        case .untilClose where trailers.isEmpty || sink == .plain:
            return sourceClosed(in: &buffers, block: block)
        case .untilClose:
            source = .done
            start = Int32(BodyTransfer.room)
            let size = buffers.write(block, at: Int(start)) {
                _ = $0.writeLastChunk() && $0.write(trailers)
            }
            end = start &+ Int32(size)
            return true
        default: return false
        }
    }

    /// Where the next read goes, moving an unfinished rest to the front first.
    mutating func readingPlace(in buffers: inout BufferPool, block: Block) -> Int {
        if !hasRaw {
            rawStart = Int32(BodyTransfer.room)
            rawEnd = rawStart
        } else if Int(rawStart) > BodyTransfer.room {
            let count = Int(rawEnd &- rawStart)
            buffers.copy(
                from: block,
                at: Int(rawStart),
                to: block,
                at: BodyTransfer.room,
                count: count
            )
            rawStart = Int32(BodyTransfer.room)
            rawEnd = rawStart &+ Int32(count)
        }
        return Int(rawEnd)
    }

    private mutating func take(_ count: Int) {
        start = rawStart
        end = rawStart &+ Int32(count)
        rawStart = end
        total &+= UInt64(count)
    }

    private mutating func takeChunks(in buffers: inout BufferPool, block: Block) -> Refusal? {
        var position = Int(rawStart)
        var target = -1
        start = rawStart
        end = rawStart
        loop: while true {
            switch decoder.next(buffers.bytes(block, from: 0, count: Int(rawEnd)), at: &position) {
            case .data(let range):
                if target < 0 {
                    target = Int(range.start)
                    start = Int32(target)
                } else if target != Int(range.start) {
                    let count = Int(range.count)
                    let from = Int(range.start)
                    buffers.copy(from: block, at: from, to: block, at: target, count: count)
                }
                target += Int(range.count)
                total &+= UInt64(range.count)
            case .needMore: break loop
            case .lastChunk:
                source = .trailers
                break loop
            case .refused(let refusal): return refusal
            }
        }
        rawStart = Int32(position)
        guard target > Int(start) else { return nil }
        end = Int32(target)
        if sink == .chunked { frame(in: &buffers, block: block) }
        return nil
    }

    /// Writes the size line before, and CRLF after, the run of data.
    private mutating func frame(in buffers: inout BufferPool, block: Block) {
        let count = Int(end &- start)
        guard count > 0 else { return }
        let digits = (67 &- count.leadingZeroBitCount) >> 2
        let head = Int(start) - digits - 2
        guard head >= 0 else { return }
        _ = buffers.write(block, at: head) { $0.writeChunkHeader(count) }
        start = Int32(head)
        end &+= Int32(buffers.write(block, at: Int(end)) { $0.writeChunkEnd() })
    }

    /// Moves bytes of a following message away from where the trailers will be written.
    private mutating func makeRoom(
        for count: Int,
        after length: Int,
        in buffers: inout BufferPool,
        block: Block
    ) {
        let rest = Int(rawStart) + length
        let target = max(rest, Int(end) + count)
        let kept = Int(rawEnd) - rest
        if target != rest, kept > 0 {
            buffers.copy(from: block, at: rest, to: block, at: target, count: kept)
        }
        rawStart = Int32(target)
        rawEnd = Int32(target + max(kept, 0))
    }

    private mutating func takeTrailers(
        in buffers: inout BufferPool,
        block: Block,
        fields: inout FieldTable,
        scratch: inout Scratch
    ) -> Refusal? {
        var length = 0
        let raw = buffers.bytes(block, from: Int(rawStart), count: Int(rawEnd &- rawStart))
        switch trailers.parse(raw, fields: &fields, length: &length) {
        case .needMore: return nil
        case .refused(let refusal): return refusal
        case .complete:
            source = .done
            if sink == .chunked {
                scratch.write { output in
                    output.writeLastChunk()
                    for index in 0..<fields.count
                    where !fields[index].isForbidden && !dropsTrailers {
                        output.copyField(fields[index], from: raw)
                    }
                    output.writeLineEnd()
                }
                makeRoom(for: scratch.count, after: length, in: &buffers, block: block)
                end &+= Int32(buffers.write(block, at: Int(end)) { $0.write(scratch.bytes) })
            } else {
                trailersAt = rawStart
                rawStart &+= Int32(length)
            }
            return nil
        }
    }
}
