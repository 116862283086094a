// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// DNAME in a zone under construction: where it stands, and that nothing else is in its way.
///
/// A name with a DNAME has no names below it, so it needs no wildcard: its place for one holds the
/// name itself, and lookups find the redirection where they look for the wildcard anyway.
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

    /// The name with a DNAME that a name lies below, and must not; nil when it may be where it is.
    func redirection(above number: Int) -> Int? {
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

    /// RFC 6672 §2.4: there is nothing below a DNAME; told once for each name.
    mutating func noteRedirected(_ number: Int, below above: Int) {
        // What follows below is not told again.
        let record = recordNumbers(of: number).first ?? firstRecord(below: number)
        let message = "\(text(number)) lies below \(text(above)), which has a DNAME"
        noteRecord(record, .conflictingDNAME, message)
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
