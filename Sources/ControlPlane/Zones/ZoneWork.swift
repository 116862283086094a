// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// What a flight is about.
enum ZoneTask: Sendable {
    /// Updates that were let in, by the places of their answers.
    case updates([Int: Plane.Admitted])
    /// A change that the API has asked for.
    case job(ZoneAPIJob)
    /// What an operator has put in the place of a zone.
    case replace(DomainName, ZoneImportOrder)
    /// What is decided already, and the zones as they are after it.
    case changes([DomainName: ZoneChange], [DomainName: ZoneRecords])

    /// The zones that it may change.
    var zones: Set<DomainName> {
        switch self {
        case .updates(let updates): Set(updates.values.map(\.apex))
        case .job(let job): [job.change.zone]
        case .replace(let apex, _): [apex]
        case .changes(let changes, _): Set(changes.keys)
        }
    }
}

/// Decides changes of zones and lays them out: all of a flight that takes long.
///
/// It has copies of what it goes by, and the zones themselves until it lands; the control thread makes
/// verdicts meanwhile. What has become otherwise by then is seen to at the landing.
struct ZoneWork: Sendable {
    let settings: Settings
    let former: FormerZones
    /// Since 1970, for serials.
    let seconds: UInt32
    /// What the store has of the zones, without its sets.
    var known: [DomainName: StoredZone] = [:]
    /// The zones in a form that can be changed.
    var live: [DomainName: ZoneRecords] = [:]
    var changes: [DomainName: ZoneChange] = [:]
    /// What updates have changed, by the places of their answers.
    var steps: [Int: ZoneUpdateStep] = [:]
    /// Sets that a change by the API or an import is about, without the SOA.
    var changedSets = 0

    /// What was decided.
    struct Outcome: Sendable {
        var commits: [ZoneCommit] = []
        /// Codes by the places of the answers.
        var codes: [Int: ResponseCode] = [:]
        /// What is to be said of a change by the API that changes nothing.
        var end: Result<Void, ZoneAPIFault>?
        /// What is said to who has ordered it, once it is kept.
        var orderEnd: ZoneOrder.End?
        var live: [DomainName: ZoneRecords] = [:]
        /// For the log: what each update has changed, and how many sets anything else has.
        var steps: [Int: ZoneUpdateStep] = [:]
        var changedSets = 0
        /// An alias begins in a changed zone, or leads through it.
        var isAliased = false
    }

    init(_ settings: Settings, _ former: FormerZones, seconds: UInt32) {
        self.settings = settings
        self.former = former
        self.seconds = seconds
    }

    /// Does all of it; `outcome` gets what only the control thread can do something about.
    mutating func perform(_ task: ZoneTask, _ outcome: Handed<Outcome>) -> ZoneStore.Laid {
        var made = Outcome()
        var laid = ZoneStore.Laid()
        switch task {
        case .updates(let updates):
            for (place, update) in updates.sorted(by: { $0.key < $1.key }) {
                made.codes[place] = decide(update, place)
            }
        case .job(let job):
            do throws(ZoneAPIFault) {
                if try !begin(job) { made.end = .success(()) }
            } catch {
                made.end = .failure(error)
            }
        case .replace(let apex, let order):
            do throws(AssemblyRefusal) {
                let report: ZoneImport
                (report, laid.table) = try replace(apex, order)
                made.orderEnd = .imported(report)
            } catch {
                made.orderEnd = .refused(error.problems)
            }
            if changes.isEmpty { made.end = .success(()) }
        case .changes(let changes, let zones):
            self.changes = changes
            live.merge(zones) { _, new in new }
        }
        if !changes.isEmpty {
            laid.commits = changes.map { commit($0, $1) }
            if laid.table == nil { (laid.table, laid.faults) = layOut() }
            made.isAliased = changes.contains { apex, change in
                change.sets.keys.contains { $0.type == .ALIAS }
                    || (change.kind == .overlay ? leads(apex) : former.all.hasAliases)
            }
        }
        made.commits = laid.commits
        (made.steps, made.changedSets) = (steps, changedSets)
        made.live = live
        live = [:]
        outcome.give(made)
        return laid
    }

    // MARK: Updates

    private mutating func decide(_ update: Plane.Admitted, _ place: Int) -> ResponseCode {
        guard let message = UpdateMessage(update.plain) else { return .formatError }
        let apex = message.zone.lowercased
        guard var records = take(apex) else { return .serverFailure }
        defer { live[apex] = records }
        guard !isSignedElsewhere(records) else { return .refused }
        let outcome = update.machine.apply(
            message,
            by: update.asker,
            to: &records,
            seconds: seconds
        )
        guard let difference = outcome.difference else { return outcome.code }
        for set in records.former.keys {
            // In the case in which it is served: an equal key that is there would stay as it is.
            changes[apex]?.sets[set] = nil
            let key = RecordSetKey(records.spelling(of: set.owner), set.type)
            changes[apex, default: ZoneChange()].sets[key] = .some(records[set.owner, set.type])
        }
        changes[apex]?.differences.append(difference)
        steps[place] = ZoneUpdateStep(zone: apex, sets: records.changedSets, difference)
        return outcome.code
    }

    /// A zone, taken out of where it is kept, so that a change need not copy it.
    mutating func take(_ apex: DomainName) -> ZoneRecords? {
        if let known = live.removeValue(forKey: apex) { return known }
        return former.contents("\(apex)").map { ZoneRecords(apex: apex, $0) }
    }

    /// True for a zone that is signed in its file alone: whatever changes would have no signature.
    func isSignedElsewhere(_ zone: ZoneRecords) -> Bool {
        zone[zone.apex, .RRSIG] != nil && configured(zone.apex)?.dnssec == nil
    }

    /// A zone of the configuration.
    func configured(_ name: DomainName) -> ZoneSettings? {
        let text = "\(name)"
        return settings.zones.first { $0.name == text }
    }

    // MARK: What is kept and served

    // What the store has may be of a former life of the zone: made by the API before it stood in
    // the configuration, or the other way round. Nothing of that is to show again.
    private func commit(_ apex: DomainName, _ change: ZoneChange) -> ZoneCommit {
        let kind: StoredZone.Kind = configured(apex) == nil ? .made : .overlay
        let known = known[apex]
        let isNew = known?.kind != kind || change.kind == .made
        let fresh = StoredZone(name: apex, kind: kind, base: served(apex) ?? 0)
        var commit = ZoneCommit(isNew ? fresh : known ?? fresh)
        commit.sets = change.sets
        commit.differences = change.differences
        commit.isRemoval = change.isRemoval
        commit.replacesAll = isNew || change.restsOnFile
        commit.restsOnFile = change.restsOnFile
        // Secondaries have what these are answered with, and no difference tells of that.
        commit.dropsJournal = isNew || change.differences.contains(where: \.isOfAnswers)
        // By what a later process knows that the journal leads to what it serves.
        commit.zone.facts = live[apex]?.digest.bytes ?? []
        return commit
    }

    // A zone that is only among the changed ones has no way of an alias. One that comes or goes may be
    // where an alias of any other one leads.
    private func leads(_ apex: DomainName) -> Bool {
        former.all.usableZone(apex).map { former.all.hasAliases(zone: $0) } ?? false
    }

    // The serial that a zone has in the tables.
    private func served(_ apex: DomainName) -> UInt32? {
        for table in [former.changed, former.all] {
            if let zone = table.usableZone(apex) { return table.serial(ofZone: zone) }
        }
        return nil
    }

    private func layOut() -> (ZoneTable?, [ZoneDiagnostic]) {
        if let table = patched() { return (table, []) }
        let zones = changes.map { ($0.key, $0.value.isRemoval ? nil : live[$0.key]) }
        return ZoneAssembly.trial(zones, changed: former.changed)
    }

    // In places: at the cost of what has changed.
    private func patched() -> ZoneTable? {
        guard changes.values.allSatisfy({ !$0.isRemoval && $0.kind == .overlay }) else {
            return nil
        }
        var table = former.changed
        let fresh = changes.keys.filter { table.usableZone($0) == nil }
        if !fresh.isEmpty {
            guard let part = ZonePart(former.all, only: fresh),
                let joined = ZoneTable.joined([ZonePart(table, without: Set(fresh)), part])
            else { return nil }
            table = joined
        }
        guard var patch = ZonePatch(table) else { return nil }
        for (apex, change) in changes {
            guard let records = live[apex], patch.change(records, change.sets.keys) else {
                return nil
            }
        }
        return patch.table()
    }
}

extension ZoneDifference {
    /// True when it has records that are never sent, but what they are answered with.
    fileprivate var isOfAnswers: Bool {
        (deleted + added).contains { $0.type == .ALIAS || $0.type == .LUA }
    }
}
