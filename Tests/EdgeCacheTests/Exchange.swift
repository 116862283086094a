// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import HTTPProtocol
import Testing

/// A request and the response to it, as texts, at a time in seconds.
struct Exchange {
    /// Sunday, 6 November 1994, 08:49:37: the date that RFC 9110 uses.
    static let epoch: Int64 = 784_111_777
    static let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT"

    var method = "GET"
    var request: [String] = []
    var status = 200
    var response: [String]
    var rules = CacheRules()
    /// How long the origin took.
    var delay: Int64 = 0

    static func time(_ seconds: Int64) -> WallTime {
        WallTime(nanoseconds: (epoch + seconds) * 1_000_000_000)
    }

    /// Calls `body` with the head of a request.
    static func withRequest<Result>(
        _ method: String,
        _ lines: [String],
        _ body: (RequestHead, borrowing FieldTable, Span<UInt8>) -> Result
    ) -> Result {
        let text =
            "\(method) / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        var parser = RequestParser(limits: HeadLimits())
        var fields = FieldTable(limit: 100)
        var head = RequestHead()
        let result = parser.parse(bytes.span, fields: &fields, head: &head)
        #expect(result == .complete)
        return body(head, fields, bytes.span)
    }

    /// Calls `body` with the head of a response.
    static func withResponse<Result>(
        _ status: Int,
        _ lines: [String],
        _ body: (borrowing FieldTable, Span<UInt8>) -> Result
    ) -> Result {
        let text = "HTTP/1.1 \(status) x\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        var parser = ResponseParser(limits: HeadLimits())
        var fields = FieldTable(limit: 100)
        var head = ResponseHead()
        let result = parser.parse(bytes.span, requestMethod: .get, fields: &fields, head: &head)
        #expect(result == .complete)
        return body(fields, bytes.span)
    }

    static func request(_ method: String = "GET", _ lines: [String] = []) -> CacheRequest {
        withRequest(method, lines) { CacheRequest($0.method, $1, $2) }
    }

    /// What comes of it, with the head there at second 0.
    func judge() -> StorageVerdict {
        let request = Exchange.request(method, request)
        return Exchange.withResponse(status, response) { fields, bytes in
            StorageRule(rules).judge(
                request,
                status: UInt16(status),
                fields,
                bytes,
                sent: Exchange.time(-delay),
                now: Exchange.time(0)
            )
        }
    }

    /// What is known of a response that is kept.
    func facts() throws -> StoredFacts {
        guard case .store(let facts) = judge() else {
            throw Refused(verdict: judge())
        }
        return facts
    }

    struct Refused: Error { let verdict: StorageVerdict }
}
