// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Runtime

/// Proofs from the chains of zones that are signed in their files.
extension AnswerRun {
    /// Nodes of a chain that stand in the answer already.
    struct PlacedLinks: BitwiseCopyable {
        private var nodes = InlineArray<4, Int>(repeating: -1)
        private var count = 0

        mutating func insert(_ node: Int) -> Bool {
            for index in 0..<count where nodes[index] == node { return false }
            guard count < nodes.count else { return false }
            nodes[count] = node
            count &+= 1
            return true
        }
    }

    /// What a proof is about.
    struct ChainQuestion: ~Escapable {
        let chain: ZoneChainPlace
        /// The name in lower case.
        let name: Span<UInt8>
        /// Where the name begins that has one label more than the closest encloser.
        var nextCloser: Int

        @_lifetime(copy name)
        init(_ chain: ZoneChainPlace, _ name: Span<UInt8>, encloser length: Int) {
            self.chain = chain
            self.name = name
            nextCloser = 0
            descend(to: length)
        }

        /// Sets ``nextCloser`` for an encloser of so many octets.
        @_lifetime(self: copy self)
        mutating func descend(to length: Int) {
            var start = 0
            while start < name.count, name[start] != 0 {
                let next = start &+ Int(name[start]) &+ 1
                guard name.count &- next > length else { break }
                start = next
            }
            nextCloser = start
        }

        /// The octets of the name above ``nextCloser``.
        var encloserStart: Int { min(nextCloser &+ Int(name[nextCloser]) &+ 1, name.count) }
    }

    /// Adds the proof of a negative answer for the name at `place` of the message (RFC 4035
    /// §3.1.3, RFC 5155 §7.2).
    @inline(never) @_lifetime(output: copy output)
    mutating func provePresigned(
        _ match: ZoneMatch,
        at place: Int,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        guard !writer.isTruncated else { return }
        let chain = view.zones[match.zone].chain
        var placed = PlacedLinks()
        let name = nameInFull(at: place, output)
        let bytes = name.bytes.span.extracting(0..<name.count)
        let node = view.nodes[match.node]
        switch match.kind {
        case .exact, .delegated:
            proveTypes(node, bytes, chain, &placed, view, into: &output)
        case .wildcard:
            expansions.removeLast()
            let encloser = Int(node.nameLength) &- 2
            proveMissing(bytes, encloser, chain, &placed, view, into: &output)
            proveTypes(node, view.name(of: node), chain, &placed, view, into: &output)
        case .missing:
            let above = proveMissing(
                bytes,
                Int(node.nameLength),
                chain,
                &placed,
                view,
                into: &output
            )
            let encloser = bytes.extracting(min(above, bytes.count)..<bytes.count)
            proveNoWildcard(encloser, chain, &placed, view, into: &output)
        case .outside, .redirected: break
        }
    }

    /// Adds the proof that a name made from a wildcard is not there itself (RFC 4035 §3.1.3.3,
    /// RFC 5155 §7.2.6).
    @inline(never) @_lifetime(output: copy output)
    mutating func proveExpansion(
        at place: Int,
        of wildcard: Int,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        guard !writer.isTruncated else { return }
        let node = view.nodes[wildcard]
        let chain = view.zones[Int(node.zone)].chain
        var placed = PlacedLinks()
        let name = nameInFull(at: place, output)
        let bytes = name.bytes.span.extracting(0..<name.count)
        guard chain.kind == .hashes else {
            return placeLink(bytes, chain, &placed, view, into: &output)
        }
        let question = ChainQuestion(chain, bytes, encloser: Int(node.nameLength) &- 2)
        let next = bytes.extracting(question.nextCloser..<bytes.count)
        placeHash(next, chain, &placed, covering: true, view, into: &output)
    }

    // That a name has no set of the type: its own link says which it has. A name without one has
    // nothing at all, or is a delegation that was opted out (RFC 5155 §7.2.4).
    @_lifetime(output: copy output)
    private mutating func proveTypes(
        _ node: ZoneNode,
        _ name: Span<UInt8>,
        _ chain: ZoneChainPlace,
        _ placed: inout PlacedLinks,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        guard chain.kind == .hashes else {
            return placeLink(name, chain, &placed, view, into: &output)
        }
        guard !hasHash(name, chain, view) else {
            return placeHash(name, chain, &placed, view, into: &output)
        }
        let parent = name.count > 1 ? name.count &- Int(name[0]) &- 1 : name.count
        proveMissing(name, parent, chain, &placed, view, into: &output)
    }

    // That a name is not there: the link that covers it, or the proof of its closest encloser.
    // Where in the name that encloser begins.
    @discardableResult @_lifetime(output: copy output)
    private mutating func proveMissing(
        _ name: Span<UInt8>,
        _ encloser: Int,
        _ chain: ZoneChainPlace,
        _ placed: inout PlacedLinks,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) -> Int {
        guard chain.kind == .hashes else {
            placeLink(name, chain, &placed, view, into: &output)
            return name.count &- encloser
        }
        // RFC 5155 §7.2.1: the closest encloser that can be proven, which is higher up where
        // delegations were opted out.
        var question = ChainQuestion(chain, name, encloser: encloser)
        while question.encloserStart < name.count &- 1,
            !hasHash(name.extracting(question.encloserStart..<name.count), chain, view)
        {
            question.nextCloser = question.encloserStart
        }
        let above = name.extracting(question.encloserStart..<name.count)
        placeHash(above, chain, &placed, view, into: &output)
        let next = name.extracting(question.nextCloser..<name.count)
        placeHash(next, chain, &placed, covering: true, view, into: &output)
        return question.encloserStart
    }

    @_lifetime(output: copy output)
    private mutating func proveNoWildcard(
        _ encloser: Span<UInt8>,
        _ chain: ZoneChainPlace,
        _ placed: inout PlacedLinks,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        var wildcard = InlineArray<256, UInt8>(repeating: 0)
        (wildcard[0], wildcard[1]) = (1, UInt8(ascii: "*"))
        let count = min(encloser.count, 253)
        for index in 0..<count { wildcard[index &+ 2] = encloser[index] }
        let name = wildcard.span.extracting(0..<count &+ 2)
        guard chain.kind == .hashes else {
            return placeLink(name, chain, &placed, view, into: &output)
        }
        placeHash(name, chain, &placed, covering: true, view, into: &output)
    }

    // MARK: Links

    private func hashed(
        _ name: Span<UInt8>,
        _ chain: ZoneChainPlace,
        _ view: ZoneView
    ) -> (bytes: [256 of UInt8], count: Int) {
        // RFC 5155 §4.2: algorithm, flags, iterations, length of the salt, salt.
        let start = Int(chain.parameters)
        var digits = InlineArray<256, UInt8>(repeating: 0)
        guard start > 0, start &+ 5 <= view.bytes.count else { return (digits, 0) }
        let iterations = UInt16(view.bytes[start &+ 2]) << 8 | UInt16(view.bytes[start &+ 3])
        let end = start &+ 5 &+ Int(view.bytes[start &+ 4])
        guard end <= view.bytes.count else { return (digits, 0) }
        let salt = view.bytes.extracting(start &+ 5..<end)
        let hash = HashedOwner.hash(name, salt: salt, iterations: iterations)
        let label = HashDigits.of(hash)
        digits[0] = 32
        for index in 0..<32 { digits[index &+ 1] = label[index] }
        var place = 33
        // The apex follows: hashes are names right below it.
        let apex = view.name(of: view.nodes[Int(chain.apex)])
        for index in apex.indices where place < 256 {
            digits[place] = apex[index]
            place &+= 1
        }
        return (digits, place)
    }

    private func hasHash(
        _ name: Span<UInt8>,
        _ chain: ZoneChainPlace,
        _ view: ZoneView
    ) -> Bool {
        let (bytes, count) = hashed(name, chain, view)
        return view.link(chain, bytes.span.extracting(0..<count))?.isMatch ?? false
    }

    @_lifetime(output: copy output)
    private mutating func placeHash(
        _ name: Span<UInt8>,
        _ chain: ZoneChainPlace,
        _ placed: inout PlacedLinks,
        covering isMissing: Bool = false,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        let (bytes, count) = hashed(name, chain, view)
        let owner = bytes.span.extracting(0..<count)
        // RFC 5155 §7.2.9: the hash of a name that is not there is that of one which is: no proof.
        if isMissing, view.link(chain, owner)?.isMatch == true { outcome.isUnsigned = true }
        placeLink(owner, chain, &placed, view, into: &output)
    }

    // The record of the chain that is of the name or covers it, with its signatures; once.
    @_lifetime(output: copy output)
    private mutating func placeLink(
        _ name: Span<UInt8>,
        _ chain: ZoneChainPlace,
        _ placed: inout PlacedLinks,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        guard let (number, _) = view.link(chain, name), placed.insert(number),
            !writer.isTruncated
        else { return }
        let node = view.nodes[number]
        let type: RecordType = chain.kind == .hashes ? .NSEC3 : .NSEC
        guard let set = view.set(of: node, type: type), set.count == 1 else { return }
        let base = output.count
        let owner = view.name(of: node)
        let data = Int(set.offset) &+ 2
        let record = view.bytes.extracting(data..<Int(set.offset) &+ Int(set.length))
        let isDone =
            writer.room(output) >= owner.count &+ record.count && output.write(owner)
            && output.write(record)
        guard isDone else {
            output.removeLast(output.count &- base)
            writer.isTruncated = true
            return
        }
        writer.add(set.count, to: .authority)
        copySignatures(from: base, of: number, view, in: .authority, into: &output)
    }

    /// A name of the message, uncompressed and in lower case.
    private func nameInFull(
        at place: Int,
        _ output: borrowing OutputSpan<UInt8>
    ) -> (bytes: [256 of UInt8], count: Int) {
        WireName.expanded(output.span.extracting(writer.start..<output.count), at: place)
    }
}
