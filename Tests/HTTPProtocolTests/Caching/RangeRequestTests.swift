// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@Suite struct RangeRequestTests {
    static func resolve(_ text: String, _ length: Int64) -> [OctetRange]? {
        guard let request = RangeRequest(Array(text.utf8).span) else { return nil }
        let ranges = request.resolved(length: length)
        return (0..<ranges.count).map { ranges[$0] }
    }

    @Test(
        arguments: [
            ("bytes=0-499", [OctetRange(0, 499)]), ("bytes=500-999", [OctetRange(500, 999)]),
            ("bytes=-500", [OctetRange(9500, 9999)]), ("bytes=9500-", [OctetRange(9500, 9999)]),
            ("bytes=0-0,-1", [OctetRange(0, 0), OctetRange(9999, 9999)]),
            (
                "bytes= 0-999, 4500-5499, -1000",
                [
                    OctetRange(0, 999), OctetRange(4500, 5499), OctetRange(9000, 9999),
                ]
            ),
            ("bytes=500-600,601-999", [OctetRange(500, 999)]),
            ("bytes=500-700,601-999", [OctetRange(500, 999)]),
            ("bytes=0-1,4-5,1-4", [OctetRange(0, 5)]),
            ("bytes=4-5,0-1", [OctetRange(4, 5), OctetRange(0, 1)]),
            ("BYTES=0-0", [OctetRange(0, 0)]), ("bytes=-20000", [OctetRange(0, 9999)]),
            ("bytes=9999-99999999999999999999", [OctetRange(9999, 9999)]),
            ("bytes=0-9223372036854775807", [OctetRange(0, 9999)]),
            ("bytes=10000-", []), ("bytes=-0", []), ("bytes=10000-,0-0", [OctetRange(0, 0)]),
            ("bytes=99999999999999999999-", []), (",bytes=0-0", nil),
            ("bytes=,0-0,", [OctetRange(0, 0)]),
        ] as [(String, [OctetRange]?)]
    )
    func `ranges of ten thousand octets`(text: String, ranges: [OctetRange]?) {
        #expect(Self.resolve(text, 10_000) == ranges)
    }

    @Test(arguments: [
        "", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=1", "bytes=2-1",
        "bytes 0-1",
        "bytes=0-1;", "bytes=0 - 1", "bytes=0x0-1", "items=0-1", "bytes=--1", "bytes=-1-",
        "bytes=0-1,x",
        "bytes=0-99999999999999999999x", "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16",
    ])
    func `what is broken, or too much, is passed over`(text: String) {
        #expect(Self.resolve(text, 10_000) == nil)
    }

    @Test func `nothing can be had of nothing`() {
        #expect(Self.resolve("bytes=0-", 0) == [])
        #expect(Self.resolve("bytes=-5", 0) == [])
    }

    static func content(_ text: String) -> ContentRange? { ContentRange(Array(text.utf8).span) }

    @Test func `Content-Range is read`() {
        #expect(Self.content("bytes 42-1233/1234")?.range == OctetRange(42, 1233))
        #expect(Self.content("bytes 42-1233/1234")?.length == 1234)
        #expect(Self.content("Bytes 42-1233/*")?.range == OctetRange(42, 1233))
        #expect(Self.content("bytes 42-1233/*")?.length == nil)
        #expect(Self.content("bytes */1234")?.range == nil)
        #expect(Self.content("bytes */1234")?.length == 1234)
    }

    @Test(arguments: [
        "", "bytes", "bytes 1-2", "bytes 2-1/9", "bytes 1-9/9", "bytes */*", "bytes */",
        "bytes 1-/9",
        "bytes -1/9", "bytes=1-2/9", "items 1-2/9", "bytes 1-2/9x", "bytes  1-2/9", "bytes 1-2/",
        "bytes 0-5/99999999999999999999x",
    ])
    func `and what cannot be is none`(text: String) { #expect(Self.content(text) == nil) }

    @Test func `no octets do harm`() {
        var random = SeededRandom(seed: 5)
        let letters = Array("0123456789-,*/ x".utf8)
        for _ in 0..<50_000 {
            var bytes = Array((random.next(below: 2) == 0 ? "bytes=" : "bytes ").utf8)
            for _ in 0..<random.next(below: 30) {
                bytes.append(letters[Int(random.next(below: UInt32(letters.count)))])
            }
            _ = ContentRange(bytes.span)
            guard let request = RangeRequest(bytes.span) else { continue }
            let length = Int64(random.next(below: 5000))
            let ranges = request.resolved(length: length)
            for index in 0..<ranges.count {
                #expect(ranges[index].first >= 0 && ranges[index].last < length)
                #expect(ranges[index].count > 0)
                for other in 0..<index {
                    #expect(
                        ranges[other].last + 1 < ranges[index].first
                            || ranges[index].last + 1 < ranges[other].first
                    )
                }
            }
        }
    }
}
