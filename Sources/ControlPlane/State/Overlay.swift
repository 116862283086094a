// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Steering

/// What operators have changed through the API, on top of the file: it survives reloads and
/// restarts, and it can be seen and taken back.
struct Overlay: Sendable, Equatable {
    /// One endpoint as the file names it, or one address of a resolved name.
    struct Key: Hashable, Sendable, Comparable {
        var pool: String
        var endpoint: String

        static func < (a: Key, b: Key) -> Bool { (a.pool, a.endpoint) < (b.pool, b.endpoint) }
    }

    /// What differs from the file.
    struct Entry: Sendable, Equatable {
        var state = AdministrativeState.ready
        var weight: UInt32?
        var forced: Forced?

        var isEmpty: Bool { state == .ready && weight == nil && forced == nil }
    }

    /// Health that holds until a time of the wall clock, which a restart does not change.
    struct Forced: Sendable, Equatable {
        var isUp: Bool
        /// Nanoseconds since 1970.
        var until: Int64
    }

    /// Grows with every change; an older overlay never replaces a newer one.
    var sequence: UInt64 = 0
    private(set) var entries: [Key: Entry] = [:]

    /// Carries a change out; false when nothing differs afterwards.
    ///
    /// `realtime` is now, in nanoseconds since 1970.
    mutating func change(_ key: Key, _ change: EndpointChange, realtime: Int64) -> Bool {
        let before = entries[key] ?? Entry()
        var entry = before
        if let state = change.state { entry.state = state }
        switch change.weight {
        case .keep: break
        case .fromFile: entry.weight = nil
        case .set(let weight): entry.weight = weight
        }
        switch change.force {
        case .keep: break
        case .auto: entry.forced = nil
        case .hold(let isUp, let length):
            entry.forced = Forced(isUp: isUp, until: realtime &+ length.nanoseconds)
        }
        guard entry != before else { return false }
        entries[key] = entry.isEmpty ? nil : entry
        sequence += 1
        return true
    }

    /// Forgets forced health whose time is over at `realtime`; false when there is none.
    mutating func expire(realtime: Int64) -> Bool {
        let over = entries.filter { $0.value.forced.map { $0.until <= realtime } ?? false }
        for (key, var entry) in over {
            entry.forced = nil
            entries[key] = entry.isEmpty ? nil : entry
        }
        if !over.isEmpty { sequence += 1 }
        return !over.isEmpty
    }

    /// Takes every change back; false when there was none.
    mutating func discard() -> Bool {
        guard !entries.isEmpty else { return false }
        entries = [:]
        sequence += 1
        return true
    }

    /// What holds for an endpoint: its own entry before that of the name it was resolved from.
    func entry(pool: String, endpoint: String, configuredName: String) -> Entry {
        entries[Key(pool: pool, endpoint: endpoint)]
            ?? entries[Key(pool: pool, endpoint: configuredName)] ?? Entry()
    }
}

extension Overlay {
    var json: JSONValue {
        let listed = entries.sorted { $0.key < $1.key }.map { key, entry -> JSONValue in
            [
                "pool": .string(key.pool), "endpoint": .string(key.endpoint),
                "state": .string(entry.state.word),
                "weight": entry.weight.map { .integer(Int64($0)) } ?? .null,
                "forced": entry.forced.map { forced in
                    [
                        "health": .string(forced.isUp ? "up" : "down"),
                        "until": .integer(forced.until),
                    ]
                } ?? .null,
            ]
        }
        return [
            "format": 1, "sequence": .integer(Int64(clamping: sequence)),
            "endpoints": .array(listed),
        ]
    }

    /// Reads what ``json`` wrote; nil for anything else, so that half a file is no overlay.
    init?(json: JSONValue) {
        guard json["format"]?.integer == 1, let sequence = json["sequence"]?.integer,
            let listed = json["endpoints"]?.elements
        else { return nil }
        self.init(sequence: UInt64(clamping: sequence))
        for element in listed {
            guard let pool = element["pool"]?.string, let name = element["endpoint"]?.string,
                let state = element["state"]?.string.flatMap({ AdministrativeState(word: $0) }),
                let weight = element["weight"]
            else { return nil }
            let number = weight.integer.flatMap { UInt32(exactly: $0) }
            guard weight.isNull || number != nil else { return nil }
            var entry = Entry(state: state, weight: number)
            // Missing in files of older versions.
            if let forced = element["forced"], !forced.isNull {
                guard let held = Forced(json: forced) else { return nil }
                entry.forced = held
            }
            entries[Key(pool: pool, endpoint: name)] = entry
        }
    }
}

extension Overlay.Forced {
    init?(json: JSONValue) {
        guard let word = json["health"]?.string, ["up", "down"].contains(word),
            let until = json["until"]?.integer
        else { return nil }
        self.init(isUp: word == "up", until: until)
    }
}
