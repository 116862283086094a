// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@Suite struct JSONFieldReaderTests {
    private func value(_ path: String, _ text: String) -> String? {
        let bytes = Array(text.utf8)
        guard let range = JSONFieldReader.value(at: Array(path.utf8).span, in: bytes.span) else {
            return nil
        }
        return String(decoding: bytes[Int(range.start)..<range.end], as: UTF8.self)
    }

    @Test(
        arguments: [
            ("a", #"{"a":"x"}"#, "x"), ("a", #" { "b" : [1,{"a":2}] , "a" : "x y" } "#, "x y"),
            ("a", #"{"a":12.5,"b":1}"#, "12.5"), ("a", #"{"a":true}"#, "true"),
            ("a", #"{"a":null }"#, "null"), ("a.b", #"{"a":{"c":{},"b":"y"}}"#, "y"),
            ("a", #"{"b":"}\"","a":"z"}"#, "z"), ("a", #"{"a":"q\"r"}"#, #"q\"r"#),
            ("a", #"{"a":"1","a":"2"}"#, "1"), ("a", #"{"a":"x","b":"cut"#, "x"),
            ("a", #"{"a":""}"#, ""),
        ]
    )
    func `a member is found`(path: String, text: String, wanted: String) {
        #expect(value(path, text) == wanted)
    }

    @Test(
        arguments: [
            ("a", ""), ("a", "[]"), ("a", "{}"), ("a", #"{"b":1}"#), ("a", #"{"a":"#),
            ("a", #"{"a":"cut"#), ("a", #"{"a":12"#), ("a", #"{"a":{"a":1}}"#),
            ("a", #"{"a":[1]}"#),
            ("a.b", #"{"a":"b"}"#), ("a", #"{"b":{"a":1}}"#), ("a", #"{"b" "a":1}"#),
            ("a", #""a""#),
            ("a", #"{"b":,"a":1}"#), ("a", #"{"b":]}"#), ("", #"{"a":1}"#),
            ("a..b", #"{"a":{"b":1}}"#),
            ("a", "{\"a\\"), ("a", "{\"a\":\"\\"),
        ]
    )
    func `what is not there, cut or no value is nothing`(path: String, text: String) {
        #expect(value(path, text) == nil)
    }

    @Test func `a text cut anywhere gives the value or nothing, and never another one`() {
        let text = #"{"x":{"a":"no","l":[1,"]",{"a":0}]},"n":-1e5,"a":"yes","t":false}"#
        let bytes = Array(text.utf8)
        let path = Array("a".utf8)
        for count in 0...bytes.count {
            let part = bytes.span.extracting(0..<count)
            guard let range = JSONFieldReader.value(at: path.span, in: part) else { continue }
            let found = String(decoding: bytes[Int(range.start)..<range.end], as: UTF8.self)
            #expect(found == "yes" && count >= 53)
        }
        #expect(value("a", text) == "yes")
    }

    @Test func `ten thousand nested lists cost no stack`() {
        let deep = String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000)
        #expect(value("a", "{\"b\":\(deep),\"a\":\"x\"}") == "x")
    }
}
