// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// The state as it lies in the folder of the keys.
extension RolloverMachine {
    /// The whole state; the policy is not part of it, for it stands in the configuration.
    public var json: JSONValue {
        [
            "format": 1,
            "clock": .integer(clock),
            "signed": .bool(isWanted),
            "next": .integer(Int64(nextNumber)),
            "keys": .array(keys.map(\.json)),
            "buried": .array(buried.map(\.json)),
            "keySets": keySets.json,
            "signers": signers.json,
            "parents": parents.json,
            "submitted": submitted.map(Self.json) ?? .null,
            "awaited": .array(
                awaited.map { $0.sorted() }.sorted { $0.lexicographicallyPrecedes($1) }
                    .map { Self.json(Set($0)) }
            ),
            "awaitedSince": awaitedSince.map { .integer($0) } ?? .null,
        ]
    }

    /// Reads what ``json`` wrote; nil for anything else, so that half a state is none.
    ///
    /// What the TTLs of the policy differ from is taken as what was served until now.
    public init?(json: JSONValue, policy: KeyPolicy) {
        guard json["format"]?.integer == 1, let clock = json["clock"]?.integer,
            let isWanted = json["signed"]?.bool, let next = json["next"]?.integer,
            let listed = json["keys"]?.elements,
            let keySets = CacheHistory<Set<Int>>(json: json["keySets"]),
            let signers = CacheHistory<Set<Int>>(json: json["signers"]),
            let parents = CacheHistory<Set<Int>>(json: json["parents"]),
            let submitted = json["submitted"], let awaited = json["awaited"]?.elements,
            let since = json["awaitedSince"]
        else { return nil }
        self.init(policy, now: clock)
        keys = listed.compactMap { RolloverKey(json: $0) }
        // States of earlier versions have none.
        let gone = json["buried"]?.elements ?? []
        buried = gone.compactMap { NewKey(json: $0) }
        guard buried.count == gone.count else { return nil }
        self.submitted = Self.numbers(submitted)
        self.awaited = Set(awaited.compactMap(Self.numbers))
        awaitedSince = since.integer
        (self.keySets, self.signers, self.parents) = (keySets, signers, parents)
        self.isWanted = isWanted
        nextNumber = Int(clamping: next)
        let known = Set(keys.map(\.id))
        let named = [keySets, signers, parents].flatMap(\.possible) + self.awaited
        guard keys.count == listed.count, known.count == keys.count,
            self.awaited.count == awaited.count, (self.submitted == nil) == submitted.isNull,
            (known.max() ?? 0) < nextNumber, named.allSatisfy({ $0.isSubset(of: known) }),
            (self.submitted ?? []).isSubset(of: known)
        else { return nil }
    }

    fileprivate static func json(_ numbers: Set<Int>) -> JSONValue {
        .array(numbers.sorted().map { .integer(Int64($0)) })
    }

    fileprivate static func numbers(_ json: JSONValue) -> Set<Int>? {
        guard let listed = json.elements else { return nil }
        let numbers = Set(listed.compactMap { $0.integer.flatMap(Int.init(exactly:)) })
        return numbers.count == listed.count ? numbers : nil
    }
}

extension CacheHistory<Set<Int>> {
    fileprivate var json: JSONValue {
        [
            "now": RolloverMachine.json(current),
            "ttl": .integer(ttl),
            "former": .array(
                former.map { former in
                    [
                        "keys": RolloverMachine.json(former.content),
                        "ttl": .integer(former.ttl),
                        "served": .bool(former.isServed),
                        "gone": .integer(former.gone),
                        "margin": .integer(former.margin),
                    ]
                }
            ),
        ]
    }

    fileprivate init?(json: JSONValue?) {
        guard let json, let current = json["now"].flatMap(RolloverMachine.numbers),
            let ttl = json["ttl"]?.integer, let listed = json["former"]?.elements, ttl >= 0
        else { return nil }
        self.init(current, ttl: ttl)
        for element in listed {
            guard let content = element["keys"].flatMap(RolloverMachine.numbers),
                let ttl = element["ttl"]?.integer, let isServed = element["served"]?.bool,
                let gone = element["gone"]?.integer, let margin = element["margin"]?.integer,
                ttl >= 0, margin >= 0
            else { return nil }
            former.append(
                Former(content: content, ttl: ttl, isServed: isServed, gone: gone, margin: margin)
            )
        }
    }
}

extension RolloverKey {
    fileprivate var json: JSONValue {
        func time(_ time: Int64?) -> JSONValue { time.map { .integer($0) } ?? .null }
        return [
            "id": .integer(Int64(id)),
            "role": .string(key.role.rawValue),
            "algorithm": .integer(Int64(key.algorithm)),
            "tag": .integer(Int64(key.tag)),
            "publicKey": .string(NewKey.text(key.publicKey)),
            "retired": .bool(isRetired),
            "compromised": .bool(isCompromised),
            "dead": .bool(isDead),
            "created": .integer(created),
            "publishedAt": time(published),
            "activeAt": time(active),
            "retiredAt": time(retired),
            "withdrawnAt": time(withdrawn),
        ]
    }

    fileprivate init?(json: JSONValue) {
        guard let id = json["id"]?.integer.flatMap(Int.init(exactly:)),
            let key = NewKey(json: json),
            let isRetired = json["retired"]?.bool,
            let isCompromised = json["compromised"]?.bool, let isDead = json["dead"]?.bool,
            let created = json["created"]?.integer
        else { return nil }
        self.init(id: id, key: key, created: created)
        (self.isRetired, self.isCompromised, self.isDead) = (isRetired, isCompromised, isDead)
        published = json["publishedAt"]?.integer
        active = json["activeAt"]?.integer
        retired = json["retiredAt"]?.integer
        withdrawn = json["withdrawnAt"]?.integer
    }
}

extension NewKey {
    fileprivate var json: JSONValue {
        [
            "role": .string(role.rawValue),
            "algorithm": .integer(Int64(algorithm)),
            "tag": .integer(Int64(tag)),
            "publicKey": .string(Self.text(publicKey)),
        ]
    }

    fileprivate init?(json: JSONValue) {
        guard let role = json["role"]?.string.flatMap(KeyRole.init(rawValue:)),
            let algorithm = json["algorithm"]?.integer.flatMap(UInt8.init(exactly:)),
            let tag = json["tag"]?.integer.flatMap(UInt16.init(exactly:)),
            let publicKey = json["publicKey"]?.string.flatMap(Self.octets)
        else { return nil }
        self.init(role: role, algorithm: algorithm, tag: tag, publicKey: publicKey)
    }

    fileprivate static func text(_ octets: [UInt8]) -> String {
        let text = [UInt8](capacity: (octets.count + 2) / 3 * 4) { output in
            _ = Base64.encode(octets.span, into: &output)
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func octets(_ text: String) -> [UInt8]? {
        Base64.bytes(Array(text.utf8).span, .standard)
    }
}
