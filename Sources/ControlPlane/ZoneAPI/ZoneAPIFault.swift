// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Why the API refuses something, as PowerDNS says it: a status and a sentence, and what helps.
///
/// What came with the request is repeated in part at most: a record may have 64 KiB.
struct ZoneAPIFault: Error, Equatable {
    /// Octets of a text that are repeated.
    static let quoteLimit = 200
    /// Octets of a sentence, whatever it is made of.
    static let messageLimit = 1000

    var status: UInt16
    var message: String

    /// A fault with what is to be done about it; nil where the sentence says it.
    init(_ status: UInt16, _ message: String, _ remedy: String? = nil) {
        self.status = status
        let room = max(ZoneAPIFault.messageLimit - (remedy?.utf8.count ?? 0), 0)
        self.message = ZoneAPIFault.cut(message, room) + (remedy.map { "; \($0)" } ?? "")
    }

    /// The beginning of a text that came with a request.
    static func quote(_ text: String) -> String { cut(text, quoteLimit) }

    static func cut(_ text: String, _ limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        var shown = ""
        var count = 0
        for character in text.unicodeScalars {
            count += UTF8.width(character)
            guard count <= limit else { break }
            shown.unicodeScalars.append(character)
        }
        return "\(shown)... (\(text.utf8.count) bytes)"
    }

    // MARK: Those that more than one place says

    static let unauthorized = ZoneAPIFault(
        401,
        "Unauthorized",
        "send the key of `zone-api.key` in the field X-API-Key"
    )

    /// No zone of this name is served.
    static func unknown(_ zone: DomainName) -> ZoneAPIFault {
        ZoneAPIFault(
            404,
            "Not Found: no zone \(zone) is served",
            "GET .../zones lists those that are"
        )
    }

    /// There is no such path.
    static let noPath = ZoneAPIFault(
        404,
        "Not Found",
        "the API is that of PowerDNS, below /api/v1/servers/localhost"
    )

    static func unchangeable(_ reason: String) -> ZoneAPIFault {
        ZoneAPIFault(503, "zones cannot be changed now", reason)
    }
}

extension UTF8 {
    fileprivate static func width(_ scalar: Unicode.Scalar) -> Int { String(scalar).utf8.count }
}
