// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPGateway
internal import HTTPProtocol

/// A list of URLs that a cache is to fetch.
public struct WarmOrder: Sendable, Equatable {
    /// The URLs as they were written.
    let urls: [String]
    /// Fields of the requests.
    let fields: [ServiceRequest.Field]
    /// The most fetches at a time.
    let parallel: Int
    /// The most fetches begun in a second.
    let rate: Int

    /// The most URLs of one list.
    static let urlLimit = 10_000
    private static let parallelLimit: Int64 = 64
    private static let rateLimit: Int64 = 10_000
    /// Fields that are the fetch's own, say what part is wanted, or who asks.
    private static let refused: Set<String> = [
        "connection", "content-length", "expect", "forwarded", "host", "if-match",
        "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "keep-alive",
        "proxy-connection", "range", "te", "trailer", "transfer-encoding", "upgrade",
        "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
    ]

    /// Reads the body of a POST: `urls`, and at will `headers`, `parallel` and `rate`.
    init(_ request: ServiceRequest) throws(Problem) {
        var urls: [String] = []
        var fields: [ServiceRequest.Field] = []
        var (parallel, rate): (Int64, Int64) = (4, 100)
        for member in try request.jsonMembers() {
            switch member.name {
            case "urls": urls = try WarmOrder.texts(member)
            case "headers":
                for line in try WarmOrder.texts(member) { fields.append(try WarmOrder.field(line)) }
            case "parallel":
                parallel = try WarmOrder.number(member, upTo: WarmOrder.parallelLimit)
            case "rate": rate = try WarmOrder.number(member, upTo: WarmOrder.rateLimit)
            default:
                let known = "known are urls, headers, parallel and rate"
                throw Problem(.invalidValue, "Unknown member '\(member.name)'; \(known).")
            }
        }
        guard (1...WarmOrder.urlLimit).contains(urls.count) else {
            throw Problem(.invalidValue, "'urls' must name 1 to \(WarmOrder.urlLimit) URLs.")
        }
        for url in urls where CacheTarget(url) == nil { throw PurgeOrder.notURL(url) }
        (self.urls, self.fields) = (urls, fields)
        (self.parallel, self.rate) = (Int(parallel), Int(rate))
    }

    private static func texts(_ member: JSONMember) throws(Problem) -> [String] {
        let elements = member.value.elements ?? []
        let texts = elements.compactMap(\.string)
        guard !texts.isEmpty, texts.count == elements.count else {
            throw Problem(.invalidValue, "'\(member.name)' must be a list of texts.")
        }
        return texts
    }

    private static func number(_ member: JSONMember, upTo most: Int64) throws(Problem) -> Int64 {
        guard let number = member.value.integer, (1...most).contains(number) else {
            throw Problem(.invalidValue, "'\(member.name)' must be a number from 1 to \(most).")
        }
        return number
    }

    private static func field(_ line: String) throws(Problem) -> ServiceRequest.Field {
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, FieldSyntax.isToken(Array(parts[0].utf8).span) else {
            throw Problem(.invalidValue, "'\(line)' is no header; write 'Name: value'.")
        }
        let value = String(parts[1].drop { $0 == " " })
        guard FieldSyntax.isFieldValue(Array(value.utf8).span) else {
            throw Problem(.invalidValue, "The header '\(parts[0])' has control characters.")
        }
        guard !refused.contains(parts[0].lowercased()) else {
            throw Problem(.invalidValue, "The header '\(parts[0])' is none of a warming.")
        }
        return ServiceRequest.Field(String(parts[0]), value)
    }

    /// What a worker is told to fetch.
    func request(_ index: Int, ticket: UInt64, cache: String) -> WarmRequest {
        let url = urls[index]
        let isSecure = url.lowercased().hasPrefix("https://")
        let rest = url.dropFirst(isSecure ? 8 : 7).prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let target = rest.dropFirst(authority.count)
        var head = "GET \(target.hasPrefix("/") ? "" : "/")\(target) HTTP/1.1\r\n"
        head += "Host: \(authority)\r\n"
        for field in fields { head += "\(field.name): \(field.value)\r\n" }
        return WarmRequest(
            ticket: ticket,
            cache: cache,
            isSecure: isSecure,
            head: Array((head + "\r\n").utf8)
        )
    }
}
