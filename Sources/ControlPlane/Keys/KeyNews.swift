// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSServer
internal import Essentials

/// Something about keys that is worth a line of the log.
struct KeyNews: Sendable, Equatable {
    var zone: String
    var level = LogLevel.info
    var code: String?
    var text: String
    var tag: UInt16?

    static func fault(_ zone: String, _ fault: KeyStore.Fault) -> KeyNews {
        KeyNews(zone: zone, level: .error, code: fault.code, text: fault.text)
    }

    /// What has changed from one state of a zone's keys to the next.
    static func changes(
        _ zone: String,
        from before: RolloverMachine,
        to after: RolloverMachine
    ) -> [KeyNews] {
        var news: [KeyNews] = []
        func tell(_ text: String, _ tag: UInt16? = nil) {
            news.append(KeyNews(zone: zone, text: "zone \(zone): \(text)", tag: tag))
        }
        for key in after.keys {
            let former = before.keys.first { $0.id == key.id }
            let (was, state) = (former.map(before.state(of:)), after.state(of: key))
            guard was != state else { continue }
            tell(
                "\(key.key.words) \(was == nil ? "was made: it " : "")is \(state.rawValue)",
                key.key.tag
            )
        }
        for key in before.keys where !after.keys.contains(where: { $0.id == key.id }) {
            tell("\(key.key.words) is of no use to anybody any more", key.key.tag)
        }
        if before.submitted != after.submitted, let submitted = after.submitted {
            let tags = after.keys.filter { submitted.contains($0.id) }.map { "\($0.key.tag)" }
            tell(
                tags.isEmpty
                    ? "the parent is asked to remove the DS set (CDS 0 0 0 00)"
                    : "the parent is asked for the DS of \(tags.joined(separator: ", ")) (CDS)"
            )
        }
        if before.parentKeys != after.parentKeys {
            let tags = after.keys.filter { after.parentKeys.contains($0.id) }.map {
                "\($0.key.tag)"
            }
            tell(
                tags.isEmpty
                    ? "the parent has no DS of its keys"
                    : "the parent has the DS of \(tags.joined(separator: ", "))"
            )
        }
        return news
    }
}

extension NewKey {
    /// The key in words: `KSK 12345 (ED25519)`.
    var words: String { "\(role.rawValue.uppercased()) \(tag) (\(NewKey.mnemonic(algorithm)))" }

    /// The mnemonic of the registry.
    static func mnemonic(_ algorithm: UInt8) -> String {
        switch algorithm {
        case 13: "ECDSAP256SHA256"
        case 15: "ED25519"
        default: "\(algorithm)"
        }
    }
}
