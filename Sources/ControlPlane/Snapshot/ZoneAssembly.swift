// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// From `zones` to the table that the DNS door answers from.
///
/// Each zone stands for itself: one whose file is faulty keeps its former version, or is answered
/// SERVFAIL when there is none, and all others are as their files are now.
struct ZoneAssembly {
    /// The numbers of the steer policies by name.
    let policies: [String: (number: Int, ttl: Interval)]
    /// The configuration file, which records stand in that are in no zone file.
    let path: String
    /// How names outside are asked.
    let alias: AliasSettings
    /// The zones in force.
    let former: FormerZones?
    /// Where the versions are that have come from primaries.
    var transferred = TransferredZones()
    /// The zones that cannot be signed as they were, and why.
    var keyFaults: [String: ReloadProblem] = [:]
    /// Zones that are read from their files, others are taken as they are in force; nil for all.
    ///
    /// What nobody has asked to be read may be half written.
    var rereads: Set<String>?
    /// What lies over them.
    var overlays: ZoneOverlays

    init(
        _ settings: Settings,
        path: String,
        former: FormerZones?,
        overlays: ZoneOverlays = ZoneOverlays()
    ) {
        self.overlays = overlays
        var policies: [String: (number: Int, ttl: Interval)] = [:]
        for (number, policy) in settings.steer.enumerated() {
            policies[policy.name] = (number, policy.ttl)
        }
        self.policies = policies
        self.path = path
        alias = settings.alias
        self.former = former
    }

    /// What came of it.
    struct Result {
        var table: ZoneTable
        /// Zones that have changed since, in the place of those in the table.
        var changed = ZoneTable.empty
        /// How the latest versions came about.
        var histories: [DomainName: ZoneHistory] = [:]
        /// Noteworthy, in zones that are served as they are now.
        var warnings: [ZoneDiagnostic] = []
        /// The zones whose files are faulty.
        var faults: [ZoneFault] = []
        /// The zones whose configuration has changed under what lies over them.
        var rebased: [DomainName: RebasedZone] = [:]
        /// Sets of the store that have been found to be in the way of the zones that have them.
        var leftOut: [DomainName: LeftOutSets] = [:]
        /// The zones that were in force before: nothing of them was made anew.
        var isKept = false
        /// The same but for these, and for numbers of policies.
        var touched: Set<DomainName>?
    }

    /// The zones of the configuration, or everything that is wrong with those that stand in it.
    func table(_ zones: [ZoneSettings]) throws(AssemblyRefusal) -> Result {
        var reader = self
        var leftOut: [DomainName: LeftOutSets] = [:]
        var result = try reader.table(zones, &leftOut)
        result.leftOut = leftOut
        return result
    }

    private mutating func table(
        _ zones: [ZoneSettings],
        _ leftOut: inout [DomainName: LeftOutSets]
    ) throws(AssemblyRefusal) -> Result {
        var faults = unsignable(zones)
        // Without the faulty ones there is a table, unless leaving them out shows further faults.
        while true {
            var rebased: [DomainName: RebasedZone] = [:]
            let (build, unreadable) = build(zones, without: faults, &rebased)
            if let table = build.table, unreadable.isEmpty {
                let warnings = build.diagnostics
                let found = faults.sorted { $0.key < $1.key }.map(\.value)
                var result = Result(table: table, warnings: warnings, faults: found)
                result.rebased = rebased
                return result
            }
            let faulty = build.faultyZones.union(unreadable.keys).subtracting(faults.keys)
            var hasLeft = false
            for number in faulty where unreadable[number] == nil && zones.indices.contains(number) {
                guard let apex = DomainName(zones[number].name)?.lowercased, leftOut[apex] == nil,
                    let left = self.leftOut(of: zones[number], apex)
                else { continue }
                leftOut[apex] = left
                overlays.leave(left, of: apex)
                hasLeft = true
            }
            if hasLeft { continue }
            let owns = build.faultyZones.contains {
                !zones.indices.contains($0)
                    || (zones[$0].file == nil && zones[$0].soa != nil)
            }
            guard !owns, !faulty.isEmpty else { throw refusal(build, unreadable.map(\.value)) }
            for number in faulty {
                faults[number] = fault(zones[number], number, build, unreadable[number])
            }
        }
    }

    /// Zones whose keys are missing are not answered with less than they had.
    private func unsignable(_ zones: [ZoneSettings]) -> [Int: ZoneFault] {
        var faults: [Int: ZoneFault] = [:]
        for (number, zone) in zones.enumerated() {
            if let fault = unsignable(zone) { faults[number] = fault }
        }
        return faults
    }

    func unsignable(_ zone: ZoneSettings) -> ZoneFault? {
        keyFaults[zone.name].map { problem in
            ZoneFault(
                zone: zone.name,
                keepsFormer: former?.has(zone.name) == true,
                problems: [problem],
                diagnostics: []
            )
        }
    }

    func fault(
        _ zone: ZoneSettings,
        _ number: Int,
        _ build: ZoneBuild,
        _ unreadable: ReloadProblem?
    ) -> ZoneFault {
        let found = build.diagnostics(ofZone: number)
        // Whatever else is missing then is missing for that.
        var problems =
            unreadable.map { [$0] }
            ?? found.filter { $0.severity == .error }.map(ZoneAssembly.problem)
        if problems.isEmpty {
            let text = "zone \(zone.name) has errors that are not listed: others are too many"
            problems.append(.start("M1518", text, "'martlet check' after those are mended"))
        }
        if let apex = DomainName(zone.name)?.lowercased, overlays.stored(zone, apex) != nil,
            unreadable == nil
        {
            let text = "changes lie over zone \(zone.name) that were made while it served"
            let remedy = "if they are in the way, 'martlet zone discard' takes all of them back"
            problems.append(.notice("M3109", text, remedy))
        }
        return ZoneFault(
            zone: zone.name,
            keepsFormer: former?.has(zone.name) == true,
            problems: problems,
            diagnostics: unreadable == nil ? found : []
        )
    }

    func build(
        _ zones: [ZoneSettings],
        without faults: [Int: ZoneFault]
    ) -> (build: ZoneBuild, unreadable: [Int: ReloadProblem]) {
        var rebased: [DomainName: RebasedZone] = [:]
        return build(zones, without: faults, &rebased)
    }

    private func build(
        _ zones: [ZoneSettings],
        without faults: [Int: ZoneFault],
        _ rebased: inout [DomainName: RebasedZone]
    ) -> (build: ZoneBuild, unreadable: [Int: ReloadProblem]) {
        var builder = ZoneTableBuilder()
        builder.aliasNetworks = alias.networkLimits
        builder.toleratesLostAliases =
            !overlays.zones.isEmpty || zones.contains { !$0.transferFrom.isEmpty }
        builder.seconds = Clock.seconds
        var unreadable: [Int: ReloadProblem] = [:]
        for (number, zone) in zones.enumerated() {
            guard let apex = DomainName(zone.name) else { continue }
            builder.beginZone(apex, source: source(of: zone))
            if let signing = zone.dnssec {
                builder.markSignedHere(holding: Self.seconds(signing.signatureRefresh))
            }
            guard faults[number] == nil else {
                if let contents = former?.contents(zone.name) {
                    builder.add(contents) { former?.number($0, in: policies) }
                } else {
                    builder.markUnusable()
                }
                continue
            }
            unreadable[number] = read(zone, apex, into: &builder, &rebased)
        }
        return (builder.build(), unreadable)
    }

    /// The file that a zone stands in; empty for one that comes from elsewhere, or from the store.
    func source(of zone: ZoneSettings) -> String { zone.file ?? (zone.soa == nil ? "" : path) }

    /// The code of a transferred zone whose version is there no more, or damaged.
    static let lostCode = "M1532"

    /// What a zone is now; the reason when its file cannot be read.
    func read(
        _ zone: ZoneSettings,
        _ apex: DomainName,
        into builder: inout ZoneTableBuilder,
        _ rebased: inout [DomainName: RebasedZone]
    ) -> ReloadProblem? {
        guard zone.transferFrom.isEmpty else {
            if let records = transferred.records(zone.name) {
                builder.add(records.map { .record($0) }) { _ in nil }
            } else if transferred.expired.contains(zone.name) {
                builder.markUnusable(.expired)
            } else if transferred.isLost(zone.name) {
                let path = transferred.path(zone.name) ?? "it"
                return .start(
                    ZoneAssembly.lostCode,
                    "what is kept of zone \(zone.name) cannot be read: \(path)",
                    "nothing: it is taken from its primaries again; see what has damaged it"
                )
            } else {
                builder.markUnusable(.awaited)
            }
            return nil
        }
        guard zone.members == nil else {
            let records = transferred.produced(zone, former)
            builder.add(records.map { .record($0) }) { _ in nil }
            return nil
        }
        let stored = overlays.stored(zone, apex.lowercased)
        if let rereads, !rereads.contains(zone.name), stored?.kind.isWhole != true,
            zone.file != nil || former?.has(zone.name) == true
        {
            take(zone, stored, into: &builder)
            return nil
        }
        if let stored { builder.mask(stored) }
        var problem: ReloadProblem?
        if let file = zone.file {
            do throws(SystemError) {
                let ttl = ZoneAssembly.seconds(zone.ttl)
                builder.read(try ZoneText.reader(path: file, origin: apex, defaultTTL: ttl))
            } catch {
                let reason = File.isRegular(file) == false ? "it is no regular file" : "\(error)"
                let message = "the file of zone \(zone.name) cannot be read: \(file): \(reason)"
                problem = .start("M1006", message, "see that 'user' may read it")
            }
        }
        builder.beginRecords(source: path)
        if let soa = zone.soa { ZoneAssembly.add(soa, apex, zone, to: &builder) }
        for record in zone.records { add(record, zone, to: &builder) }
        if let stored { rebased[stored.name] = lay(stored, over: &builder) }
        return problem
    }

    // The zone as it is in force, with what the store has of it now.
    private func take(
        _ zone: ZoneSettings,
        _ stored: StoredZone?,
        into builder: inout ZoneTableBuilder
    ) {
        guard let contents = former?.contents(zone.name) else { return builder.markUnusable() }
        guard let stored else {
            return builder.add(contents) { former?.number($0, in: policies) }
        }
        builder.mask(stored)
        // What the store steers is steered anew, as it is there now.
        builder.add(contents) { former?.configuredNumber($0, in: policies) }
        builder.unmask()
        add(stored, to: &builder)
    }

    // What the store has of a zone, behind all that is not masked by it.
    private func lay(
        _ stored: StoredZone,
        over builder: inout ZoneTableBuilder
    ) -> RebasedZone? {
        let rebased = stored.rebased(on: builder.maskedSOA)
        builder.unmask()
        var shown = stored
        if let rebased { shown.sets[RecordSetKey(stored.name, .SOA)] = rebased.soa }
        add(shown, to: &builder)
        return rebased
    }

    // Its records, and the names that are steered by some of them.
    private func add(_ stored: StoredZone, to builder: inout ZoneTableBuilder) {
        // What messages and the API have made stands in no file that anybody could mend.
        builder.beginRecords(source: "")
        builder.add(stored.records.map { .record($0) }) { $0 }
        for (key, set) in stored.sets where key.type == DynamicRecord.type {
            for data in set?.data ?? [] {
                guard let set, let type = DynamicRecord.answers(data),
                    let policy = policies[DynamicRecord.policyName(key.owner, type)]
                else { continue }
                builder.steer(
                    owner: key.owner,
                    ttl: DynamicRecord.ttl(data) ?? set.ttl,
                    policy: policy.number,
                    types: [type]
                )
            }
        }
    }

    private func refusal(_ build: ZoneBuild, _ unreadable: [ReloadProblem]) -> AssemblyRefusal {
        let errors = build.diagnostics.filter { $0.severity == .error }
        var refusal = AssemblyRefusal(problems: unreadable + errors.map(ZoneAssembly.problem))
        refusal.zoneFaults = build.diagnostics
        return refusal
    }

    static func problem(_ found: ZoneDiagnostic) -> ReloadProblem {
        let (line, column) = (found.position.line, found.position.column)
        return ReloadProblem(
            code: "\(found.code)",
            text: found.description,
            json: [
                "code": .string("\(found.code)"),
                "file": found.file.isEmpty ? .null : .string(found.file),
                "line": line == 0 ? .null : .integer(Int64(line)),
                "column": line == 0 ? .null : .integer(Int64(column)),
                "message": .string(found.message),
            ]
        )
    }

    static func seconds(_ interval: Interval) -> UInt32 {
        // RFC 2181 §8: at most 31 bits.
        UInt32(clamping: min(max(interval.nanoseconds / 1_000_000_000, 0), 0x7fff_ffff))
    }
}

extension RecordValue {
    init?(_ data: RecordData) {
        switch data {
        case .a(let ip), .aaaa(let ip): self = .address(ip)
        case .cname(let name):
            guard let name = DomainName(name) else { return nil }
            self = .cname(name)
        case .alias(let name):
            guard let name = DomainName(name) else { return nil }
            self = .alias(name)
        case .ns(let name):
            guard let name = DomainName(name) else { return nil }
            self = .ns(name)
        case .ptr(let name):
            guard let name = DomainName(name) else { return nil }
            self = .ptr(name)
        case .mx(let preference, let exchange):
            guard let name = DomainName(exchange) else { return nil }
            self = .mx(preference: preference, exchange: name)
        case .srv(let priority, let weight, let port, let target):
            guard let name = DomainName(target) else { return nil }
            self = .srv(priority: priority, weight: weight, port: port, target: name)
        case .txt(let strings): self = .txt(strings.map { Array($0.utf8) })
        case .caa(let flags, let tag, let value):
            self = .caa(flags: flags, tag: Array(tag.utf8), value: Array(value.utf8))
        case .https(let service):
            guard let binding = ServiceBinding(service) else { return nil }
            self = .https(binding)
        case .svcb(let service):
            guard let binding = ServiceBinding(service) else { return nil }
            self = .svcb(binding)
        }
    }
}

extension ServiceBinding {
    init?(_ service: ServiceSettings) {
        guard let target = DomainName(service.target),
            let parameters = try? ServiceParameters(service.parameters)
        else { return nil }
        self.init(priority: service.priority, target: target, parameters: parameters)
    }
}

extension AliasSettings {
    /// A new table has its networks in other places.
    fileprivate var networkLimits: AliasNetworkLimits {
        AliasNetworkLimits(
            networks: networks,
            ipv4Prefix: UInt8(clamping: ipv4Prefix),
            ipv6Prefix: UInt8(clamping: ipv6Prefix),
            key: .random(in: .min ... .max)
        )
    }
}
