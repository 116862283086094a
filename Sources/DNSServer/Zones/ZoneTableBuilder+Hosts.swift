// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// The hosts that NS, MX and SRV name: each has addresses, or is another's business.
extension ZoneTableBuilder {
    /// Looks at whom a record names; the root stands for nobody.
    mutating func checkHost(_ record: Int, of number: Int) {
        let type = records[record].type
        let skipped = ZoneSet.octets(aheadOfHost: type)
        let target = bytes(of: record).dropFirst(skipped).map(ASCII.lowercased)
        guard target.count > 1, let shown = DomainName(wire: target) else { return }
        if isAddress(target) {
            let message = "\(type) of \(text(number)) names \(shown), which looks like an address"
            return noteRecord(record, .addressAsName, message)
        }
        let zone = names[number].zone
        guard let closest = closest(to: target, zone: zone) else { return }
        // RFC 2181 §10.3: hosts are named directly.
        let isAlias =
            closest.isItself
            ? hasRecord(Int(closest.name), .CNAME) : isRedirected(Int(closest.name))
        if isAlias {
            let message = "\(type) leads to \(shown), which is an alias"
            return noteRecord(record, .aliasTarget, message)
        }
        // Below a delegation the data are another's, and missing glue is told elsewhere.
        guard names[Int(closest.name)].cut == absent, !isServedElsewhere(target, zone) else {
            return
        }
        let holder = closest.isItself ? closest.name : names[Int(closest.name)].wildcard
        guard holder == absent || !hasAddress(Int(holder)) else { return }
        var message = "\(type) of \(text(number)) leads to \(shown), which has no address here"
        if isDoubled(target, zones[Int(zone)].apexName) { message += ": is a final dot missing?" }
        noteRecord(record, .missingAddress, message)
    }

    /// Below a delegation only addresses have a use: as glue.
    mutating func checkOccluded(_ number: Int) {
        guard names[number].cut != absent, Int(names[number].cut) != number else { return }
        for record in recordNumbers(of: number) {
            let isAlias = records[record].isAlias
            let type = isAlias ? RecordType.ALIAS : records[record].type
            guard type != .A, type != .AAAA else { continue }
            let cut = text(Int(names[number].cut))
            let message = "\(type) of \(text(number)) is never answered: \(cut) is delegated"
            noteRecord(record, .occludedData, message)
            return
        }
    }

    /// A server inside of what is delegated to it is found by its address here alone.
    mutating func checkGlue(_ record: Int, of number: Int) {
        guard Int(names[number].cut) == number else { return }
        let target = bytes(of: record).map(ASCII.lowercased)
        guard isBelow(target, number) else { return }
        if let host = host(target, zone: names[number].zone), !names[Int(host)].isForeign {
            // What a policy chooses does not go along with a referral.
            let isGlue = recordNumbers(of: Int(host)).contains { place in
                let type = records[place].type
                return (type == .A || type == .AAAA) && !records[place].isSteered
                    && !records[place].isAlias
            }
            guard !isGlue else { return }
        }
        let server = DomainName(wire: target).map { "\($0)" } ?? "?"
        let message = "\(text(number)) is delegated to \(server), which has no address here"
        noteRecord(record, .missingGlue, message)
    }

    /// True for a name itself and for what lies below it.
    func isBelow(_ target: [UInt8], _ number: Int) -> Bool {
        let name = names[number]
        var position = 0
        while target.count - position > Int(name.length) {
            position += Int(target[position]) + 1
        }
        return target.count - position == Int(name.length)
            && WireName.matches(
                target.span,
                at: position,
                nameBytes.span,
                at: Int(name.offset),
                length: Int(name.length)
            )
    }

    private func hasAddress(_ number: Int) -> Bool {
        // What is chosen by a policy or taken from elsewhere is there under these types too, and
        // what an alias leads to is its own matter.
        hasRecord(number, .A) || hasRecord(number, .AAAA) || hasRecord(number, .CNAME)
    }

    private func isServedElsewhere(_ target: [UInt8], _ zone: UInt32) -> Bool {
        let own = zones[Int(zone)].apexName.count
        // Label by label, not zone by zone: there may be 100,000 of these.
        var position = 0
        while target.count - position > own {
            if apexes.contains(Array(target[position...])) { return true }
            position += Int(target[position]) + 1
        }
        return false
    }

    /// `192.0.2.1.`, with the origin behind it or without, and `2001:db8::1.`.
    private func isAddress(_ name: [UInt8]) -> Bool {
        var position = 0
        for _ in 0..<4 {
            let length = Int(name[position])
            guard length > 0, position + length < name.count else { return false }
            let label = name[position + 1...position + length]
            if position == 0, label.count(where: { $0 == UInt8(ascii: ":") }) > 1 { return true }
            guard length <= 3, label.allSatisfy(ASCII.isDigit) else { return false }
            position += length + 1
        }
        return true
    }

    private func isDoubled(_ name: [UInt8], _ apex: [UInt8]) -> Bool {
        apex.count > 1 && name.ends(with: apex.dropLast() + apex)
    }
}

extension Array where Element == UInt8 {
    fileprivate func ends(with end: [UInt8]) -> Bool {
        // Not at a label's boundary alone: good enough for a hint, and for leaving one out.
        count >= end.count && suffix(end.count).elementsEqual(end)
    }
}
