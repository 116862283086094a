// SPDX-License-Identifier: Apache-2.0
import Essentials
import Foundation
import HTTPProtocol
import Testing

/// A client hello with these extensions, in records of at most `record` octets.
private func hello(
    _ extensions: [UInt8]?,
    session: Int = 32,
    ciphers: [UInt8] = [0x13, 0x01],
    methods: [UInt8] = [0],
    record: Int = 16_384
) -> [UInt8] {
    var body: [UInt8] = [3, 3] + [UInt8](repeating: 7, count: 32)
    body += [UInt8(session)] + [UInt8](repeating: 8, count: session)
    body += two(ciphers.count) + ciphers
    body += [UInt8(methods.count)] + methods
    if let extensions { body += two(extensions.count) + extensions }
    return records([1, 0] + two(body.count) + body, of: record)
}

private func records(_ message: [UInt8], of size: Int) -> [UInt8] {
    stride(from: 0, to: message.count, by: size).flatMap { start -> [UInt8] in
        let piece = message[start..<min(start + size, message.count)]
        return [22, 3, 1] + two(piece.count) + piece
    }
}

private func two(_ number: Int) -> [UInt8] { [UInt8(number >> 8 & 255), UInt8(number & 255)] }

private func named(_ name: String, type: UInt8 = 0) -> [UInt8] {
    let name = Array(name.utf8)
    return [0, 0] + two(name.count + 5) + two(name.count + 3) + [type] + two(name.count) + name
}

private func name(_ bytes: [UInt8]) -> String? {
    guard case .name(let name) = ClientHello.read(bytes.span) else { return nil }
    return "\(name)"
}

private func fault(_ bytes: [UInt8]) -> ClientHelloFault? {
    guard case .refused(let fault) = ClientHello.read(bytes.span) else { return nil }
    return fault
}

@Suite struct ClientHelloTests {
    static let captures: [(program: String, name: String, bytes: [UInt8])] = {
        var parts = #filePath.split(separator: "/")
        parts.removeLast(2)
        let path = "/" + parts.joined(separator: "/") + "/Captures/tls/hellos.txt"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let fields = line.split(separator: "|").map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            let digits = fields[2].utf8.compactMap(ASCII.hexDigit)
            let bytes = stride(from: 0, to: digits.count - 1, by: 2).map {
                digits[$0] << 4 | digits[$0 + 1]
            }
            return (fields[0], fields[1] == "-" ? "" : fields[1], bytes)
        }
    }()

    @Test func `what real programs send is read as they mean it, however it is cut`() {
        #expect(ClientHelloTests.captures.count == 7)
        for capture in ClientHelloTests.captures {
            #expect(name(capture.bytes) == capture.name, "\(capture.program)")
            for count in 0..<capture.bytes.count {
                let part = ClientHello.read(capture.bytes.span.extracting(0..<count))
                #expect(part == .needMore, "\(count) octets of \(capture.program)")
            }
            #expect(name(capture.bytes + [20, 3, 3, 0, 1, 1]) == capture.name)
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 7, 44, 512])
    func `records may end anywhere`(size: Int) {
        let extensions: [UInt8] = [0, 23, 0, 0] + named("www.example.com") + [0, 43, 0, 1, 9]
        #expect(name(hello(extensions, record: size)) == "www.example.com")
    }

    @Test func `names are told in lower case and without a dot at the end`() {
        #expect(name(hello(named("WWW.Example.COM."))) == "www.example.com")
        #expect(name(hello(nil)) == "", "no extensions at all")
        #expect(name(hello([])) == "")
        #expect(name(hello([0, 43, 0, 0])) == "")
        let long = String(repeating: "a.", count: 127) + "a"
        #expect(name(hello(named(long))) == long)
        #expect(fault(hello(named(long + "a"))) == .malformed)
    }

    @Test func `what has two readings is refused`() {
        #expect(fault(hello(named("a.example") + named("b.example"))) == .malformed)
        #expect(fault(hello(named("a.example", type: 1))) == .malformed)
        #expect(fault(hello(named(""))) == .malformed)
        for bad in ["a b", "a\0.example", "a/b", "a\"b", "ä.example", "a\n"] {
            #expect(fault(hello(named(bad))) == .malformed, "\(bad)")
        }
        // Two names in one list, a list that is longer than its extension, or shorter.
        let one: [UInt8] = [0, 0, 1, 0x61]
        #expect(fault(hello([0, 0] + two(10) + two(8) + one + one)) == .malformed)
        #expect(fault(hello([0, 0] + two(6) + two(5) + one)) == .malformed)
        #expect(fault(hello([0, 0] + two(6) + two(3) + one)) == .malformed)
        #expect(fault(hello([0, 0, 0, 0])) == .malformed)
    }

    @Test func `lengths agree with each other`() {
        #expect(fault(hello([], session: 33)) == .malformed)
        #expect(fault(hello([], ciphers: [])) == .malformed)
        #expect(fault(hello([], ciphers: [1, 2, 3])) == .malformed)
        #expect(fault(hello([], methods: [])) == .malformed)
        #expect(fault(hello([0, 43, 0, 9, 1])) == .malformed, "beyond the message")
        #expect(fault(hello([0, 43, 0])) == .malformed, "half an extension")
        #expect(fault(records([1, 0, 0, 0], of: 9)) == .malformed)
    }

    @Test func `what is no hello is known at its first octets`() {
        #expect(fault(Array("GET / HTTP/1.1".utf8)) == .plainText)
        #expect(fault([0x80]) == .notTLS, "SSL 2")
        #expect(fault([22, 2]) == .notTLS)
        #expect(fault([22, 3, 1, 0, 0]) == .malformed, "an empty record")
        #expect(fault([22, 3, 1, 0x40, 1]) == .malformed, "a record beyond its bound")
        #expect(fault([22, 3, 1, 0, 4, 2]) == .notTLS, "a server hello")
        #expect(fault([22, 3, 1, 0, 4, 1, 1, 0, 0]) == .tooLarge)
        #expect(fault([22, 3, 1, 0, 1, 1] + [21, 3, 1, 0, 2]) == .malformed, "an alert amid it")
        #expect(ClientHello.read([UInt8]().span) == .needMore)
    }

    @Test func `a hello in tiny records ends at the bound`() {
        let whole = hello([0, 21] + two(8_000) + [UInt8](repeating: 0, count: 8_000), record: 1)
        #expect(ClientHello.read(whole.span.extracting(0..<1_000)) == .needMore)
        let part = ClientHello.read(whole.span.extracting(0..<ClientHello.limit))
        #expect(part == .refused(.tooLarge))
    }
}
