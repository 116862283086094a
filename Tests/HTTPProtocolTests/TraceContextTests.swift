// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

private func read(_ text: String) -> TraceContext? {
    var random = SeededRandom(seed: 1)
    return TraceContext(continuing: Array(text.utf8).span, random: &random)
}

private func line(_ context: TraceContext) -> String {
    let bytes = [UInt8](capacity: 100) { $0.writeTraceparent(context) }
    return String(decoding: bytes, as: UTF8.self)
}

@Suite struct TraceContextTests {
    static let id = "0af7651916cd43dd8448eb211c80319c"

    // W3C Trace Context §3.2.
    @Test func `a trace goes on with a parent of ours`() throws {
        let trace = try #require(read("00-\(Self.id)-b7ad6b7169203331-01"))
        #expect(trace.isContinued && trace.flags == 1 && trace.isSampled)
        #expect(trace.parentID == 0xb7ad_6b71_6920_3331 && trace.spanID != trace.parentID)
        let text = line(trace)
        #expect(text.hasPrefix("traceparent: 00-\(Self.id)-") && text.hasSuffix("-01\r\n"))
        #expect(!text.contains("b7ad6b7169203331"))
        #expect(text.utf8.count == "traceparent: ".utf8.count + 55 + 2)
    }

    @Test(arguments: [("00", 0), ("01", 1), ("03", 3), ("ff", 3), ("fe", 2)])
    func `only known flags go on`(text: String, flags: UInt8) {
        #expect(read("00-\(Self.id)-b7ad6b7169203331-\(text)")?.flags == flags)
    }

    @Test(arguments: [
        "cc-\(id)-b7ad6b7169203331-01", "cc-\(id)-b7ad6b7169203331-01-what-comes-later",
    ])
    func `a later version is read as far as it is known`(text: String) throws {
        let trace = try #require(read(text))
        #expect(line(trace).hasPrefix("traceparent: 00-\(Self.id)-"))
    }

    @Test(arguments: [
        "", "00", "00-\(id)-b7ad6b7169203331", "00-\(id)-b7ad6b7169203331-0",
        "00-\(id)-b7ad6b7169203331-01-", "00-\(id)-b7ad6b7169203331-011",
        "cc-\(id)-b7ad6b7169203331-01.what", "ff-\(id)-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-\(id)-0000000000000000-01", "00-\(id.uppercased())-b7ad6b7169203331-01",
        "00-\(id)-b7ad6b716920333x-01", "00_\(id)-b7ad6b7169203331-01",
        " 00-\(id)-b7ad6b7169203331-01", "0g-\(id)-b7ad6b7169203331-01",
    ])
    func `anything else is no trace`(text: String) {
        #expect(read(text) == nil)
    }

    @Test func `a new trace may be left unsampled`() {
        var random = SeededRandom(seed: 5)
        let trace = TraceContext(random: &random, isSampled: false)
        #expect(trace.flags == 0 && !trace.isSampled)
        #expect(line(trace).hasSuffix("-00\r\n"))
    }

    @Test func `each attempt has a span of its own, always the same`() {
        var random = SeededRandom(seed: 9)
        let trace = TraceContext(random: &random)
        let spans = (1...20).map { trace.spanID(attempt: $0) }
        #expect(Set(spans + [trace.spanID, 0]).count == 22)
        #expect(spans == (1...20).map { trace.spanID(attempt: $0) })
    }

    @Test func `a new trace is recorded, and each is another`() throws {
        var random = SeededRandom(seed: 5)
        let (first, second) = (TraceContext(random: &random), TraceContext(random: &random))
        #expect(first.traceID != second.traceID && first.traceID != 0 && first.spanID != 0)
        #expect(first.parentID == 0)
        #expect(first.flags == 1 && !first.isContinued)
        let text = line(first).dropFirst("traceparent: ".count).dropLast(1)
        #expect(read(String(text))?.traceID == first.traceID)
    }
}
