// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Runtime

/// Proofs that something does not exist: made for the question, and signed.
extension AnswerRun {
    /// Denies a name of a signed zone.
    @inline(never) @_lifetime(output: copy output)
    mutating func denyName(
        _ match: ZoneMatch,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) -> ResponseCode {
        let zone = view.signing.zones[Int(signing)]
        let isCompact = zone.denial == .compact
        if isCompact, AnswerRun.standsBesideAlias(query.type) {
            // The proof that is asked for is there for every name.
            return answerAdded(view.nodes[match.node], match, view, into: &output) ?? .noError
        }
        deny(match, view, into: &output)
        guard isCompact, signs else { return .nameError }
        // RFC 9824 §3.1: the name is said to exist and to have nothing. §5.1: whoever knows that
        // way of saying it is told what is meant.
        guard query.edns.takesCompactDenial else { return .noError }
        return .nameError
    }

    /// Tells one who takes compact denial that this is a zone of it (RFC 9824 §5.1).
    @inline(never)
    mutating func noteCompactDenial(_ view: ZoneView) {
        guard signing != absent else { return }
        writer.isCompact = view.signing.zones[Int(signing)].denial == .compact
    }

    /// Adds the proof that belongs to a negative answer for the name at `place` of the message.
    @_lifetime(output: copy output)
    mutating func prove(
        _ match: ZoneMatch,
        at place: Int,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        guard !writer.isTruncated else { return }
        guard signing != absent else {
            return provePresigned(match, at: place, view, into: &output)
        }
        let zone = view.signing.zones[Int(signing)]
        guard zone.denial == .compact else {
            return proveNarrowly(match, at: place, view, into: &output)
        }
        writeNSEC(TypesOfName(match, view), at: place, view, in: .authority, into: &output)
    }

    /// Adds what a referral says of the keys below: DS, or the proof that there is none (RFC 4035
    /// §3.1.4).
    @inline(never) @_lifetime(output: copy output)
    mutating func proveDelegation(
        _ match: ZoneMatch,
        at place: Int,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        let base = output.count
        let node = view.nodes[match.node]
        if let set = view.set(of: node, type: .DS) {
            let done = writer.place(
                set.compiled,
                of: view.bytes,
                owner: place,
                apex: apex,
                section: .authority,
                into: &output
            )
            if !done { writer.isTruncated = true }
            return sign(from: base, view, in: .authority, into: &output)
        }
        guard signing != absent else {
            return provePresigned(match, at: place, view, into: &output)
        }
        let types = TypesOfName(delegation: node)
        let zone = view.signing.zones[Int(signing)]
        guard zone.denial == .compact else {
            let start = Int(node.nameOffset)
            let name = view.bytes.extracting(start..<start &+ Int(node.nameLength))
            let hash = HashedOwner.hash(name, salt: Span(), iterations: 0)
            return writeNSEC3(.matching(types), hash, view, into: &output)
        }
        writeNSEC(types, at: place, view, in: .authority, into: &output)
    }

    /// Writes the NSEC of a name, and its signature.
    @_lifetime(output: copy output)
    mutating func writeNSEC(
        _ types: TypesOfName,
        at place: Int,
        _ view: ZoneView,
        in section: MessageSection,
        into output: inout OutputSpan<UInt8>
    ) {
        let base = output.count
        self.place(types, at: place, view, in: section, into: &output)
        guard signs else { return }
        sign(from: base, view, in: section, into: &output)
    }

    /// Writes the NSEC of a name: the one from it to the name right behind it, so that nothing else
    /// is denied (RFC 9824 §3.1, §3.2).
    @_lifetime(output: copy output)
    mutating func place(
        _ types: TypesOfName,
        at place: Int,
        _ view: ZoneView,
        in section: MessageSection,
        into output: inout OutputSpan<UInt8>
    ) {
        guard !writer.isTruncated, view.signing.caches.count > 0 else { return }
        let base = output.count
        let zone = view.signing.zones[Int(signing)]
        var isDone =
            place <= 0x3fff
            && writer.writeRecordHead(
                ownerOffset: place,
                type: .NSEC,
                ttl: negativeTTL(view),
                dataLength: 0,
                into: &output
            )
        let start = output.count
        isDone = isDone && writeSuccessor(ofNameAt: place, view, into: &output)
        isDone = isDone && types.write(without: query.type, zone, view, into: &output)
        finish(isDone, from: base, data: start, in: section, into: &output)
    }

    /// Completes a record whose length has not been known, or takes it out again.
    @_lifetime(output: copy output)
    mutating func finish(
        _ isDone: Bool,
        from base: Int,
        data start: Int,
        in section: MessageSection,
        into output: inout OutputSpan<UInt8>
    ) {
        guard isDone, writer.room(output) >= 0 else {
            output.removeLast(output.count &- base)
            writer.isTruncated = true
            return
        }
        let length = output.count &- start
        output[start &- 2] = UInt8(truncatingIfNeeded: length >> 8)
        output[start &- 1] = UInt8(truncatingIfNeeded: length)
        writer.add(1, to: section)
    }

    /// The TTL of proofs, that of the negative answer (RFC 9077 §3).
    func negativeTTL(_ view: ZoneView) -> UInt32 {
        let start = Int(view.zones[outcome.zone].negative.offset) &+ 6
        guard start &+ 4 <= view.bytes.count else { return 0 }
        var ttl: UInt32 = 0
        for place in start..<start &+ 4 { ttl = ttl << 8 | UInt32(view.bytes[place]) }
        return ttl
    }

    /// Puts a name of the message into the scratch of a cache, in full and in lower case.
    func expand(
        nameAt place: Int,
        _ cache: SignatureCache,
        _ output: borrowing OutputSpan<UInt8>
    ) {
        let message = output.span.extracting(writer.start..<output.count)
        cache.compose { scratch in
            _ = WireName.expand(message, at: place, into: &scratch)
        }
    }

    // The name right behind another one: with a label of one zero octet before it, so that nothing
    // lies between.
    @_lifetime(output: copy output)
    private func writeSuccessor(
        ofNameAt place: Int,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let cache = view.signing.caches[0]
        expand(nameAt: place, cache, output)
        let name = cache.composed
        guard name.count > 0 else { return false }
        guard name.count &+ 2 > WireName.maximumLength else {
            return output.write(uint16: 0x0100) && output.write(name)
        }
        // So long a name has no names below it: what follows it stands beside it.
        return LongestName.writeSuccessor(name, into: &output)
    }
}
