// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Steering

/// One answer under construction.
struct AnswerRun {
    let query: DNSQuery
    var writer: ResponseWriter
    var outcome = AnswerOutcome()
    /// Where in the message the name stands that is being answered, and the apex of its zone.
    var owner = DNSQuery.headerLength
    private(set) var apex = DNSQuery.headerLength
    private(set) var nameLength = 0
    /// The name in hand may be cut by a pointer anywhere: a DNAME made it.
    var isInPieces = false
    /// What a DNAME would make of the name in hand is no name.
    var isTooLong = false
    var nameHash: UInt64 = 0
    /// The place of the present zone among those that are signed; `absent` for one that is not.
    private(set) var signing = absent
    /// True when sets of the present zone are followed by their signatures.
    private(set) var signs = false
    /// The node that the set in hand is from.
    var source = 0
    /// Names made from wildcards of zones that are signed in their files.
    var expansions = Expansions()
    /// Seconds since 1970, modulo 2^32: signatures hold for a while around it.
    private(set) var timestamp: UInt32 = 0
    /// Hashes of the aliases in the answer: a target among them closes a loop.
    private var visited = InlineArray<16, UInt64>(repeating: 0)
    private(set) var steps = 0
    /// What a steered alias that is not followed ends with.
    var steeredCode = ResponseCode.noError

    @inline(__always)
    init(query: DNSQuery, writer: ResponseWriter) {
        self.query = query
        self.writer = writer
        nameLength = query.name.length
        nameHash = query.name.hash.value
    }

    @_lifetime(output: copy output)
    mutating func answer(
        _ request: Span<UInt8>,
        _ views: borrowing ZoneViews,
        _ steer: borrowing SteerTable,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> ResponseCode {
        if case .reject(let code) = query.verdict {
            outcome.isMalformed = code == .formatError
            return code
        }
        if query.recordClass != RecordClass.internet, query.recordClass != RecordClass.any {
            return answerApart(request, context, into: &output)
        }
        if let refusal = refusal() {
            outcome.isMalformed = refusal == .formatError
            return refusal
        }
        let start = DNSQuery.headerLength
        let (match, isChanged) = views.find(request, at: start, query.name, type: query.type)
        guard match.kind != .outside else {
            outcome.reason = .notAuthoritative
            return .refused
        }
        if isChanged {
            return begin(match, views.changed, views, steer, &context, into: &output)
        }
        return begin(match, views.all, views, steer, &context, into: &output)
    }

    @inline(__always) @_lifetime(output: copy output)
    private mutating func begin(
        _ match: ZoneMatch,
        _ view: ZoneView,
        _ views: borrowing ZoneViews,
        _ steer: borrowing SteerTable,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> ResponseCode {
        if let absence = view.zones[match.zone].absence {
            outcome.zone = match.zone
            outcome.zoneIdentity = view.zones[match.zone].identity
            outcome.reason = absence.reason
            return .serverFailure
        }
        let length = Int(view.zones[match.zone].apexLength)
        apex = DNSQuery.headerLength &+ query.name.length &- length
        writer.isAuthoritative = match.kind != .delegated
        timestamp = context.timestamp
        let code = answer(match, view, views, steer, &context, into: &output)
        if !expansions.isEmpty { proveExpansions(views, into: &output) }
        return code
    }

    /// Questions that need no look at the zones.
    private mutating func refusal() -> ResponseCode? {
        switch query.type.rawValue {
        // OPT, TSIG and NXNAME are never asked for (RFC 9824 §3.5 for the last).
        case 0, 41, 128, 250: return .formatError
        case 249:
            outcome.reason = .notSupported
            return .notImplemented
        case 251, 252:
            outcome.reason = .prohibited
            return .refused
        default: return nil
        }
    }

    // RFC 1034 §4.3.2 steps 3 and 4 for one name, then for the targets of its aliases.
    @_lifetime(output: copy output)
    private mutating func answer(
        _ first: ZoneMatch,
        _ view: ZoneView,
        _ views: borrowing ZoneViews,
        _ steer: borrowing SteerTable,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> ResponseCode {
        var match = first
        if first.kind != .missing { outcome.node = first.node }
        while true {
            outcome.zone = match.zone
            outcome.zoneIdentity = view.zones[match.zone].identity
            signing = view.signing.place(ofZone: match.zone)
            source = match.node
            // Nobody else is shown the signatures that the file of the zone has.
            signs =
                query.edns.wantsDNSSEC
                && (signing != absent || view.zones[match.zone].chain.kind != .none)
            if signs, query.edns.takesCompactDenial { noteCompactDenial(view) }
            switch match.kind {
            case .outside: return .noError
            case .delegated:
                // Ahead of glue: sections follow one another.
                if !expansions.isEmpty { proveExpansions(views, into: &output) }
                refer(to: match, view, into: &output)
                return .noError
            case .missing:
                if signing != absent { return denyName(match, view, into: &output) }
                deny(match, view, into: &output)
                return .nameError
            case .redirected:
                guard let next = redirect(at: match, view, views, into: &output) else {
                    return redirectionCode
                }
                guard next.isChanged == view.isChanged else {
                    return cross(next, views, steer, &context, into: &output)
                }
                match = next.match
                continue
            case .exact, .wildcard: break
            }
            let node = view.nodes[match.node]
            if node.flags.contains(.hash) {
                guard let made = wildcard(inPlaceOf: match, view) else {
                    return denyHash(match, view, into: &output)
                }
                match = made
                continue
            }
            if match.kind == .wildcard, signs, signing == absent {
                expansions.add(owner, match.node, isChanged: view.isChanged)
            }
            if node.flags.contains(.cname), query.type != .CNAME, query.type != .ANY,
                !AnswerRun.standsBesideAlias(query.type) || !isSigned(match, view),
                let set = view.set(of: node, type: .CNAME)
            {
                let next = follow(set, at: match, view, views, steer, &context, into: &output)
                guard let next else { return steeredCode }
                guard next.isChanged == view.isChanged else {
                    return cross(next, views, steer, &context, into: &output)
                }
                match = next.match
                continue
            }
            return answer(node, match, view, views, steer, &context, into: &output)
        }
    }

    // Goes on in the other table: at most as often as aliases are followed.
    @inline(never) @_lifetime(output: copy output)
    private mutating func cross(
        _ next: (match: ZoneMatch, isChanged: Bool),
        _ views: borrowing ZoneViews,
        _ steer: borrowing SteerTable,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> ResponseCode {
        if next.isChanged {
            return answer(next.match, views.changed, views, steer, &context, into: &output)
        }
        return answer(next.match, views.all, views, steer, &context, into: &output)
    }

    @_lifetime(output: copy output)
    private mutating func answer(
        _ node: ZoneNode,
        _ match: ZoneMatch,
        _ view: ZoneView,
        _ views: borrowing ZoneViews,
        _ steer: borrowing SteerTable,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> ResponseCode {
        // MAILB, MAILA and ANY.
        if query.type.rawValue &- 253 <= 2, node.setCount > 0 {
            return answerMany(node, match, view, into: &output)
        }
        if signing != absent, let code = answerAdded(node, match, view, into: &output) {
            return code
        }
        guard let set = view.set(of: node, type: query.type) else {
            deny(match, view, into: &output)
            return .noError
        }
        guard !set.isSteered else {
            if set.type.isService {
                return answerServices(set, match, view, steer, &context, into: &output)
            }
            let steered = view.steered[Int(set.offset)]
            guard steered.policy != absent else {
                return answerAlias(set, match, view, &context, into: &output)
            }
            return answerSteered(set, match, view, steer, &context, into: &output)
        }
        guard !hasLedHere(set.type, node, view, output.span) else { return .noError }
        // Clients try addresses in order: turning the set spreads them (RFC 1794).
        var rotation = 0
        if set.count > 1, set.type == .A || set.type == .AAAA {
            rotation = Int(context.random.next(below: UInt32(set.count)))
        }
        let base = output.count &- writer.start
        place(set.compiled, rotation: rotation, view, in: .answer, into: &output)
        if signs { sign(from: base &+ writer.start, view, in: .answer, into: &output) }
        if set.namesHosts, !writer.isTruncated {
            if !expansions.isEmpty { proveExpansions(views, into: &output) }
            let hosts = view.hosts(of: set)
            if hosts != absent {
                placeAddresses(view.referrals[Int(hosts)], base: base, view, into: &output)
            }
        }
        return .noError
    }

    @_lifetime(output: copy output)
    mutating func place(
        _ set: CompiledSet,
        rotation: Int,
        _ view: ZoneView,
        in section: MessageSection,
        into output: inout OutputSpan<UInt8>
    ) {
        let done = writer.place(
            set,
            of: view.bytes,
            owner: owner,
            apex: apex,
            rotation: rotation,
            section: section,
            into: &output
        )
        if !done { writer.isTruncated = true }
    }

    // NXDOMAIN and NODATA carry the SOA (RFC 2308 §2.1, §2.2).
    @_lifetime(output: copy output)
    mutating func deny(
        _ match: ZoneMatch,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        let zone = view.zones[match.zone]
        let name = owner
        owner = apex
        let base = output.count
        place(zone.negative, rotation: 0, view, in: .authority, into: &output)
        guard signs else { return }
        source = Int(zone.apex)
        sign(from: base, view, in: .authority, into: &output)
        prove(match, at: name, view, into: &output)
    }

    // MARK: Aliases

    // Writes the CNAME and finds its target; nil ends the chain.
    @_lifetime(output: copy output)
    private mutating func follow(
        _ set: ZoneSet,
        at match: ZoneMatch,
        _ view: ZoneView,
        _ views: borrowing ZoneViews,
        _ steer: borrowing SteerTable,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> (match: ZoneMatch, isChanged: Bool)? {
        guard !set.isSteered else {
            return followSteered(set, at: match, view, views, steer, &context, into: &output)
        }
        guard noteStep() else { return nil }
        let base = output.count
        place(set.compiled, rotation: 0, view, in: .answer, into: &output)
        if signs { sign(from: base, view, in: .answer, into: &output) }
        guard !writer.isTruncated else { return nil }
        // The target stands in full behind the compiled record.
        let target = Int(set.offset) &+ Int(set.length)
        guard let scanned = WireName.scan(view.bytes, at: target) else { return nil }
        guard isNew(scanned) else { return nil }
        let found = views.find(view.bytes, at: target, scanned, type: query.type)
        let isSame = found.match.zone == match.zone && found.isChanged == view.isChanged
        let place = base &- writer.start &+ 12
        guard goOn(found, views, isSame, at: place, scanned.length, output) else { return nil }
        return found
    }

    /// Counts the name in hand as an alias; false when there have been too many.
    @inline(__always)
    mutating func noteStep() -> Bool {
        guard steps < Authority.chainLimit else { return false }
        visited[steps] = nameHash
        steps &+= 1
        return true
    }

    /// Takes up the hash of the next name; false when that was an alias before.
    @inline(__always)
    mutating func isNew(_ scanned: ScannedName) -> Bool {
        nameHash = scanned.hash.value
        for step in 0..<steps where visited[step] == nameHash { return false }
        return true
    }

    /// Makes the name of `length` octets at `place` of the message the one in hand; false when it
    /// is not to be answered here.
    @inline(__always)
    mutating func goOn(
        _ found: (match: ZoneMatch, isChanged: Bool),
        _ views: borrowing ZoneViews,
        _ isSameZone: Bool,
        at place: Int,
        _ length: Int,
        _ output: borrowing OutputSpan<UInt8>
    ) -> Bool {
        guard found.match.kind != .outside else { return false }
        let number = found.match.zone
        let zone = found.isChanged ? views.changed.zones[number] : views.all.zones[number]
        guard !zone.isUnusable else { return false }
        owner = place
        nameLength = length
        guard !isSameZone else { return true }
        guard let top = offset(ofLast: Int(zone.apexLength), in: output) else { return false }
        apex = top
        return true
    }

    // MARK: Steered sets

    @_lifetime(output: copy output)
    mutating func answerSteered(
        _ set: ZoneSet,
        _ match: ZoneMatch,
        _ view: ZoneView,
        _ steer: borrowing SteerTable,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> ResponseCode {
        let steered = view.steered[Int(set.offset)]
        outcome.policy = Int(steered.policy)
        nameHash = decider(of: steered, view)
        let client = client(context.client, context.hearsSubnet)
        let question = question(AnswerRun.families(set.type), now: context.now, client)
        steer.answer(
            policy: Int(steered.policy),
            question,
            into: &context.answers,
            random: &context.random
        )
        outcome.scope = max(outcome.scope, context.answers.scope)
        outcome.mostTTL = steered.ttl
        outcome.ttl = context.answers.ttl(atMost: steered.ttl)
        outcome.isLasting = context.answers.isLasting
        outcome.isCapped = context.answers.isCapped(at: outcome.ttl)
        context.noteAnswers(isIPv6: set.type != .A, steer)
        switch context.answers.outcome {
        case .servfail:
            writer.isAuthoritative = false
            outcome.reason = context.answers.whyNothing
            return .serverFailure
        case .noData where outcome.isLasting: deny(match, view, into: &output)
        case .noData, .none:
            if context.answers.outcome == .none { outcome.reason = context.answers.whyNothing }
            let base = output.count
            deny(match, view, into: &output)
            shorten(recordsFrom: base, to: outcome.ttl, in: &output)
        case .addresses:
            let base = output.count
            if set.type == .CNAME {
                write(steer.target(of: context.answers.address(0)), ttl: outcome.ttl, into: &output)
            } else {
                write(&context.answers, from: 0, ttl: outcome.ttl, type: set.type, into: &output)
            }
            if signs { sign(from: base, ttl: steered.ttl, view, in: .answer, into: &output) }
        }
        return .noError
    }

    /// The hash of the name whose policy is asked: the name in hand, or what it is an alias of.
    func decider(of steered: SteeredSet, _ view: ZoneView) -> UInt64 {
        guard steered.alias != absent else { return nameHash }
        return view.aliases[Int(steered.alias)].nameHash
    }

    // What the policy of the name in hand is asked; noted for explanations.
    mutating func question(
        _ families: SteerFamilies,
        now: Instant,
        _ client: IPAddress
    ) -> SteerQuestion {
        outcome.nameHash = nameHash
        return SteerQuestion(
            now: now,
            client: client,
            families: families,
            nameHash: nameHash
        )
    }

    // A resolver that hides its client is itself the best guess at where that is (RFC 7871 §7.1.2).
    func client(_ asker: IPAddress, _ hearsSubnet: Bool) -> IPAddress {
        guard hearsSubnet, let subnet = query.edns.subnet, subnet.sourceLength > 0 else {
            return asker
        }
        return subnet.address
    }

    // That nothing is healthy, or nothing of the family where the policy leads now, is no more
    // lasting than what would be answered otherwise (RFC 2308 §5: the SOA's TTL is how long the
    // negative answer is kept).
    @_lifetime(output: copy output)
    func shorten(
        recordAt base: Int,
        to ttl: UInt32,
        in output: inout OutputSpan<UInt8>
    ) {
        guard base &+ 10 <= output.count else { return }
        var known: UInt32 = 0
        for place in base &+ 6..<base &+ 10 { known = known << 8 | UInt32(output[place]) }
        guard ttl < known else { return }
        for place in 0..<4 {
            output[base &+ 6 &+ place] = UInt8(truncatingIfNeeded: ttl >> UInt32(24 &- 8 &* place))
        }
    }

    // All addresses or, with TC, none: a cut set would look like a whole one. The set is handed on
    // `inout` since it would be copied otherwise, nearly a kilobyte.
    @_lifetime(output: copy output)
    mutating func write(
        _ answers: inout AnswerSet,
        from first: Int,
        ttl: UInt32,
        type: RecordType,
        into output: inout OutputSpan<UInt8>
    ) {
        let length = type == .A ? 4 : 16
        guard writer.room(output) >= answers.count &* (length &+ 12) else {
            writer.isTruncated = true
            return
        }
        for index in 0..<answers.count {
            let turned = index &+ first
            let address = answers.address(turned < answers.count ? turned : turned &- answers.count)
            guard address.isIPv4 == (type == .A) else { continue }
            let done = writer.writeRecordHead(
                ownerOffset: owner,
                type: type,
                ttl: ttl,
                dataLength: length,
                into: &output
            )
            guard done else { continue }
            output.write(octets: length, of: address)
            writer.add(1, to: .answer)
        }
    }
}

extension AnswerSet {
    /// What is told of an answer without addresses that health, or the place of the client, made.
    var whyNothing: ExtendedError {
        isForOthers ? .notForClient : isWithheld ? .withheld : .other
    }
}
