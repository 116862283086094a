// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPGateway

/// What is to be taken out of a cache.
public struct PurgeOrder: Sendable, Equatable {
    /// By what it is named.
    enum Kind: String, Sendable, CaseIterable { case url, prefix, host, tag, all }

    let kind: Kind
    /// The name; empty for everything.
    let value: String
    let mode: PurgeMode

    /// Reads the body of a POST: one of `url`, `prefix`, `host`, `tag` and `all`, and at will `mode`.
    init(_ request: ServiceRequest) throws(Problem) {
        var found: (kind: Kind, value: String)?
        var mode = PurgeMode.hard
        for member in try request.jsonMembers() {
            if member.name == "mode" {
                switch member.value.string {
                case "hard": mode = .hard
                case "soft": mode = .soft
                default: throw Problem(.invalidValue, "'mode' must be one of hard, soft.")
                }
                continue
            }
            guard let kind = Kind(rawValue: member.name) else {
                let known = "known are url, prefix, host, tag, all and mode"
                throw Problem(.invalidValue, "Unknown member '\(member.name)'; \(known).")
            }
            guard found == nil else {
                throw Problem(.invalidValue, "Name one of url, prefix, host, tag and all.")
            }
            guard kind != .all else {
                guard member.value == .bool(true) else {
                    throw Problem(.invalidValue, "'all' must be true.")
                }
                found = (.all, "")
                continue
            }
            guard let text = member.value.string, !text.isEmpty else {
                throw Problem(.invalidValue, "'\(member.name)' must be a text.")
            }
            found = (kind, text)
        }
        guard let found else {
            throw Problem(.invalidValue, "Name one of url, prefix, host, tag and all.")
        }
        (kind, value) = found
        self.mode = mode
    }

    /// The word for how it is taken out.
    var modeWord: String { mode == .soft ? "soft" : "hard" }

    /// What it means in a cache with this rule.
    func selection(by rule: CacheKeyRule) throws(Problem) -> StoredSelection {
        switch kind {
        case .all: return .all
        case .url:
            guard let selection = CacheTarget(value)?.selection(by: rule) else {
                throw PurgeOrder.notURL(value)
            }
            return selection
        case .prefix:
            guard let target = CacheTarget(value), !target.hasQuery,
                let selection = target.selectionOfAll(by: rule)
            else {
                throw Problem(
                    .invalidValue,
                    "'\(value)' is no http://HOST/PATH without a query."
                )
            }
            return selection
        case .host:
            guard rule.hasHost else {
                throw Problem(
                    .invalidValue,
                    "The key of this cache has no host: all hosts share what is stored."
                )
            }
            guard value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x2f && $0 != 0x40 })
            else { throw Problem(.invalidValue, "'\(value)' is no host, nor host:port.") }
            return .host(Array(value.utf8))
        case .tag:
            guard value.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f && $0 != 0x2c }) else {
                throw Problem(.invalidValue, "A tag has no blank and no comma: '\(value)'.")
            }
            return .tag(Array(value.utf8))
        }
    }

    /// What is said of a text that is to be a URL.
    static func notURL(_ text: String) -> Problem {
        Problem(
            .invalidValue,
            "'\(text)' is no http[s]://HOST/PATH that could be asked for: without blanks, users and dot "
                + "segments."
        )
    }
}
