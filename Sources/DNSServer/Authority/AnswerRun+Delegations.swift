// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// Who answers below a delegation, and the addresses that go along with records.
extension AnswerRun {
    @_lifetime(output: copy output)
    mutating func refer(
        to match: ZoneMatch,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        let node = view.nodes[match.node]
        guard node.link != absent else { return }
        let referral = view.referrals[Int(node.link)]
        // The name's labels down to the delegation's are in one piece: see RecordSetCompiler.
        var cutOffset = owner &+ nameLength &- Int(node.nameLength)
        if isInPieces {
            guard let place = offset(ofLast: Int(node.nameLength), in: output) else { return }
            cutOffset = place
        }
        let base = output.count &- writer.start
        let servers = view.sets[Int(referral.servers)]
        let done = writer.place(
            servers.compiled,
            of: view.bytes,
            owner: cutOffset,
            apex: apex,
            section: .authority,
            into: &output
        )
        guard done else {
            writer.isTruncated = true
            return
        }
        if signs { proveDelegation(match, at: cutOffset, view, into: &output) }
        placeAddresses(referral, base: base, view, into: &output)
    }

    // RFC 1034 §4.3.2 step 6: what the asker will want to know next, as far as there is room. Glue
    // that is needed to go on comes first: what may be left out must not take its room.
    @_lifetime(output: copy output)
    mutating func placeAddresses(
        _ referral: Referral,
        base: Int,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        placeAddresses(referral, required: true, base: base, view, into: &output)
        placeAddresses(referral, required: false, base: base, view, into: &output)
    }

    @_lifetime(output: copy output)
    private mutating func placeAddresses(
        _ referral: Referral,
        required: Bool,
        base: Int,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        var index = Int(referral.firstGlue)
        let end = index &+ Int(referral.glueCount)
        while index < end {
            let glue = view.glue[index]
            index &+= 1
            guard glue.isRequired == required else { continue }
            let start = output.count
            let fits = writer.place(
                view.sets[Int(glue.set)].compiled,
                of: view.bytes,
                owner: glue.nameOffset == 0 ? owner : base &+ Int(glue.nameOffset),
                apex: apex,
                section: .additional,
                into: &output
            )
            // RFC 9471 §3: glue that is needed to go on is not left out silently. All else may be
            // (RFC 2181 §9).
            if !fits, required { writer.isTruncated = true }
            if fits, signs, !required { signAddress(from: start, view, into: &output) }
        }
    }

    // RFC 4035 §3.1.1: signatures go along with what goes along, where the zone has the name.
    @inline(never) @_lifetime(output: copy output)
    private mutating func signAddress(
        from start: Int,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        guard let match = host(at: start, view, output), match.kind == .exact,
            match.zone == outcome.zone
        else { return }
        source = match.node
        sign(from: start, view, in: .additional, into: &output)
    }

    private func host(
        at start: Int,
        _ view: ZoneView,
        _ output: borrowing OutputSpan<UInt8>
    ) -> ZoneMatch? {
        let message = output.span.extracting(writer.start..<output.count)
        let (bytes, count) = WireName.expanded(message, at: start &- writer.start)
        let name = bytes.span.extracting(0..<count)
        guard let scanned = WireName.scan(name, at: 0) else { return nil }
        return view.find(name, at: 0, scanned, type: .A)
    }
}
