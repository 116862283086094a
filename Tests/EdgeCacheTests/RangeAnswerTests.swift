// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import HTTPProtocol
import Testing

@Suite struct RangeAnswerTests {
    static let type = "text/plain; charset=utf-8"

    static func answer(
        _ lines: [String],
        method: String = "GET",
        status: UInt16 = 200,
        isAllowed: Bool = true,
        length: Int64 = 10_000,
        type: String? = type
    ) -> RangeAnswer {
        Exchange.withRequest(method, lines) { head, fields, bytes in
            RangeAnswer(
                head.method,
                fields,
                bytes,
                status: status,
                isAllowed: isAllowed,
                length: length,
                type: type?.utf8.count,
                boundary: 0xfeed
            )
        }
    }

    static func fields(_ answer: RangeAnswer, room: Int = 200) -> String? {
        var isWhole = false
        let text = [UInt8](capacity: room) { isWhole = answer.writeFields(into: &$0) }
        return isWhole ? String(decoding: text, as: UTF8.self) : nil
    }

    static func text(_ answer: RangeAnswer, _ part: Int, type: String?, room: Int = 400) -> String?
    {
        var isWhole = false
        let bytes = type.map { Array($0.utf8) }
        let text = [UInt8](capacity: room) { output in
            isWhole = answer.write(part: part, type: bytes?.span, into: &output)
        }
        if !isWhole { #expect(text.isEmpty) }
        return isWhole ? String(decoding: text, as: UTF8.self) : nil
    }

    @Test(arguments: [
        ("bytes=0-4", 0, 4), ("bytes=9990-", 9990, 9999), ("bytes=-10", 9990, 9999),
        ("bytes=9999-20000", 9999, 9999), ("Bytes=5-5", 5, 5), ("bytes=-20000", 0, 9999),
        ("bytes=0-4, 5-9", 0, 9), ("bytes=0-4, 3-9, 20000-", 0, 9), ("bytes=,1-2,", 1, 2),
    ])
    func `one range is one part`(value: String, first: Int64, last: Int64) {
        let answer = Self.answer(["Range: \(value)"])
        #expect(answer.form == .one && answer.status == 206 && answer.count == 1)
        #expect(answer.part(0) == OctetRange(first, last))
        #expect(answer.part(1).count == 0)
        #expect(answer.totalLength == last - first + 1)
        #expect(Self.fields(answer) == "Content-Range: bytes \(first)-\(last)/10000\r\n")
        #expect(Self.text(answer, 0, type: Self.type) == "")
        #expect(Self.fields(answer, room: 20) == nil)
    }

    @Test(arguments: ["bytes=10000-", "bytes=10000-20000, 30000-", "bytes=-0"])
    func `ranges behind the end are refused, and the length is told`(value: String) {
        let answer = Self.answer(["Range: \(value)"])
        #expect(answer.form == .unsatisfiable && answer.status == 416 && answer.count == 0)
        #expect(answer.totalLength == 0 && answer.part(0).count == 0)
        #expect(Self.fields(answer) == "Content-Range: bytes */10000\r\n")
    }

    @Test(arguments: [
        [], ["Range: bytes=5-4"], ["Range: lines=0-4"], ["Range: bytes=a-b"], ["Range: bytes="],
        ["Range: bytes=0-1", "Range: bytes=3-4"],
        ["Range: bytes=0-1,3-4,6-7,9-10,12-13,15-16,18-19,21-22,24-25"],
        // No less than the whole, with what stands between the parts.
        ["Range: bytes=0-4990, 5000-9999"],
    ])
    func `what cannot or need not be heeded has all of it`(lines: [String]) {
        expectWhole(Self.answer(lines))
    }

    private func expectWhole(_ answer: RangeAnswer, length: Int64 = 10_000) {
        #expect(answer.form == .whole && answer.status == 200)
        #expect(answer.totalLength == length)
        #expect(answer.part(0) == OctetRange(0, length - 1))
        #expect(answer.count == (length > 0 ? 1 : 0) && answer.part(1).count == 0)
        #expect(Self.fields(answer) == "" && Self.text(answer, 0, type: Self.type) == "")
    }

    @Test func `only GET of a stored 200 has ranges, and of that version alone`() {
        let range = ["Range: bytes=0-4"]
        #expect(Self.answer(range).form == .one)
        expectWhole(Self.answer(range, method: "HEAD"))
        expectWhole(Self.answer(range, method: "POST"))
        expectWhole(Self.answer(range, status: 404))
        expectWhole(Self.answer(range, status: 206))
        expectWhole(Self.answer(range, isAllowed: false))
        expectWhole(Self.answer(["Range: bytes=20000-"], isAllowed: false))
        expectWhole(Self.answer(range, length: 0), length: 0)
    }

    @Test func `lengths and positions may be as great as they can be`() {
        for length: Int64 in [.max, .max - 1, 1 << 62, (1 << 62) - 1] {
            for value in ["0-0,2-2", "-9223372036854775807", "0-9223372036854775807", "1-,5-6"] {
                let answer = Self.answer(["Range: bytes=\(value)"], length: length)
                #expect(answer.totalLength > 0 && answer.totalLength <= length)
            }
        }
    }

    @Test(arguments: [type, nil])
    func `several parts are told apart, and their length is known before`(type: String?) throws {
        let answer = Self.answer(["Range: bytes=0-4, -7, 1000-1999"], type: type)
        #expect(answer.form == .several && answer.status == 206 && answer.count == 3)
        #expect(answer.part(0) == OctetRange(0, 4) && answer.part(1) == OctetRange(9993, 9999))
        #expect(answer.part(2) == OctetRange(1000, 1999) && answer.part(3).count == 0)
        #expect(
            Self.fields(answer)
                == "Content-Type: multipart/byteranges; boundary=000000000000feed\r\n"
        )
        let line = type.map { "Content-Type: \($0)\r\n" } ?? ""
        let first = "--000000000000feed\r\n\(line)Content-Range: bytes 0-4/10000\r\n\r\n"
        #expect(Self.text(answer, 0, type: type) == first)
        let second = "\r\n--000000000000feed\r\n\(line)Content-Range: bytes 9993-9999/10000\r\n\r\n"
        #expect(Self.text(answer, 1, type: type) == second)
        #expect(Self.text(answer, 3, type: type) == "\r\n--000000000000feed--\r\n")
        #expect(Self.text(answer, 4, type: type) == "" && Self.text(answer, -1, type: type) == "")
        var total = 0
        for index in 0...answer.count {
            let text = try #require(Self.text(answer, index, type: type))
            total += text.utf8.count + Int(answer.part(index).count)
            for room in 0..<text.utf8.count where room < text.utf8.count - 70 {
                #expect(Self.text(answer, index, type: type, room: room) == nil)
            }
        }
        #expect(answer.totalLength == Int64(total))
        #expect(Self.fields(answer, room: 64) == nil)
    }

    @Test func `the length is right for parts of every size`() throws {
        var random = SeededRandom(seed: 3)
        var seen = 0
        for _ in 0..<500 {
            let length = Int64(random.next(below: 1_000_000)) + 1
            let specs = (0..<Int(random.next(below: 8)) + 1).map { _ in
                let first = Int64(random.next(below: UInt32(length)))
                return "\(first)-\(first + Int64(random.next(below: 300)))"
            }
            let answer = Self.answer(
                ["Range: bytes=" + specs.joined(separator: ",")],
                length: length
            )
            guard answer.form == .several else { continue }
            seen += 1
            var total: Int64 = 0
            for index in 0...answer.count {
                let text = try #require(Self.text(answer, index, type: Self.type))
                total += Int64(text.utf8.count) + answer.part(index).count
            }
            #expect(answer.totalLength == total && total < length)
        }
        #expect(seen > 100)
    }
}
