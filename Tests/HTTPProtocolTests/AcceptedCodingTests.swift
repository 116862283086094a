// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@Suite struct AcceptedCodingTests {
    static let all: InlineArray<3, ContentCoding?> = [.zstd, .brotli, .gzip]

    static func choose(
        _ lines: [String],
        _ offered: InlineArray<3, ContentCoding?> = all
    ) -> ContentCoding? {
        var text = "GET / HTTP/1.1\r\nHost: a\r\n"
        for line in lines { text += "Accept-Encoding: \(line)\r\n" }
        let bytes = Array((text + "\r\n").utf8)
        var parser = RequestParser(limits: HeadLimits())
        var fields = FieldTable(limit: 32)
        var head = RequestHead()
        _ = parser.parse(bytes.span, fields: &fields, head: &head)
        return AcceptedCoding.choose(offered, fields, bytes.span)
    }

    @Test(arguments: [
        ("gzip", ContentCoding.gzip), ("GZip", .gzip), ("x-gzip", .gzip), ("br", .brotli),
        ("zstd", .zstd), ("gzip, br", .brotli), ("gzip, deflate, br, zstd", .zstd), ("*", .zstd),
        ("gzip;q=0.8, br;q=0.7", .gzip), ("gzip;q=1.000, zstd;q=0.999", .gzip),
        ("zstd;q=0, *", .brotli), ("*;q=0.1, gzip;q=0.2", .gzip),
        ("br ; Q=0.5 , gzip;q=0.4", .brotli),
        ("identity;q=0.5, gzip;q=0.5", .gzip), ("identity;q=0, gzip;q=0.001", .gzip),
        ("gzip;q=bad, br", .brotli), (",,gzip", .gzip), ("gzip;level=1, br;q=0.1", .brotli),
    ])
    func `the best one of those that are wanted`(line: String, coding: ContentCoding) {
        #expect(Self.choose([line]) == coding)
    }

    @Test(arguments: [
        "", "identity", "deflate", "gzip;q=0", "*;q=0", "gzip;q=0.000, *;q=0", "gzip;q=1.001",
        "gzip;q=0.0001", "gzip;q=.5", "gzip;q=-1", "gzip;q=", "gzip;q", "gzip q=1", ";q=1", "gzipp",
        "gzip;q=0.5, identity", "gzip;q=0.5, identity;q=0.6", "brr", "b", "x-gzi",
    ])
    func `none is wanted`(line: String) {
        #expect(Self.choose([line]) == nil)
    }

    @Test func `lines are one list, and only what is offered counts`() {
        #expect(Self.choose([]) == nil)
        #expect(Self.choose(["gzip;q=0.5", "br;q=0.4"]) == .gzip)
        #expect(Self.choose(["br, gzip;q=0.1"], [.gzip, nil, nil]) == .gzip)
        #expect(Self.choose(["br"], [.gzip, nil, nil]) == nil)
        #expect(Self.choose(["*"], [.gzip, .zstd, nil]) == .gzip)
    }
}
