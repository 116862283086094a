// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// What one dynamic update has changed.
struct ZoneUpdateStep: Sendable, Equatable {
    var zone: DomainName
    /// Sets, without the SOA.
    var sets: Int
    var from: UInt32?
    var to: UInt32?

    init(zone: DomainName, sets: Int, _ difference: ZoneDifference) {
        self.zone = zone
        self.sets = sets
        (from, to) = (difference.from.rawValue, difference.to.rawValue)
    }
}

/// A change of a zone that is on the disk, as the log tells of it: who, of what, to which serial.
struct KeptChange: Sendable, Equatable {
    /// What was done.
    enum Word: String, Sendable {
        case updated, made, changed, removed, imported, discarded
    }

    var zone: DomainName
    var word: Word
    /// Who has asked; nil for an operator.
    var client: IPAddress?
    /// The key of his signature.
    var key: DomainName?
    /// Updates of one asker that were kept together.
    var updates = 1
    /// Sets, without the SOA.
    var sets: Int
    var from: UInt32?
    var to: UInt32?

    /// The updates of one flight: those of one zone, client and key are one.
    static func gathered(
        _ steps: [(step: ZoneUpdateStep, client: IPAddress, key: DomainName?)]
    ) -> [KeptChange] {
        struct Who: Hashable {
            let zone: DomainName
            let client: IPAddress
            let key: DomainName?
        }
        var places: [Who: Int] = [:]
        var found: [KeptChange] = []
        for (step, client, key) in steps {
            let who = Who(zone: step.zone, client: client, key: key)
            if let place = places[who] {
                found[place].updates += 1
                found[place].sets += step.sets
                found[place].to = step.to
                continue
            }
            places[who] = found.count
            var one = KeptChange(zone: step.zone, word: .updated, client: client, sets: step.sets)
            (one.key, one.from, one.to) = (key, step.from, step.to)
            found.append(one)
        }
        return found
    }

    /// One sentence.
    var text: String {
        let what =
            switch word {
            case .updated: "zone \(zone) is changed by \(updates == 1 ? "an update" : "updates")"
            case .made: "zone \(zone) is made by the zone API"
            case .changed: "zone \(zone) is changed by the zone API"
            case .removed: "zone \(zone) is removed by the zone API"
            case .imported: "an operator has imported zone \(zone)"
            case .discarded: "an operator has discarded the changes of zone \(zone)"
            }
        return "\(what): \(sets) \(sets == 1 ? "set" : "sets")"
    }

    /// The same as data.
    var fields: [JSONMember] {
        var fields = [
            JSONMember("zone", .string("\(zone)")), JSONMember("change", .string(word.rawValue)),
        ]
        if let client { fields.append(JSONMember("client", .string("\(client)"))) }
        if let key { fields.append(JSONMember("key", .string("\(key)"))) }
        if word == .updated { fields.append(JSONMember("updates", .integer(Int64(updates)))) }
        fields.append(JSONMember("sets", .integer(Int64(sets))))
        if let from { fields.append(JSONMember("from", .integer(Int64(from)))) }
        if let to { fields.append(JSONMember("to", .integer(Int64(to)))) }
        return fields
    }
}

/// Who has changed which zone, for the log: each change that was kept.
extension Plane {
    /// What a flight has kept; asked before that is in force.
    func keptChanges(
        _ flight: ZoneUpdater.Flight,
        _ outcome: ZoneWork.Outcome?
    ) -> [KeptChange] {
        let steps = outcome?.steps ?? [:]
        guard steps.isEmpty else {
            let told = steps.sorted { $0.key < $1.key }.compactMap { place, step in
                flight.answers.indices.contains(place)
                    ? (step, flight.answers[place].request.client, flight.answers[place].key) : nil
            }
            return KeptChange.gathered(told)
        }
        guard let ticket = flight.tickets.first, let word = ticket.change else { return [] }
        return flight.commits.map { commit in
            let apex = commit.zone.name
            let gone = updater.overlays.zones[apex]?.sets.keys.count { $0.type != .SOA }
            return KeptChange(
                zone: apex,
                word: word,
                client: ticket.client,
                sets: commit.isRemoval ? gone ?? 0 : outcome?.changedSets ?? 0,
                from: assembly.zoneResult.place(of: apex)?.serial?.rawValue
            )
        }
    }

    /// Tells of it; asked when what was kept is in force, or waits for that.
    mutating func note(_ kept: [KeptChange], isInForce: Bool) {
        let now = Clock.monotonic()
        var last: [DomainName: UInt32] = [:]
        for change in kept { last[change.zone] = change.to }
        for var change in kept {
            let cause =
                change.word == .updated
                ? RepeatedLines.Cause.keptUpdate : .keptChange
            guard repeatedLines.lets(cause, at: now) else { continue }
            switch change.word {
            case .made, .changed, .imported:
                change.to = updater.overlays.zones[change.zone]?.serial
            case .updated where change.to == last[change.zone]:
                // It is a newer one when the zone has changed meanwhile.
                change.to = updater.overlays.zones[change.zone]?.serial ?? change.to
            case .discarded where isInForce:
                change.to = assembly.zoneResult.place(of: change.zone)?.serial?.rawValue
            case .updated, .discarded, .removed: break
            }
            note(.zoneChanged, .info, change.text, change.fields)
        }
    }
}

extension ZoneUpdater.Answer {
    /// The name of the key that has signed the update; nil for none.
    var key: DomainName? {
        if case .good(let transaction) = signature { transaction.key.name } else { nil }
    }
}
