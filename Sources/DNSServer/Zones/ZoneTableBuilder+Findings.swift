// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// What is legal in a zone and yet hardly meant: told as warnings, set by set.
extension ZoneTableBuilder {
    /// Looks at a set once more; `unique` are its records without copies.
    mutating func checkSet(_ number: Int, _ found: ArraySlice<Int>, _ unique: [Int]) {
        guard let first = found.first else { return }
        let type = records[first].type
        if unique.count < found.count, !records[first].isAlias {
            let copy = found.first { !unique.contains($0) }
            let message = "\(text(number)) has the same \(type) record twice; one is kept"
            noteRecord(copy, .repeatedRecord, message)
        }
        switch type {
        // Nearly all sets, of which there may be millions, are of these.
        case .A, .AAAA: checkHostName(number, first)
        case .CNAME: return
        case .MX:
            checkHostName(number, first)
            checkNullExchange(number, unique)
        case .TXT: checkSenderPolicies(number, unique)
        case .SPF: checkObsoletePolicy(number, first)
        case .DS: checkDelegationSigner(number, first)
        case .SOA: checkStart(number, first)
        case .RRSIG: for record in unique { checkSignature(record, of: number) }
        case .DNSKEY, .CDNSKEY, .CDS, .NSEC3PARAM, .ZONEMD: checkApexType(number, unique)
        default: break
        }
    }

    // Letters, digits and hyphens inside of labels; the first label may be the wildcard.
    private mutating func checkHostName(_ number: Int, _ record: Int) {
        let start = Int(names[number].offset)
        let end = start + Int(names[number].length)
        var place = start
        while place < end, nameBytes[place] != 0 {
            let label = place + 1..<min(place + 1 + Int(nameBytes[place]), end)
            let isWildcard =
                place == start && label.count == 1 && nameBytes[label.lowerBound] == 0x2a
            guard isWildcard || isHostLabel(label) else {
                let type = records[record].type
                let message = "\(type) of \(text(number)): names of hosts have letters, digits and "
                return noteRecord(record, .oddHostName, message + "inner hyphens alone")
            }
            place = label.upperBound
        }
    }

    private func isHostLabel(_ label: Range<Int>) -> Bool {
        for place in label {
            let octet = nameBytes[place]
            let isInside = place > label.lowerBound && place < label.upperBound - 1
            guard
                ASCII.isLetter(octet) || ASCII.isDigit(octet)
                    || octet == UInt8(ascii: "-") && isInside
            else { return false }
        }
        return true
    }

    /// An asterisk that is meant to stand for names and does not.
    mutating func checkAsterisk(_ number: Int) {
        let start = Int(names[number].offset)
        let end = start + Int(names[number].length)
        var place = start + 1 + Int(nameBytes[start])
        while place + 1 < end, nameBytes[place] != 0 {
            if nameBytes[place] == 1, nameBytes[place + 1] == 0x2a {
                let message = "the asterisk inside of \(text(number)) stands for nothing but itself"
                return noteRecord(recordNumbers(of: number).first, .innerAsterisk, message)
            }
            place += 1 + Int(nameBytes[place])
        }
    }

    // RFC 7505 §3: "no mail here" stands alone.
    private mutating func checkNullExchange(_ number: Int, _ found: [Int]) {
        let null = found.first { bytes(of: $0).count == 3 }
        guard let null, found.count > 1 else { return }
        let message = "\(text(number)) has the null MX and another one (RFC 7505 §3)"
        noteRecord(null, .nullExchange, message)
    }

    private func isSenderPolicy(_ record: Int) -> Bool {
        let text = bytes(of: record).dropFirst()
        let version = Array("v=spf1".utf8)
        return text.starts(with: version) && [nil, 0x20].contains(text.dropFirst(6).first)
    }

    // RFC 7208 §4.5: with two of them, receivers take none.
    private mutating func checkSenderPolicies(_ number: Int, _ found: [Int]) {
        let policies = found.filter { isSenderPolicy($0) }
        guard policies.count > 1 else { return }
        let message = "\(text(number)) has \(policies.count) SPF policies: receivers take none"
        noteRecord(policies[1], .senderPolicy, message)
    }

    // RFC 7208 §3.1: nobody asks for the type SPF any more.
    private mutating func checkObsoletePolicy(_ number: Int, _ first: Int) {
        let texts = recordNumbers(of: number).filter { records[$0].type == .TXT }
        guard !texts.contains(where: { isSenderPolicy($0) }) else { return }
        let message = "\(text(number)) has a policy of type SPF, and none of type TXT that is read"
        noteRecord(first, .senderPolicy, message)
    }

    // MARK: DNSSEC

    // RFC 4035 §2.4: DS stands at delegations alone, in the zone around what is delegated.
    private mutating func checkDelegationSigner(_ number: Int, _ first: Int) {
        guard names[number].parent != absent else {
            let message = "DS of \(text(number)) belongs into the zone around it: nobody asks here"
            return noteRecord(first, .strayDS, message)
        }
        guard !hasRecord(number, .NS) else { return }
        // Of a zone inside, whose apex is a name of its own.
        guard names[number].cut == absent else { return }
        noteRecord(first, .strayDS, "\(text(number)) has DS and is not delegated: it has no NS")
    }

    private mutating func checkSignature(_ record: Int, of number: Int) {
        let data = Array(bytes(of: record))
        guard data.count > 18 else { return }
        let covered = RecordType(UInt16(data[0]) << 8 | UInt16(data[1]))
        if !hasRecord(number, covered) {
            let message = "RRSIG of \(text(number)) signs \(covered), which is not there"
            return noteRecord(record, .oddDNSSEC, message)
        }
        let signer = WireName.length(in: data.span, at: 18).map { data[18..<18 + $0] } ?? []
        let apex = zones[Int(names[number].zone)].apexName
        guard signer.map(ASCII.lowercased) != apex else { return }
        let message = "RRSIG of \(text(number)) is signed by another name than the zone's"
        noteRecord(record, .oddDNSSEC, message)
    }

    // RFC 4034 §2.1, RFC 7344 §4.1, RFC 5155 §4, RFC 8976 §2: types of the apex.
    private mutating func checkApexType(_ number: Int, _ found: [Int]) {
        let type = records[found[0]].type
        if names[number].parent != absent {
            let message = "\(type) of \(text(number)) has no meaning: it is not the zone's own name"
            return noteRecord(found[0], .oddDNSSEC, message)
        }
        if type == .CDS || type == .CDNSKEY { checkWordToParent(number, found, type) }
        for record in found where type == .DNSKEY {
            let data = Array(bytes(of: record).prefix(4))
            guard data.count == 4, data[0] & 1 == 0 || data[2] != 3 else { continue }
            let message = "a DNSKEY of \(text(number)) is no key of a zone: bit 7 and protocol 3"
            noteRecord(record, .oddDNSSEC, message)
        }
    }

    // RFC 8078 §4: that a delegation is to end is said alone. RFC 7344 §4: both sets say the same.
    private mutating func checkWordToParent(_ number: Int, _ found: [Int], _ type: RecordType) {
        let words = found.map { keyNamed(by: $0) }
        let end: [UInt8] = type == .CDS ? [0, 0, 0, 0, 0] : [0, 0, 3, 0, 0]
        if let place = words.firstIndex(of: 0),
            found.count > 1 || Array(bytes(of: found[place])) != end
        {
            let message = "\(type) of \(text(number)) ends the delegation, and says more than that"
            return noteRecord(found[place], .oddDNSSEC, message)
        }
        guard type == .CDS else { return }
        let keys = recordNumbers(of: number).filter { records[$0].type == .CDNSKEY }
        guard !keys.isEmpty, Set(keys.map { keyNamed(by: $0) }) != Set(words) else { return }
        let message = "CDS and CDNSKEY of \(text(number)) are about different keys"
        noteRecord(found[0], .oddDNSSEC, message)
    }

    // Tag and algorithm of the key that a CDS or CDNSKEY record is about; 0 for none.
    private func keyNamed(by record: Int) -> UInt32 {
        let data = Array(bytes(of: record))
        let isDigest = records[record].type == .CDS
        let place = isDigest ? 2 : 3
        guard data.count > place, data[place] != 0 else { return 0 }
        let tag = isDigest ? UInt16(data[0]) << 8 | UInt16(data[1]) : KeyTag.of(data.span)
        return UInt32(data[place]) << 16 | UInt32(tag)
    }

    // RFC 6781 §4.4.2: a validator that has data and not yet their new signature fails.
    mutating func checkSignatures(_ number: Int) {
        let zone = zones[number]
        guard zone.isSignedHere, zone.greatestTTL > zone.signaturesHold else { return }
        let apex = DomainName(wire: zone.apexName).map { "\($0)" } ?? "?"
        let message =
            "zone \(apex) has a TTL of \(zone.greatestTTL) s, and signatures that may hold for "
            + "\(zone.signaturesHold) s more: raise signature-refresh"
        note(.shortSignatures, file: zone.file, .none, message)
    }

    // MARK: SOA

    // RFC 2181 §6: where a zone begins is at its own name.
    private mutating func checkStart(_ number: Int, _ first: Int) {
        guard names[number].parent != absent else { return }
        let message = "\(text(number)) has an SOA and is not the zone's own name"
        noteRecord(first, .strayStart, message)
    }

    /// Times that keep secondaries or resolvers from doing their work (RFC 1912 §2.2, RFC 2308 §5).
    mutating func checkTimes(_ soa: Int) {
        let data = Array(bytes(of: soa).suffix(20))
        guard data.count == 20 else { return }
        let numbers = stride(from: 0, to: 20, by: 4).map { place in
            data[place..<place + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        if numbers[3] <= numbers[1] {
            let message = "secondaries give up after \(numbers[3]) s (expire), before they look"
            noteRecord(soa, .oddTimes, message + " again after \(numbers[1]) s (refresh)")
        }
        if numbers[4] > 86_400 {
            let message = "that a name is not there is kept for \(numbers[4]) s (minimum)"
            noteRecord(soa, .oddTimes, message + ": a new name is not seen for longer than a day")
        }
    }
}
