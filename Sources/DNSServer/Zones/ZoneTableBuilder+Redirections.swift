// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// DNAME in a zone under construction: where it stands, and that nothing else is in its way.
///
/// A name with a DNAME has no names below it that are answered, so it needs no wildcard: its place for
/// one holds the name itself, and lookups find the redirection where they look for the wildcard anyway.
/// What lies below is hidden (RFC 6672 §2.4): the zone has it, and passes it on.
extension ZoneTableBuilder {
    /// True for a name whose subtree a DNAME redirects.
    func isRedirected(_ number: Int) -> Bool { names[number].wildcard == number }

    /// Before names are gone through from the top down.
    mutating func markRedirections() {
        for number in redirections where !isHidden(Int(number)) {
            names[Int(number)].wildcard = number
        }
    }

    // In another zone, or below a delegation: never answered.
    private func isHidden(_ number: Int) -> Bool {
        guard !names[number].isForeign else { return true }
        var next = names[number].parent
        while next != absent, names[Int(next)].parent != absent {
            if hasRecord(Int(next), .NS) { return true }
            next = names[Int(next)].parent
        }
        return false
    }

    /// Hides a name below a DNAME, and what lies below it; false for one that is answered.
    mutating func occlude(_ number: Int, below parent: Int) -> Bool {
        if !names[parent].isOccluded {
            guard !names[number].isForeign, let above = redirection(above: number) else {
                return false
            }
            noteRedirected(number, below: above)
        }
        names[number].isForeign = true
        names[number].isOccluded = true
        refuseChosen(number)
        return true
    }

    // The name with a DNAME that a name lies below, and is hidden by; nil when it is answered.
    private func redirection(above number: Int) -> Int? {
        let parent = Int(names[number].parent)
        if isRedirected(parent) { return holdsHash(number) ? nil : parent }
        let above = names[parent].parent
        guard above != absent, isRedirected(Int(above)), holdsHash(parent) else { return nil }
        return Int(above)
    }

    // A name that is there for NSEC3 alone: below a DNAME at an apex these may stand, since they
    // could be nowhere else (RFC 5155 §10.2).
    private func holdsHash(_ number: Int) -> Bool {
        guard names[Int(names[number].parent)].parent == absent, hasRecord(number, .NSEC3) else {
            return false
        }
        return recordNumbers(of: number).allSatisfy {
            records[$0].type == .NSEC3 || records[$0].type == .RRSIG
        }
    }

    // RFC 6672 §2.4: nothing below a DNAME is answered; told once for each name.
    private mutating func noteRedirected(_ number: Int, below above: Int) {
        // What follows below is not told again.
        let record = recordNumbers(of: number).first ?? firstRecord(below: number)
        let message =
            "\(text(number)) is never answered: it lies below \(text(above)), which has a DNAME"
        noteRecord(record, .occludedData, message)
    }

    // What a policy or an alias gives is of this server, and would be given to nobody.
    private mutating func refuseChosen(_ number: Int) {
        let chosen = recordNumbers(of: number).first {
            records[$0].isSteered || records[$0].isAlias
        }
        let message = "\(text(number)) is steered or an ALIAS, and lies below a DNAME"
        noteRecord(chosen, .conflictingDNAME, message)
    }

    /// RFC 6672 §3.3, RFC 4592 §4.4: what a wildcard's DNAME redirects depends on who asks when.
    mutating func noteWildcardRedirection(_ number: Int) {
        let record = recordNumbers(of: number).first { records[$0].type == .DNAME }
        noteRecord(
            record,
            .conflictingDNAME,
            "DNAME at a wildcard redirects nothing (RFC 4592 §4.4)"
        )
    }

    // Of an empty non-terminal: a name below it has records, or it would not exist.
    private func firstRecord(below number: Int) -> Int? {
        for lower in names.indices.dropFirst(number + 1) where names[lower].firstRecord != absent {
            var next = names[lower].parent
            while next != absent, Int(next) > number { next = names[Int(next)].parent }
            if Int(next) == number { return Int(names[lower].firstRecord) }
        }
        return nil
    }

    /// RFC 6672 §2.3 and §2.4: one DNAME at a name, and no delegation beside it.
    mutating func checkRedirections(_ number: Int, _ found: [Int]) {
        let redirecting = found.filter { records[$0].type == .DNAME }
        guard let first = redirecting.first else { return }
        if Set(redirecting.map { canonical($0) }).count > 1 {
            noteRecord(redirecting[1], .conflictingDNAME, "\(text(number)) has two DNAMEs")
        }
        guard names[number].parent != absent, hasRecord(number, .NS) else { return }
        let message = "\(text(number)) has a DNAME and is delegated: only an apex may have both"
        noteRecord(first, .conflictingDNAME, message)
    }
}
