// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import HTTPProtocol
import Testing

/// Heads of responses as texts, for tests of what is kept of them.
enum StoredHead {
    /// Calls `body` with a parsed head.
    static func parse<Result>(
        _ text: [UInt8],
        _ body: (ResponseHead, borrowing FieldTable, Span<UInt8>) -> Result
    ) -> Result {
        var parser = ResponseParser(limits: HeadLimits())
        var fields = FieldTable(limit: 100)
        var head = ResponseHead()
        let result = parser.parse(text.span, requestMethod: .get, fields: &fields, head: &head)
        #expect(result == .complete, "\(String(decoding: text, as: UTF8.self))")
        #expect(head.length == text.count)
        return body(head, fields, text.span)
    }

    static func text(_ lines: [String], status: String = "200 Fine") -> [UInt8] {
        Array(("HTTP/1.1 \(status)\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n").utf8)
    }

    /// The lines of a text that has an end as it should; nil where it has not.
    static func lines(_ text: [UInt8]) -> [String]? {
        let whole = String(decoding: text, as: UTF8.self)
        guard whole.hasSuffix("\r\n\r\n") else { return nil }
        return whole.dropLast(2).split(separator: "\r\n", omittingEmptySubsequences: false)
            .map(String.init)
    }

    /// What is kept of a response that came at the date of RFC 9110's examples.
    static func kept(
        _ lines: [String],
        status: String = "200 Fine",
        keepsCookies: Bool = false,
        room: Int = 2000
    ) -> [UInt8]? {
        parse(text(lines, status: status)) { head, fields, bytes in
            var isWhole = false
            let text = [UInt8](capacity: room) { output in
                isWhole = StoredHeadWriter.write(
                    head,
                    fields,
                    bytes,
                    keepsCookies: keepsCookies,
                    now: Exchange.time(0),
                    into: &output
                )
            }
            #expect(isWhole || text.isEmpty)
            return isWhole ? text : nil
        }
    }
}
