// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// SVCB and HTTPS in a zone under construction (RFC 9460).
extension ZoneTableBuilder {
    /// True for a service record in AliasMode: its priority is 0 (RFC 9460 §2.4.1).
    func isAliasMode(_ record: Int) -> Bool { bytes(of: record).prefix(2).allSatisfy { $0 == 0 } }

    /// A name in wire form.
    func ownName(_ number: Int) -> [UInt8] {
        let start = Int(names[number].offset)
        return Array(nameBytes[start..<start + Int(names[number].length)])
    }

    /// Whom a record names, in lower case; the name stands behind `skipped` octets of its data.
    ///
    /// The root as the target of a service stands for the owner, of an alias for nobody (RFC 9460
    /// §2.5).
    func target(of record: Int, of number: Int, behind skipped: Int) -> [UInt8] {
        let data = Array(bytes(of: record).dropFirst(skipped))
        guard records[record].type.isService else { return data.map(ASCII.lowercased) }
        let length = WireName.length(in: data.span, at: 0) ?? data.count
        if length == 1, !isAliasMode(record) { return ownName(number) }
        return data.prefix(length).map(ASCII.lowercased)
    }

    /// What a set of services says against itself.
    mutating func checkServices(_ number: Int, _ found: ArraySlice<Int>) {
        let aliases = found.filter { isAliasMode($0) }
        guard let first = aliases.first else { return }
        let type = records[first].type
        let own = ownName(number)
        for record in aliases {
            let target = target(of: record, of: number, behind: 2)
            if target == own {
                let message = "the \(type) record of \(text(number)) is an alias of itself"
                noteRecord(record, .aliasOfItself, message)
            }
            if bytes(of: record).count > 2 + target.count {
                let message =
                    "the \(type) record of \(text(number)) is an alias: its parameters are ignored"
                noteRecord(record, .aliasParameters, message)
            }
        }
        if aliases.count < found.count {
            let message =
                "\(type) of \(text(number)) is an alias (priority 0): its services are ignored"
            noteRecord(first, .mixedServices, message)
        }
        if aliases.count > 1 {
            let message = "\(type) of \(text(number)) has several aliases: clients take any of them"
            noteRecord(aliases[1], .severalAliases, message)
        }
    }

    /// Adds services to a steered name, or to one with an ALIAS: each at the name itself gets the
    /// addresses that are answered.
    ///
    /// False when the name is neither, or none of its services is there: then they are plain.
    mutating func addSteeredServices(
        of number: Int,
        _ found: [Int],
        _ ttl: UInt32,
        to layout: inout ZoneTableLayout
    ) -> Bool {
        let made = recordNumbers(of: number).filter { place in
            let record = records[place]
            return (record.isSteered || record.isAlias)
                && (record.type == .A || record.type == .AAAA)
        }
        guard let first = found.first, let steered = made.first else { return false }
        let isAlias = records[steered].isAlias
        let own = ownName(number)
        let atOwner = found.map { !isAliasMode($0) && target(of: $0, of: number, behind: 2) == own }
        guard atOwner.contains(true) else { return false }
        var templates: [[UInt8]] = []
        for (record, takesHints) in zip(found, atOwner) {
            let data = Array(bytes(of: record))
            if takesHints, ServiceTemplate.hasHints(data) {
                // RFC 9460 §7.3: clients may use hints before, and instead of, the addresses.
                let message =
                    "\(text(number)) \(isAlias ? "has an ALIAS" : "is steered"): its "
                    + "\(records[record].type) record gets its hints from "
                    + "\(isAlias ? "there" : "the policy"), and cannot have its own"
                noteRecord(record, isAlias ? .conflictingAlias : .conflictingSteer, message)
            }
            templates.append(ServiceTemplate.bytes(data, takesHints: takesHints))
        }
        layout.addSteered(
            records[first].type,
            policy: policy(among: made, .A),
            policyIPv6: policy(among: made, .AAAA),
            ttl: made.reduce(ttl) { min($0, records[$1].ttl) },
            templates: templates
        )
        return true
    }

    // The families of one name may be chosen by one policy, by two, or one of them by none.
    func policy(among made: [Int], _ type: RecordType) -> UInt32 {
        made.first { records[$0].type == type && records[$0].isSteered }
            .map { records[$0].offset } ?? absent
    }
}
