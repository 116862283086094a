// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What was known of a name outside that aliases lead to, as it lies in the state folder.
///
/// Times are of the clock on the wall, in nanoseconds since 1970: the other clock may begin anew.
struct SavedAlias: Sendable, Equatable {
    /// One family.
    struct Family: Sendable, Equatable {
        var addresses: [IPAddress]
        var learned: Int64
        var freshUntil: Int64
    }

    /// Nothing is learned for longer: `alias.max-ttl` ends there.
    static let longestLife: Int64 = 7 * 86_400 * 1_000_000_000

    var host: String
    var ipv4: Family?
    var ipv6: Family?
}

extension AliasKeeper {
    /// What is worth keeping across a restart.
    func saved(now: Instant, realtime: Int64) -> [SavedAlias] {
        entries.filter { $0.value.ipv4 != nil || $0.value.ipv6 != nil }.map { host, entry in
            func family(_ family: Family?) -> SavedAlias.Family? {
                family.map { family in
                    SavedAlias.Family(
                        addresses: family.addresses,
                        learned: realtime &+ (family.learned - now).nanoseconds,
                        freshUntil: realtime &+ (family.freshUntil - now).nanoseconds
                    )
                }
            }
            return SavedAlias(host: host, ipv4: family(entry.ipv4), ipv6: family(entry.ipv6))
        }.sorted { $0.host < $1.host }
    }

    /// Takes what an earlier process knew; it is no younger for that.
    mutating func restore(_ saved: [SavedAlias], now: Instant, realtime: Int64) {
        for alias in saved {
            func family(_ family: SavedAlias.Family?) -> Family? {
                family.map { family in
                    // A clock that has been set back must not make anything good for longer.
                    let learned = min(family.learned, realtime)
                    let life = min(family.freshUntil &- family.learned, SavedAlias.longestLife)
                    return Family(
                        addresses: family.addresses,
                        learned: now + Interval(nanoseconds: learned &- realtime),
                        freshUntil: now + Interval(nanoseconds: learned &- realtime &+ life)
                    )
                }
            }
            var entry = Entry()
            (entry.ipv4, entry.ipv6) = (family(alias.ipv4), family(alias.ipv6))
            restore(alias.host, entry)
        }
    }
}

extension SavedAlias {
    var json: JSONValue {
        [
            "host": .string(host),
            "ipv4": ipv4?.json ?? .null,
            "ipv6": ipv6?.json ?? .null,
        ]
    }

    init?(json: JSONValue) {
        guard let host = json["host"]?.string, let ipv4 = json["ipv4"], let ipv6 = json["ipv6"]
        else { return nil }
        self.init(host: host, ipv4: Family(json: ipv4), ipv6: Family(json: ipv6))
        guard (self.ipv4 != nil) != ipv4.isNull, (self.ipv6 != nil) != ipv6.isNull else {
            return nil
        }
    }
}

extension SavedAlias.Family {
    fileprivate var json: JSONValue {
        [
            "addresses": .array(addresses.map { .string($0.description) }),
            "learned": .integer(learned),
            "freshUntil": .integer(freshUntil),
        ]
    }

    fileprivate init?(json: JSONValue) {
        guard let listed = json["addresses"]?.elements, let learned = json["learned"]?.integer,
            let freshUntil = json["freshUntil"]?.integer, learned >= 0, freshUntil >= learned
        else { return nil }
        let addresses = listed.compactMap { $0.string.flatMap { IPAddress($0) } }
        guard addresses.count == listed.count else { return nil }
        self.init(addresses: addresses, learned: learned, freshUntil: freshUntil)
    }
}
