// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    func zones(_ sections: [Section]) -> [ZoneSettings] {
        var seen = [String: Int](minimumCapacity: sections.count)
        return sections.compactMap { section in
            guard let name = ZoneName(section.name) else {
                section.report(
                    .notDomainName,
                    section.nameRange,
                    "`\(section.name)` cannot be the name of a zone"
                )
                return nil
            }
            let line = section.range.start.line
            if let first = seen.updateValue(line, forKey: name.apex) {
                section.report(
                    .duplicateOwner,
                    section.nameRange,
                    "the zone `\(name.apex)` is given twice",
                    "it stands in line \(first)"
                )
            }
            return zone(section, name, sections)
        }
    }

    private func zone(_ section: Section, _ name: ZoneName, _ all: [Section]) -> ZoneSettings {
        let file = section.text("file").map { resolve(path: $0) }
        if let file { checkZoneFile(section, file, name) }
        var settings = ZoneSettings(
            name: name.apex,
            file: file,
            soa: soa(section, name, hasFile: file != nil),
            ttl: section.interval("ttl"),
            records: records(section.members("records"), name)
        )
        settings.dnssec = signing(section, name)
        settings.updates = updates(section.list("updates"), name)
        settings.serialRule = section.word("serial-rule", .increment)
        if let soa = settings.soa { addNameServer(soa.primary, to: &settings) }
        transfers(section, into: &settings)
        catalog(section, into: &settings, all)
        checkSignedTransfers(section, settings)
        return settings
    }

    private func soa(_ section: Section, _ name: ZoneName, hasFile: Bool) -> SOASettings? {
        // Made of its members; what stands beside them is told there.
        guard !section.has("members") else { return nil }
        let isSecondary = section.has("transfer-from")
        if isSecondary { checkSecondary(section) }
        switch (section.has("soa"), hasFile || isSecondary) {
        case (true, true) where isSecondary: break
        case (true, true):
            section.fault(
                .excludingKeys,
                "soa",
                "the zone file holds the start of authority",
                "remove `soa`"
            )
        case (false, false):
            section.report(
                .missingKey,
                section.nameRange,
                "\(section.title) needs `soa` or `file`",
                "such as `soa: { primary: ns1.\(name.text), mailbox: hostmaster@\(name.text) }`"
            )
        default: break
        }
        guard !hasFile, !isSecondary else { return nil }
        let soa = section.group("soa")
        return SOASettings(
            primary: name.target(soa.text("primary") ?? "@"),
            mailbox: name.target(soa.text("mailbox") ?? "@"),
            serial: UInt32(clamping: soa.integer("serial")),
            refresh: soa.interval("refresh"),
            retry: soa.interval("retry"),
            expire: soa.interval("expire"),
            negativeTTL: soa.interval("negative-ttl"),
            place: SourcePlace(soa.nameRange.start)
        )
    }

    /// RFC 1034 §4.2.1: the apex has NS records; with none given the primary is the one.
    private func addNameServer(_ primary: String, to zone: inout ZoneSettings) {
        if let apex = zone.records.firstIndex(where: { $0.owner == zone.name }) {
            let hasNS = zone.records[apex].data.contains {
                guard case .ns = $0 else { return false }
                return true
            }
            if !hasNS { zone.records[apex].data.append(.ns(primary)) }
        } else {
            let apex = RecordSettings(
                owner: zone.name,
                ttl: nil,
                steer: nil,
                data: [.ns(primary)],
                place: SourcePlace()
            )
            zone.records.insert(apex, at: 0)
        }
    }

    private func checkZoneFile(_ section: Section, _ path: String, _ name: ZoneName) {
        for fault in checks.zoneFile(path, name.apex).prefix(100) {
            reading.add(
                Diagnostic(
                    code: .zoneFileFault,
                    file: fault.file ?? path,
                    range: SourceRange(start: fault.position, end: fault.position),
                    option: section.path + ".file",
                    message: SourceLines.message(fault.message),
                    suggestion: nil,
                    excerpt: SourceLines.message(fault.excerpt)
                )
            )
        }
    }

    /// A path as seen from the folder of the configuration.
    func resolve(path: String) -> String {
        guard path.utf8.first != 0x2f, let slash = reading.file.utf8.lastIndex(of: 0x2f) else {
            return path
        }
        return String(reading.file[...slash]) + path
    }

    // MARK: Records

    private func records(_ sections: [Section], _ zone: ZoneName) -> [RecordSettings] {
        var seen: [String: Int] = [:]
        return sections.compactMap { section in
            let owner: String
            do throws(ValueFault) {
                owner = try zone.owner(section.name)
            } catch {
                section.report(error.code, section.nameRange, error.message, error.suggestion)
                return nil
            }
            let line = section.range.start.line
            if let first = seen.updateValue(line, forKey: owner) {
                section.report(
                    .duplicateOwner,
                    section.nameRange,
                    "`\(owner)` is given twice",
                    "join it with line \(first)"
                )
            }
            let record = record(section, owner, zone)
            check(record, section, isApex: owner == zone.apex)
            return record
        }
    }

    private func record(_ section: Section, _ owner: String, _ zone: ZoneName) -> RecordSettings {
        var data: [RecordData] = []
        var seen: Set<RecordData> = []
        for kind in RecordKind.allCases {
            for record in section.records(kind.rawValue) {
                let absolute = record.mappingNames(zone.target)
                if !seen.insert(absolute).inserted {
                    section.fault(
                        .duplicateRecord,
                        kind.rawValue,
                        "`\(absolute)` is given twice"
                    )
                } else {
                    data.append(absolute)
                }
            }
        }
        return RecordSettings(
            owner: owner,
            ttl: section.optionalInterval("ttl"),
            steer: section.text("steer"),
            data: data,
            place: SourcePlace(section.nameRange.start)
        )
    }

    func checkServices() {
        for service in reading.services {
            guard let reason = checks.service(service.parameters) else { continue }
            reading.report(
                .notRecord,
                service.range,
                option: service.option,
                reason,
                "such as `1 . alpn=h2,h3`, or `0 www.example.net` for an alias"
            )
        }
    }

    private func check(_ record: RecordSettings, _ section: Section, isApex: Bool) {
        if section.has("cname") {
            let others = RecordKind.allCases.map(\.rawValue) + ["steer"]
            if isApex {
                section.fault(
                    .aliasBesideData,
                    "cname",
                    "the zone itself cannot have `cname`",
                    "`alias` gives it the addresses of another name, `steer` those of a policy"
                )
            } else if let other = others.first(where: { $0 != "cname" && section.has($0) }) {
                section.fault(
                    .aliasBesideData,
                    "cname",
                    "\(section.title) has `cname` and `\(other)`"
                )
            }
        }
        if section.has("alias"), let other = ["a", "aaaa", "steer"].first(where: section.has) {
            section.fault(
                .aliasBesideData,
                other,
                "\(section.title) has the addresses of another name, and `\(other)`",
                "remove one of the two"
            )
        }
        if section.has("steer"), let other = ["a", "aaaa"].first(where: section.has) {
            section.fault(
                .steeredBesideData,
                other,
                "\(section.title) is steered and has `\(other)`",
                "move the addresses into the policy"
            )
        }
        if record.data.isEmpty, !section.has("steer") {
            let isFaulty = RecordKind.allCases.contains { section.has($0.rawValue) }
            guard !isFaulty else { return }
            section.report(
                .missingKey,
                section.nameRange,
                "\(section.title) has no records",
                "such as `a: 192.0.2.1` or `steer: NAME`"
            )
        }
    }
}

/// The name of a zone, and how the names inside it are read.
struct ZoneName {
    /// In lower case with a final dot.
    let apex: String
    /// In lower case without.
    let text: String

    init?(_ written: String) {
        guard let name = try? OptionType.recordName(written), name != "@" else { return nil }
        text = name.droppingFinalDot
        apex = name == "." ? name : text + "."
    }

    private var suffix: String { apex == "." ? "." : "." + apex }

    /// An owner: relative to the zone, unless it ends in a dot.
    func owner(_ written: String) throws(ValueFault) -> String {
        let name = written.lowercased()
        if name == "@" { return apex }
        if name == "*" { return "*" + suffix }
        let isWildcard = name.hasPrefix("*.")
        let plain = try OptionType.zoneName(isWildcard ? String(name.dropFirst(2)) : name)
        let full = isWildcard ? "*." + plain : plain
        if full.hasSuffix(".") {
            guard full == apex || full.hasSuffix(suffix) else {
                throw ValueFault(.outOfZone, "`\(written)` lies outside the zone `\(apex)`")
            }
            return full
        }
        // `www.example.com` inside `example.com` would silently become a name nobody asks for.
        if full == text || full.hasSuffix("." + text) {
            let relative = full == text ? "@" : String(full.dropLast(text.count + 1))
            throw ValueFault(
                .outOfZone,
                "`\(written)` repeats the name of its zone",
                "did you mean `\(relative)`?"
            )
        }
        guard full.utf8.count + suffix.utf8.count <= 254 else {
            throw ValueFault(.notDomainName, "`\(written)` is too long inside `\(apex)`")
        }
        return full + suffix
    }

    /// A name that a record points to: absolute, unless it is a single label.
    func target(_ written: String) -> String {
        if written == "@" { return apex }
        if written.hasSuffix(".") { return written }
        return written.contains(".") ? written + "." : written + suffix
    }
}

extension RecordData {
    /// The same data with its names changed.
    func mappingNames(_ change: (String) -> String) -> RecordData {
        switch self {
        case .cname(let name): .cname(change(name))
        case .alias(let name): .alias(change(name))
        case .ns(let name): .ns(change(name))
        case .ptr(let name): .ptr(change(name))
        case .mx(let preference, let exchange):
            // RFC 7505: a lone dot means that no mail is taken.
            .mx(preference: preference, exchange: change(exchange))
        case .srv(let priority, let weight, let port, let target):
            .srv(priority: priority, weight: weight, port: port, target: change(target))
        case .https(let service): .https(service.mappingTarget(change))
        case .svcb(let service): .svcb(service.mappingTarget(change))
        case .a, .aaaa, .txt, .caa: self
        }
    }
}

extension ServiceSettings {
    fileprivate func mappingTarget(_ change: (String) -> String) -> ServiceSettings {
        var mapped = self
        mapped.target = change(target)
        return mapped
    }
}
