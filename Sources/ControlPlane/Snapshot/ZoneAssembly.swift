// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// From `zones` to the table that the DNS door answers from.
struct ZoneAssembly {
    /// The numbers of the steer policies by name.
    let policies: [String: (number: Int, ttl: Interval)]
    /// The configuration file, which records stand in that are in no zone file.
    let path: String
    /// How names outside are asked.
    let alias: AliasSettings

    /// The table with what is noteworthy about it, or everything that is wrong with the zones.
    func table(
        _ zones: [ZoneSettings]
    ) throws(AssemblyRefusal) -> (table: ZoneTable, warnings: [ZoneDiagnostic]) {
        var builder = ZoneTableBuilder()
        builder.aliasNetworks = alias.networkLimits
        var problems: [ReloadProblem] = []
        for zone in zones {
            guard let apex = DomainName(zone.name) else { continue }
            builder.beginZone(apex, source: zone.file ?? zone.name)
            if let file = zone.file {
                do throws(SystemError) {
                    let ttl = ZoneAssembly.seconds(zone.ttl)
                    builder.read(
                        try ZoneText.reader(path: file, origin: apex, defaultTTL: ttl)
                    )
                } catch {
                    let message = "the file of zone \(zone.name) cannot be read: \(file): \(error)"
                    problems.append(.start("M1006", message, "see that 'user' may read it"))
                }
            }
            if let soa = zone.soa { ZoneAssembly.add(soa, apex, zone, to: &builder) }
            builder.beginRecords(source: path)
            for record in zone.records { add(record, zone, to: &builder) }
        }
        let build = builder.build()
        problems += build.diagnostics.filter { $0.severity == .error }.map { found in
            let members = ["code": "\(found.code)", "file": found.file, "message": found.message]
            let sorted = members.sorted { $0.key < $1.key }
            return ReloadProblem(
                code: "\(found.code)",
                text: found.description,
                json: .object(sorted.map { JSONMember($0.key, .string($0.value)) })
            )
        }
        guard let table = build.table, problems.isEmpty else {
            var refusal = AssemblyRefusal(problems: problems)
            refusal.zoneFaults = build.diagnostics
            throw refusal
        }
        return (table, build.diagnostics)
    }

    private static func add(
        _ soa: SOASettings,
        _ apex: DomainName,
        _ zone: ZoneSettings,
        to builder: inout ZoneTableBuilder
    ) {
        guard let primary = DomainName(soa.primary), let mailbox = DomainName(soa.mailbox) else {
            return
        }
        let value = StartOfAuthority(
            primary: primary,
            mailbox: mailbox,
            numbers: (
                soa.serial, seconds(soa.refresh), seconds(soa.retry), seconds(soa.expire),
                seconds(soa.negativeTTL)
            )
        )
        builder.add(.soa(value), owner: apex, ttl: seconds(zone.ttl))
    }

    private func add(
        _ record: RecordSettings,
        _ zone: ZoneSettings,
        to builder: inout ZoneTableBuilder
    ) {
        guard let owner = DomainName(record.owner) else { return }
        let place =
            record.place.position.map {
                ZonePosition(line: UInt32(clamping: $0.line), column: UInt32(clamping: $0.column))
            } ?? .none
        if let policy = record.steer.flatMap({ policies[$0] }) {
            let ttl = ZoneAssembly.seconds(record.ttl ?? policy.ttl)
            builder.steer(owner: owner, ttl: ttl, policy: policy.number, at: place)
        }
        let ttl = ZoneAssembly.seconds(record.ttl ?? zone.ttl)
        for data in record.data {
            guard let value = RecordValue(data) else { continue }
            builder.add(value, owner: owner, ttl: ttl, at: place)
        }
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
