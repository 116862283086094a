// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// What the names of endpoints stand for at the moment.
struct ResolvedNames: Sendable, Equatable {
    /// A name, asked of a certain server.
    struct Key: Hashable, Sendable {
        /// In lower case, without a final dot.
        var host: String
        /// The server asked; nil for those of the system, or those for aliases.
        var server: SocketAddress?
        /// True for a name that an alias leads to: asked for as it is, each family by itself.
        var isAlias = false
        /// For an alias: asked once, for what clients of this network get.
        var subnet: Subnet?
    }

    /// A network that a name is asked for, and the family.
    struct Subnet: Hashable, Sendable {
        var network: Prefix
        var type: RecordType
    }

    /// The addresses of one name.
    struct Entry: Sendable, Equatable {
        /// In a stable order; the last good set when the latest attempt failed.
        var addresses: [IPAddress]
        /// Why the latest attempt gave nothing; empty after a success.
        var failure: String
    }

    /// The most addresses of one name that become endpoints; the rest is passed over.
    static let addressLimit = 64

    private(set) var entries: [Key: Entry] = [:]

    /// What is known of a name; nil before the first answer.
    func entry(_ key: Key) -> Entry? { entries[key] }

    /// Takes an answer; true when the set of addresses is another one now.
    mutating func succeed(_ key: Key, _ addresses: [IPAddress]) -> Bool {
        let sorted = Set(addresses).sorted { a, b in
            (a.isIPv4 ? 0 : 1, a.bits) < (b.isIPv4 ? 0 : 1, b.bits)
        }
        let kept = Array(sorted.prefix(ResolvedNames.addressLimit))
        let before = entries[key]
        entries[key] = Entry(addresses: kept, failure: "")
        return before?.addresses != kept
    }

    /// Takes a failure: the last good set stays.
    ///
    /// True when that is news: the name had an answer before, or failed in another way.
    mutating func fail(_ key: Key, _ reason: String) -> Bool {
        let before = entries[key]
        entries[key] = Entry(addresses: before?.addresses ?? [], failure: reason)
        return before?.failure != reason
    }

    /// What is worth keeping across a restart.
    var saved: [SavedName] {
        entries.filter { !$0.value.addresses.isEmpty }
            .map { SavedName(key: $0.key, addresses: $0.value.addresses) }
            .sorted { $0.key.host < $1.key.host }
    }

    /// Forgets names that nobody uses.
    mutating func keep(only keys: Set<Key>) {
        entries = entries.filter { keys.contains($0.key) }
    }
}
