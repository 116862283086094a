// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer

/// What a zone file cannot say of a zone.
extension ZoneAPIDocument {
    /// Names that have a comment of their own.
    static let commentLimit = 200

    static func steered(in contents: [ZoneContent]) -> Set<DomainName> {
        var found: Set<DomainName> = []
        for case .steer(let owner, _, _, _) in contents { found.insert(owner) }
        return found
    }

    /// The names whose addresses are not in the text, as comments of a zone file.
    var comments: String {
        let lines = steered.map {
            "; \($0) is steered: its addresses are chosen, and not here\n"
        }.sorted()
        let more = lines.count - ZoneAPIDocument.commentLimit
        return lines.prefix(ZoneAPIDocument.commentLimit).joined()
            + (more > 0 ? "; and \(more) names more\n" : "")
    }
}
