// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer

/// What a zone file cannot say of a zone.
extension ZoneAPIDocument {
    /// Why addresses are left out.
    enum Left: Sendable, Equatable {
        /// A policy chooses them.
        case steered
        /// They are those of another name.
        case alias(DomainName)
    }

    /// Names that have a comment of their own.
    static let commentLimit = 200

    static func left(of contents: [ZoneContent]) -> [DomainName: Left] {
        var found: [DomainName: Left] = [:]
        for content in contents {
            switch content {
            case .record: continue
            case .steer(let owner, _, _, _): found[owner] = .steered
            case .alias(let owner, _, let target): found[owner] = .alias(target)
            }
        }
        return found
    }

    /// The names whose addresses are not in the text, as comments of a zone file.
    var comments: String {
        let lines = left.map { name, left in
            switch left {
            case .steered: "; \(name) is steered: its addresses are chosen, and not here\n"
            case .alias(let target):
                "; \(name) is an alias of \(target): its addresses are that name's, and not here\n"
            }
        }.sorted()
        let more = lines.count - ZoneAPIDocument.commentLimit
        return lines.prefix(ZoneAPIDocument.commentLimit).joined()
            + (more > 0 ? "; and \(more) names more\n" : "")
    }
}
