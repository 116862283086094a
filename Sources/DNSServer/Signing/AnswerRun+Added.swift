// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Records that signing adds to a zone, where they are asked for.
extension AnswerRun {
    /// RFC 4035 §2.5: an alias is not followed for these, which stand beside it.
    static func standsBesideAlias(_ type: RecordType) -> Bool { type == .RRSIG || type == .NSEC }

    /// Answers from what signing adds to a name; nil when the sets of the zone itself answer.
    @inline(never) @_lifetime(output: copy output)
    mutating func answerAdded(
        _ node: ZoneNode,
        _ match: ZoneMatch,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) -> ResponseCode? {
        let zone = view.signing.zones[Int(signing)]
        let set: CompiledSet
        switch query.type {
        case .DNSKEY: set = zone.dnskey
        case .CDS: set = zone.cds
        case .CDNSKEY: set = zone.cdnskey
        case .NSEC3PARAM: set = zone.nsec3param
        case .NSEC where zone.denial == .compact:
            writeNSEC(TypesOfName(match, view), at: owner, view, in: .answer, into: &output)
            return .noError
        case .RRSIG:
            answerSignatures(node, match, zone, view, into: &output)
            return .noError
        case .NSEC, .NSEC3:
            deny(match, view, into: &output)
            return .noError
        default: return nil
        }
        guard node.flags.contains(.apex), Int(node.zone) == match.zone, set.count > 0 else {
            deny(match, view, into: &output)
            return .noError
        }
        let base = output.count
        let done = writer.place(
            set,
            of: view.signing.bytes,
            owner: owner,
            apex: apex,
            section: .answer,
            into: &output
        )
        if !done { writer.isTruncated = true }
        if signs { sign(from: base, view, in: .answer, into: &output) }
        return .noError
    }

    // One signature of the name, and not all: whoever asks for them alone can use none of them,
    // and all of them make a large answer to a small question (RFC 8482 §4.1 says so of ANY).
    @_lifetime(output: copy output)
    private mutating func answerSignatures(
        _ node: ZoneNode,
        _ match: ZoneMatch,
        _ zone: SignedZone,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        let base = output.count
        let before = writer.answerCount
        if zone.denial == .compact {
            place(TypesOfName(match, view), at: owner, view, in: .answer, into: &output)
        } else {
            var index = Int(node.firstSet)
            let last = index &+ Int(node.setCount)
            while index < last, view.sets[index].isSteered { index &+= 1 }
            guard index < last else { return deny(match, view, into: &output) }
            let set = view.sets[index].compiled
            place(set, rotation: 0, view, in: .answer, into: &output)
        }
        let end = output.count
        let count = writer.answerCount &- before
        sign(from: base, view, in: .answer, into: &output)
        guard !writer.isTruncated, output.count > end else { return }
        // The set itself was not asked for.
        for place in end..<output.count { output[base &+ place &- end] = output[place] }
        output.removeLast(end &- base)
        writer.add(0 &- count, to: .answer)
    }
}
