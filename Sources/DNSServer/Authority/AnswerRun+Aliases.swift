// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Steering

/// Names that have their addresses from elsewhere: only the owner is theirs.
extension AnswerRun {
    @inline(never) @_lifetime(output: copy output)
    mutating func answerAlias(
        _ set: ZoneSet,
        _ match: ZoneMatch,
        _ view: ZoneView,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> ResponseCode {
        let entry = view.aliases[Int(view.steered[Int(set.offset)].alias)]
        // Records as they stand at the end of the way: all of them, however many.
        if entry.source == .node, let found = plainSet(of: entry, set.type, view) {
            copy(found, from: entry, view, &context, into: &output)
            return .noError
        }
        var answers = AnswerSet()
        read(entry, isIPv4: set.type == .A, view, context, into: &answers)
        outcome.scope = max(outcome.scope, answers.scope)
        // RFC 8767 §4: what is older than its TTL allowed says so (RFC 8914 §4.4).
        if query.edns.isPresent, answers.isStale { outcome.reason = .staleAnswer }
        let ttl = answers.ttl(atMost: entry.ttl)
        switch answers.outcome {
        case .servfail:
            writer.isAuthoritative = false
            outcome.reason = .noReachableAuthority
            return .serverFailure
        case .addresses:
            var first = 0
            if answers.count > 1 {
                first = Int(context.random.next(below: UInt32(answers.count)))
            }
            let base = output.count
            write(&answers, from: first, ttl: ttl, type: set.type, into: &output)
            if signs { sign(from: base, ttl: entry.ttl, view, in: .answer, into: &output) }
        case .noData, .none:
            // That the target has none is known no longer than it would be of the target itself.
            let base = output.count
            deny(match, view, into: &output)
            if entry.source == .board { shorten(recordsFrom: base, to: ttl, in: &output) }
        }
        return .noError
    }

    private func plainSet(
        of entry: AliasEntry,
        _ type: RecordType,
        _ view: ZoneView
    ) -> ZoneSet? {
        guard entry.source == .node, entry.place < view.nodes.count,
            let set = view.set(of: view.nodes[Int(entry.place)], type: type), !set.isSteered
        else { return nil }
        return set
    }

    @_lifetime(output: copy output)
    private mutating func copy(
        _ set: ZoneSet,
        from entry: AliasEntry,
        _ view: ZoneView,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) {
        var rotation = 0
        if set.count > 1 { rotation = Int(context.random.next(below: UInt32(set.count))) }
        let base = output.count
        var position = base
        place(set.compiled, rotation: rotation, view, in: .answer, into: &output)
        let length = set.type == .A ? 16 : 28
        while position &+ length <= output.count {
            shorten(recordAt: position, to: entry.ttl, in: &output)
            position &+= length
        }
        if signs { sign(from: base, ttl: entry.ttl, view, in: .answer, into: &output) }
    }

    private func asker(_ context: AnswerContext, _ limits: AliasNetworkLimits) -> AliasAsker {
        guard context.hearsSubnet, let subnet = query.edns.subnet, subnet.sourceLength > 0 else {
            let width: UInt8 = context.client.isIPv4 ? 32 : 128
            return AliasAsker(context.client, source: width, limits)
        }
        return AliasAsker(subnet.address, source: subnet.sourceLength, limits)
    }

    /// The addresses of one family at the end of an alias's way, at most as many as fit.
    func read(
        _ entry: AliasEntry,
        isIPv4: Bool,
        _ view: ZoneView,
        _ context: AnswerContext,
        into answers: inout AnswerSet
    ) {
        switch entry.source {
        case .nothing: answers.settle(.noData, ttl: entry.ttl)
        case .board:
            let board = view.boards[0]
            board.read(
                Int(entry.place),
                isIPv4: isIPv4,
                asker(context, board.networks.limits),
                now: context.now,
                wishes: !context.isTrial,
                into: &answers
            )
        case .node:
            answers.settle(.noData, ttl: entry.ttl)
            guard let set = plainSet(of: entry, isIPv4 ? .A : .AAAA, view), set.count > 0 else {
                return
            }
            let size = isIPv4 ? 4 : 16
            var position = Int(set.offset)
            var ttl: UInt32 = 0
            for place in position &+ 6..<position &+ 10 {
                ttl = ttl << 8 | UInt32(view.bytes[place])
            }
            answers.settle(.addresses, ttl: min(ttl, entry.ttl))
            for _ in 0..<set.count {
                var bits: UInt128 = 0
                for place in position &+ 12..<position &+ 12 &+ size {
                    bits = bits << 8 | UInt128(view.bytes[place])
                }
                let isFour = size == 4
                answers.add(
                    isFour ? IPAddress(v4: UInt32(truncatingIfNeeded: bits)) : IPAddress(v6: bits)
                )
                position &+= 12 &+ size
            }
        }
    }
}
