// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Foundation
import Testing

/// Queries as real programs sent them.
@Suite struct CaptureTests {
    struct Capture: Sendable, CustomTestStringConvertible {
        var program: String
        var expected: String
        var bytes: [UInt8]

        var testDescription: String { program }
    }

    static let captures: [Capture] = {
        var parts = #filePath.split(separator: "/")
        parts.removeLast(2)
        let path = "/" + parts.joined(separator: "/") + "/Captures/dns/queries.txt"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let fields = line.split(separator: "|").map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            let digits = fields[2].utf8.compactMap(ASCII.hexDigit)
            let bytes = stride(from: 0, to: digits.count - 1, by: 2).map {
                digits[$0] << 4 | digits[$0 + 1]
            }
            return Capture(program: fields[0], expected: fields[1], bytes: bytes)
        }
    }()

    @Test func `the captures are there`() {
        #expect(CaptureTests.captures.count == 20)
    }

    @Test(arguments: captures)
    func `what real programs send is read as they mean it`(capture: Capture) {
        let query = DNSQuery.read(capture.bytes.span)
        #expect(CaptureTests.text(query) == capture.expected)
        #expect(UInt16(capture.bytes[0]) << 8 | UInt16(capture.bytes[1]) == query.id)
    }

    static func text(_ query: DNSQuery) -> String {
        var parts: [String] = []
        switch query.verdict {
        case .accept: parts.append("accept")
        case .drop: parts.append("drop")
        case .reject(let code): parts.append("\(code)")
        }
        guard query.questionEnd > DNSQuery.headerLength else { return parts[0] }
        parts += ["\(query.type)", "\(query.name.labelCount)"]
        parts.append(query.edns.isPresent ? "\(query.edns.payloadSize)" : "-")
        if query.edns.wantsDNSSEC { parts.append("do") }
        if query.isSigned { parts.append("signed") }
        if let subnet = query.edns.subnet {
            parts.append("\(subnet.address)/\(subnet.sourceLength)")
        }
        return parts.joined(separator: " ")
    }
}
