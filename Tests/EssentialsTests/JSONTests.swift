// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@Suite struct `JSON reading` {
    static func read(_ text: String, _ limits: JSONLimits = JSONLimits()) throws -> JSONValue {
        try JSONReader.read(Array(text.utf8), limits: limits)
    }

    static let valid: [(String, JSONValue)] = [
        ("null", JSONValue.null), (" true ", true), ("false", false), ("0", 0), ("-0", 0),
        ("-12", -12), ("9223372036854775807", .integer(.max)),
        ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("1.5e3", .number(1500)),
        ("[]", .array([])), ("[1, [2]]", .array([1, .array([2])])), ("{}", .object([])),
        (#"{"b": 1, "a": "x"}"#, ["b": 1, "a": "x"]),
        (#""\u00e9\ud83d\ude00\n\/""#, .string("é😀\n/")), ("\"é\"", "é"),
    ]

    @Test(arguments: valid)
    func `a valid document is read`(text: String, expected: JSONValue) throws {
        let value = try Self.read(text)
        #expect(value == expected)
    }

    @Test(arguments: [
        ("", JSONError.Reason.unexpected, 1, 1), ("[1,\n 2,]", .unexpected, 2, 4),
        ("tru", .unexpected, 1, 4), ("1 2", .trailing, 1, 3), ("01", .number, 1, 1),
        ("1.", .number, 1, 1), ("1e999", .number, 1, 1), ("+1", .unexpected, 1, 1),
        ("{\n  \"a\": 1,\n  \"a\": 2}", .duplicate("a"), 3, 3), (#""\x""#, .escape, 1, 2),
        (#""\ud800""#, .escape, 1, 2), (#""\ud800\u0041""#, .escape, 1, 2),
        (#""\udc00""#, .escape, 1, 2), ("\"a\nb\"", .control, 1, 3), ("\"a", .unexpected, 1, 3),
        ("{\"a\" 1}", .unexpected, 1, 6), ("{a: 1}", .unexpected, 1, 2),
        ("[[[1]]]", .tooDeep, 1, 3), ("[1,2,3,4,5,6,7,8]", .tooMany, 1, 16),
    ])
    func `a bad document names reason, line and column`(
        text: String,
        reason: JSONError.Reason,
        line: Int,
        column: Int
    ) {
        let error = #expect(throws: JSONError.self) {
            try Self.read(text, JSONLimits(depth: 2, values: 8))
        }
        #expect(error?.reason == reason)
        #expect(error?.line == line)
        #expect(error?.column == column)
    }

    @Test func `bytes that are no UTF-8 are refused`() {
        let error = #expect(throws: JSONError.self) {
            try JSONReader.read([0x22, 0xc3, 0x28, 0x22])
        }
        #expect(error?.reason == .encoding)
    }

    @Test func `a document over the size bound is refused before reading`() {
        let error = #expect(throws: JSONError.self) {
            try Self.read("[1,2,3]", JSONLimits(bytes: 6))
        }
        #expect(error?.reason == .tooLong)
    }

    @Test func `the depth bound cannot be raised past what the stack bears`() {
        let text = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        let error = #expect(throws: JSONError.self) {
            try Self.read(text, JSONLimits(depth: 1_000_000))
        }
        #expect(error?.reason == .tooDeep)
    }

    @Test func `mutated documents never trap and survive a round trip`() throws {
        let seedText = #"{"status":"ok","n":[1,-2.5e3,true,null],"t":"a\u00e9\"b","o":{"x":{}}}"#
        var random = SeededRandom(seed: 7)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = Array(seedText.utf8)
            for _ in 0...random.next(below: 4) {
                let index = Int(random.next(below: UInt32(bytes.count)))
                switch random.next(below: 3) {
                case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: index)
                default:
                    bytes.insert(bytes[Int(random.next(below: UInt32(bytes.count)))], at: index)
                }
            }
            guard let value = try? JSONReader.read(bytes) else { continue }
            accepted += 1
            let again = try JSONReader.read(Array(value.text().utf8))
            #expect(again == value)
        }
        #expect(accepted > 100)
    }
}

@Suite struct `JSON writing` {
    static let sample: JSONValue = [
        "name": "a\"\\\u{1}\u{7f}\n", "list": [1, true, .null, .number(0.5)], "empty": .array([]),
    ]

    @Test func `one line has no blanks`() {
        let expected =
            #"{"name":"a\"\\\u0001\u007f\n","list":[1,true,null,0.5],"empty":[]}"#
        #expect(Self.sample.text() == expected)
    }

    @Test func `indented text puts one value on a line`() {
        let expected = """
            {
              "a": [
                1,
                {}
              ],
              "b": "x"
            }
            """
        let value: JSONValue = ["a": [1, .object([])], "b": "x"]
        #expect(value.text(indented: true) == expected)
    }

    @Test func `what JSON cannot say becomes null`() {
        #expect(JSONValue.array([.number(.nan), .number(.infinity)]).text() == "[null,null]")
    }

    @Test func `the piecewise writer gives what the tree gives`() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("name")
        writer.write("a\"\\\u{1}\u{7f}\n")
        writer.name("list")
        writer.beginArray()
        writer.write(1)
        writer.write(true)
        writer.writeNull()
        writer.write(0.5)
        writer.endArray()
        writer.name("empty")
        writer.beginArray()
        writer.endArray()
        writer.endObject()
        #expect(writer.text == Self.sample.text())
    }
}
