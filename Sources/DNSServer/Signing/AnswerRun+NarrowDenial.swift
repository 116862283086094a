// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Runtime

/// What an NSEC3 record says of a hash.
enum HashedProof: BitwiseCopyable {
    /// It is that of a name with these types.
    case matching(TypesOfName)
    /// No name has it.
    case covering
}

/// Proofs by NSEC3 that each cover one hash alone (RFC 7129 Appendix B).
extension AnswerRun {
    /// Adds the proof that belongs to a negative answer for the name at `place` of the message.
    @_lifetime(output: copy output)
    mutating func proveNarrowly(
        _ match: ZoneMatch,
        at place: Int,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        let types = TypesOfName(match, view)
        guard view.signing.caches.count > 0 else { return }
        let cache = view.signing.caches[0]
        expand(nameAt: place, cache, output)
        let name = cache.composed
        guard match.kind == .missing else {
            let hash = HashedOwner.hash(name, salt: Span(), iterations: 0)
            return writeNSEC3(.matching(types), hash, view, into: &output)
        }
        // RFC 5155 §7.2.2: the closest encloser exists, the name below it towards the question's
        // does not, and neither does a wildcard there.
        let encloser = view.nodes[match.node]
        var start = 0
        while start < name.count {
            let next = start &+ Int(name[start]) &+ 1
            guard name.count &- next > Int(encloser.nameLength) else { break }
            start = next
        }
        let nextCloser = name.extracting(min(start, name.count)..<name.count)
        let nextHash = HashedOwner.hash(nextCloser, salt: Span(), iterations: 0)
        let begin = Int(encloser.nameOffset)
        let above = view.bytes.extracting(begin..<begin &+ Int(encloser.nameLength))
        let encloserHash = HashedOwner.hash(above, salt: Span(), iterations: 0)
        cache.compose { scratch in
            scratch.write(uint16: 0x012a)
            scratch.write(above)
        }
        let wildcardHash = HashedOwner.hash(cache.composed, salt: Span(), iterations: 0)
        let known = ZoneMatch(kind: .exact, node: match.node, zone: match.zone)
        let found = TypesOfName(known, view)
        // Of the encloser no type is denied, whatever is asked for below it.
        writeNSEC3(.matching(found), encloserHash, without: RecordType(0), view, into: &output)
        writeNSEC3(.covering, nextHash, view, into: &output)
        writeNSEC3(.covering, wildcardHash, view, into: &output)
    }

    /// Writes one NSEC3 record, and its signature.
    @_lifetime(output: copy output)
    mutating func writeNSEC3(
        _ proof: HashedProof,
        _ hash: [20 of UInt8],
        without denied: RecordType? = nil,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        guard !writer.isTruncated else { return }
        let base = output.count
        let zone = view.signing.zones[Int(signing)]
        var isDone = apex <= 0x3fff && writer.room(output) >= 35 &+ 10 &+ 25
        guard isDone else {
            writer.isTruncated = true
            return
        }
        let from: [20 of UInt8] =
            switch proof {
            case .matching: hash
            case .covering: AnswerRun.neighbour(of: hash, isBehind: false)
            }
        output.write(32)
        output.write(HashDigits.of(from).span)
        output.write(uint16: UInt16(truncatingIfNeeded: 0xc000 | apex))
        output.write(uint32: UInt32(RecordType.NSEC3.rawValue) << 16 | 1)
        output.write(uint32: negativeTTL(view))
        output.write(uint16: 0)
        let start = output.count
        // SHA-1, no opt-out, no further iterations, no salt, a hash of 20 octets.
        output.write(uint32: 0x0100_0000)
        output.write(uint16: 0x0014)
        output.write(AnswerRun.neighbour(of: hash, isBehind: true).span)
        if case .matching(let types) = proof {
            isDone = types.write(without: denied ?? query.type, zone, view, into: &output)
        }
        finish(isDone, from: base, data: start, in: .authority, into: &output)
        if signs, isDone { sign(from: base, view, in: .authority, into: &output) }
    }

    // The hash right before or behind another one.
    private static func neighbour(of hash: [20 of UInt8], isBehind: Bool) -> [20 of UInt8] {
        var other = hash
        for place in stride(from: 19, through: 0, by: -1) {
            other[place] = isBehind ? other[place] &+ 1 : other[place] &- 1
            if other[place] != (isBehind ? 0 : 0xff) { break }
        }
        return other
    }
}
