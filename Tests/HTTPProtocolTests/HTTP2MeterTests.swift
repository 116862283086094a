// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import HTTPProtocol

@Suite struct HTTP2MeterTests {
    static let start = Instant(nanoseconds: 1_000_000_000)

    static func header(_ type: UInt8, length: Int = 0, flags: UInt8 = 0) -> HTTP2FrameHeader {
        let bytes = HTTP2Bytes.frame(
            type,
            flags: flags,
            stream: 1,
            [UInt8](repeating: 0, count: length)
        )
        guard let header = HTTP2FrameHeader(bytes.span, at: 0) else {
            Issue.record("no header")
            return HTTP2FrameHeader([UInt8](repeating: 0, count: 9).span, at: 0) ?? header(type)
        }
        return header
    }

    /// How many frames of a kind pass at once before the connection is ended, and why it is.
    static func flood(_ frame: HTTP2FrameHeader) -> (passed: Int, abuse: HTTP2Abuse?) {
        var meter = HTTP2Meter(now: start)
        for count in 0..<10_000 {
            if let abuse = meter.receive(frame, now: start) { return (count, abuse) }
        }
        return (10_000, nil)
    }

    @Test(arguments: [
        (HTTP2FrameType.settings, HTTP2Abuse.settings, 32),
        (HTTP2FrameType.ping, .ping, 64),
        (HTTP2FrameType.priority, .priority, 200),
        (0x2a, .priority, 200),
        (HTTP2FrameType.windowUpdate, .windowUpdate, 400),
        (HTTP2FrameType.data, .emptyFrames, 64),
    ])
    func `a flood ends the connection at its budget`(
        type: UInt8,
        abuse: HTTP2Abuse,
        budget: Int
    ) {
        let result = Self.flood(Self.header(type))
        #expect(result.passed == budget)
        #expect(result.abuse == abuse)
    }

    @Test(arguments: [(10, 6), (100, 64), (1000, 640)])
    func `budgets follow the tolerance`(percent: Int, most: Int) {
        let ping = Self.header(HTTP2FrameType.ping)
        var meter = HTTP2Meter(HTTP2Budgets(percent: percent), now: Self.start)
        for _ in 0..<most { #expect(meter.receive(ping, now: Self.start) == nil) }
        #expect(meter.receive(ping, now: Self.start) == .ping)
    }

    @Test func `requests and content are never a flood by themselves`() {
        #expect(Self.flood(Self.header(HTTP2FrameType.headers, flags: 5)).abuse == nil)
        #expect(Self.flood(Self.header(HTTP2FrameType.data, length: 1)).abuse == nil)
        #expect(Self.flood(Self.header(HTTP2FrameType.data, flags: 1)).abuse == nil)
    }

    @Test func `a rapid reset is cut, a page that is left is not`() {
        let reset = Self.header(HTTP2FrameType.reset, length: 4)
        var meter = HTTP2Meter(now: Self.start)
        for _ in 0..<100 { #expect(meter.receive(reset, now: Self.start) == nil) }
        #expect(meter.receive(reset, now: Self.start) == .rapidReset)
        // A hundred streams cancelled every ten seconds go on for ever.
        var calm = HTTP2Meter(now: Self.start)
        for round in 0..<50 {
            let now = Self.start + .seconds(Int64(round) * 10)
            for _ in 0..<100 { #expect(calm.receive(reset, now: now) == nil) }
        }
    }

    @Test func `resets that the client provokes are counted alike`() {
        var meter = HTTP2Meter(now: Self.start)
        #expect(meter.hadToReset(100, now: Self.start) == nil)
        #expect(meter.hadToReset(1, now: Self.start) == .provokedReset)
    }

    @Test func `lists above the limit are forgiven a few times`() {
        var meter = HTTP2Meter(now: Self.start)
        for _ in 0..<8 { #expect(meter.hadLongList(now: Self.start) == nil) }
        #expect(meter.hadLongList(now: Self.start) == .fieldLists)
        #expect(meter.hadLongList(now: Self.start + .seconds(10)) == nil)
    }

    @Test func `window updates are earned by the data that was sent`() {
        var meter = HTTP2Meter(now: Self.start)
        let update = Self.header(HTTP2FrameType.windowUpdate, length: 4)
        for _ in 0..<5_000 {
            meter.sentData(frames: 1)
            #expect(meter.receive(update, now: Self.start) == nil)
            #expect(meter.receive(update, now: Self.start) == nil)
        }
    }

    @Test func `time gives budgets back, up to their burst`() {
        var meter = HTTP2Meter(now: Self.start)
        let ping = Self.header(HTTP2FrameType.ping, length: 8)
        for _ in 0..<64 { #expect(meter.receive(ping, now: Self.start) == nil) }
        let later = Self.start + .seconds(3_600)
        for _ in 0..<64 { #expect(meter.receive(ping, now: later) == nil) }
        #expect(meter.receive(ping, now: later) == .ping)
    }

    @Test func `answers that starve are cut when they are many for long`() {
        var meter = HTTP2Meter(now: Self.start)
        let soon = Self.start + .milliseconds(499)
        let late = Self.start + .milliseconds(500)
        #expect(!meter.watchesWindows(streams: 31) && meter.watchesWindows(streams: 32))
        #expect(meter.sawStarving(31, now: Self.start) == nil)
        #expect(meter.sawStarving(31, now: late) == nil)
        #expect(meter.sawStarving(32, now: late) == nil, "it begins now")
        #expect(meter.sawStarving(32, now: late + .milliseconds(499)) == nil)
        #expect(meter.sawStarving(32, now: late + .milliseconds(500)) == .starvedWindows)
        var fed = HTTP2Meter(now: Self.start)
        #expect(fed.sawStarving(100, now: Self.start) == nil)
        #expect(fed.sawStarving(0, now: soon) == nil)
        #expect(fed.sawStarving(100, now: late) == nil, "windows were opened between")
    }
}

@Suite struct HTTP2FrameReaderTests {
    static func units(_ bytes: [UInt8], blockLimit: Int = 24_576) -> [HTTP2Unit] {
        var reader = HTTP2FrameReader(blockLimit: blockLimit)
        var units: [HTTP2Unit] = []
        var rest = bytes[...]
        while true {
            let unit = reader.next(Array(rest).span)
            units.append(unit)
            switch unit {
            case .needMore, .refused: return units
            case .frame(_, let count), .fieldBlock(_, _, let count), .moreData(let count):
                rest = rest.dropFirst(count)
            }
        }
    }

    @Test func `content is handed on as it comes, all else whole`() {
        let data = HTTP2Bytes.frame(0, stream: 1, [1, 2, 3, 4])
        var reader = HTTP2FrameReader(blockLimit: 100)
        guard case .frame(_, let first) = reader.next(Array(data.prefix(10)).span) else {
            Issue.record("no frame")
            return
        }
        #expect(first == 10)
        #expect(reader.next(Array(data.dropFirst(10)).span) == .moreData(count: 3))
        let ping = HTTP2Bytes.frame(6, stream: 0, [UInt8](repeating: 0, count: 8))
        #expect(reader.next(Array(ping.dropLast()).span) == .needMore)
    }

    @Test func `a field block is one piece, however many frames it has`() {
        let bytes =
            HTTP2Bytes.frame(1, flags: 1, stream: 1, [1, 2])
            + HTTP2Bytes.frame(9, stream: 1, [3]) + HTTP2Bytes.frame(9, flags: 4, stream: 1, [4])
        for cut in 0..<bytes.count {
            #expect(Self.units(Array(bytes.prefix(cut))) == [.needMore], "cut at \(cut)")
        }
        let units = Self.units(bytes)
        guard case .fieldBlock(_, let frames, let count)? = units.first else {
            Issue.record("no block")
            return
        }
        #expect(frames == 3 && count == bytes.count)
    }

    @Test func `too many frames, or too many octets, are refused before they are decoded`() {
        var flood = HTTP2Bytes.frame(1, flags: 1, stream: 1)
        for _ in 0..<20 { flood += HTTP2Bytes.frame(9, stream: 1) }
        #expect(Self.units(flood) == [.refused(.continuations)])
        let long = [UInt8](repeating: 0, count: 9_000)
        let large =
            HTTP2Bytes.frame(1, flags: 1, stream: 1, long) + HTTP2Bytes.frame(9, stream: 1, long)
        #expect(Self.units(large, blockLimit: 16_000) == [.refused(.fieldBlockSize)])
        let one = HTTP2Bytes.frame(1, flags: 5, stream: 1, long)
        #expect(Self.units(one, blockLimit: 4_096) == [.refused(.fieldBlockSize)])
    }
}
