// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// What answers say.
extension TraceMachine {
    /// What resolvers say ends nothing: the way from the root is looked at all the same.
    mutating func takeResolver(_ message: DNSMessage, _ step: TraceStep) {
        var step = step
        step.isVerified = message.flags & 0x0020 != 0
        step.records = message.answers.filter { $0.type != .RRSIG }
        step.isSigned = message.answers.contains { $0.type == .RRSIG }
        switch message.code {
        case .noError:
            let isAnswer = message.answers.contains { $0.type == type || type == .ANY }
            step.verdict = isAnswer ? .answer : .noData
        case .nameError: step.verdict = .noName
        default: step.verdict = .refusal
        }
        if step.records.isEmpty { step.records = message.authorities.filter { $0.type == .SOA } }
        steps.append(step)
        guard case .resolver(let index) = phase else { return }
        // As with the C library, the next one is asked where this one has failed.
        phase = step.verdict == .refusal ? .resolver(index + 1) : .resolver(.max)
    }

    mutating func takeAuthority(_ message: DNSMessage, _ first: TraceStep) {
        guard let search = searches.last else { return }
        var step = first
        step.depth = searches.count - 1
        step.zone = search.zone
        step.isSigned = (message.answers + message.authorities).contains { $0.type == .RRSIG }
        defer { steps.append(step) }
        guard message.code == .noError || message.code == .nameError else {
            step.verdict = .refusal
            step.note = "it answers \(message.code)"
            return
        }
        let chain = Chain(message.answers, from: search.name, type: search.type, in: search.zone)
        guard chain.isEmpty else {
            guard message.isAuthoritative else {
                step.note = "it answers without authority (AA)" + TraceMachine.impostor(message)
                return
            }
            return take(chain, message, &step)
        }
        if message.isAuthoritative, message.code == .nameError || !TraceMachine.refers(message) {
            let isMissing = message.code == .nameError
            step.verdict = isMissing ? .noName : .noData
            step.records = message.authorities.filter { $0.type == .SOA }
            note(step.records)
            return settle([], isMissing ? .noName : .noData)
        }
        takeReferral(message, search, &step)
    }

    // Many networks have something on the way that takes what goes to port 53 for itself.
    private static func impostor(_ message: DNSMessage) -> String {
        message.flags & 0x0080 == 0
            ? "" : ", as a resolver does (RA): something on the way may answer in its place"
    }

    // RFC 2308 §2.2: name servers without an SOA.
    private static func refers(_ message: DNSMessage) -> Bool {
        message.authorities.contains { $0.type == .NS }
            && !message.authorities.contains { $0.type == .SOA }
    }

    // MARK: Answers

    private mutating func take(_ chain: Chain, _ message: DNSMessage, _ step: inout TraceStep) {
        step.records = chain.records
        note(chain.records)
        let last = searches.count - 1
        guard chain.found.isEmpty else {
            step.verdict = .answer
            return settle(chain.found, .answer)
        }
        step.verdict = .alias
        let aliases = searches[last].aliases + chain.aliases
        guard Set(aliases).count == aliases.count, !aliases.contains(chain.end) else {
            step.verdict = .loop
            step.note = "the aliases lead back to \(chain.end)"
            return giveUp("the aliases of \(searches[last].name) lead in a circle")
        }
        guard aliases.count <= ResolverMessage.chainLimit else {
            step.note = "more than \(ResolverMessage.chainLimit) aliases"
            return giveUp("the name is behind more than \(ResolverMessage.chainLimit) aliases")
        }
        searches[last].aliases = aliases
        searches[last].name = chain.end
        let soa = message.authorities.filter { $0.type == .SOA }
        // The server speaks for where the alias leads as well, and says what is there: RFC 2308 §2.1.
        if chain.end.isWithin(searches[last].zone), let owner = soa.first?.owner,
            chain.end.isWithin(owner)
        {
            let isMissing = message.code == .nameError
            step.verdict = isMissing ? .noName : .noData
            step.note = "of \(chain.end)"
            note(soa)
            return settle([], isMissing ? .noName : .noData)
        }
        step.note = "on to \(chain.end)"
        begin(last)
    }

    // For the name itself, not for servers on the way.
    private mutating func note(_ records: [DNSMessage.Record]) {
        guard searches.count == 1 else { return }
        for record in records {
            let key = TraceRecordKey(name: record.owner, type: record.type)
            authorityTTLs[key] = min(authorityTTLs[key] ?? .max, record.ttl)
        }
    }

    /// The aliases of an answer, one after the other, and what stands at their end.
    private struct Chain {
        var aliases: [DomainName] = []
        var end: DomainName
        var found: [DNSMessage.Record] = []
        /// All records on the way.
        var records: [DNSMessage.Record] = []

        var isEmpty: Bool { aliases.isEmpty && found.isEmpty }

        // A server is believed what it says of its own zone alone (RFC 2181 §5.4.1).
        init(
            _ answers: [DNSMessage.Record],
            from name: DomainName,
            type: RecordType,
            in zone: DomainName
        ) {
            end = name
            let own = answers.filter { record in
                record.recordClass == RecordClass.internet && record.owner.isWithin(zone)
            }
            while aliases.count <= ResolverMessage.chainLimit, end.isWithin(zone) {
                let (here, type) = (end, type)
                found = own.filter { record in
                    record.owner == here && (record.type == type || type == .ANY)
                        && (record.type != .RRSIG || type == .RRSIG)
                }
                records += found
                guard found.isEmpty,
                    let alias = own.first(where: { $0.owner == here && $0.type == .CNAME }),
                    let target = DomainName(wire: alias.data), !aliases.contains(here)
                else { return }
                records += own.filter { $0.type == .DNAME && here.isWithin($0.owner) }
                records.append(alias)
                aliases.append(here)
                end = target
            }
        }
    }

    // MARK: Referrals

    private mutating func takeReferral(
        _ message: DNSMessage,
        _ search: Search,
        _ step: inout TraceStep
    ) {
        let sets = message.authorities.filter { $0.type == .NS }
        guard let cut = sets.first?.owner else {
            step.note =
                message.code == .nameError
                ? "it denies the name without authority (AA)" + TraceMachine.impostor(message)
                : "it has neither an answer nor a referral"
            return
        }
        guard cut != search.zone, cut.isWithin(search.zone), search.name.isWithin(cut) else {
            let isUp = search.zone.isWithin(cut) || cut == search.zone
            step.note =
                isUp
                ? "it refers back to \(cut), in place of answering for it"
                : "it refers to \(cut), which does not hold the name"
            return
        }
        step.verdict = .referral
        step.cut = cut
        step.security = TraceMachine.security(message, cut)
        let names = sets.filter { $0.owner == cut }.compactMap { DomainName(wire: $0.data) }
        step.servers = names.prefix(TraceMachine.serverLimit).map { name in
            // Glue is believed below the zone of whoever gives it alone (RFC 2181 §5.4.1).
            let glue =
                name.isWithin(search.zone)
                ? message.additionals.filter { $0.owner == name }.compactMap(\.address) : []
            return TraceServer(
                name: name,
                addresses: glue.map { SocketAddress($0, port: port) }
            )
        }
        descend(to: cut, step.servers, &step)
    }

    private mutating func descend(
        to cut: DomainName,
        _ servers: [TraceServer],
        _ step: inout TraceStep
    ) {
        let last = searches.count - 1
        // Whoever waits for an address below needs this very delegation to go on.
        if searches.dropLast().contains(where: { $0.zone == cut }),
            servers.allSatisfy(\.addresses.isEmpty)
        {
            step.verdict = .loop
            step.note = "the servers of \(cut) are needed to find the servers of \(cut)"
            return giveUp(step.note)
        }
        if !servers.allSatisfy(\.addresses.isEmpty) { cuts[cut] = servers }
        searches[last].zone = cut
        searches[last].left = TraceMachine.order(servers)
        searches[last].unknown = servers.filter(\.addresses.isEmpty).compactMap(\.name)
    }

    private static func security(
        _ message: DNSMessage,
        _ cut: DomainName
    ) -> TraceStep.Security {
        if message.authorities.contains(where: { $0.type == .DS && $0.owner == cut }) {
            return .signed
        }
        let hasProof = message.authorities.contains { $0.type == .NSEC || $0.type == .NSEC3 }
        let isSigned = message.authorities.contains { $0.type == .RRSIG }
        return hasProof && isSigned ? .provenUnsigned : .unsigned
    }

    // MARK: The cache

    /// What the resolver's answer shows about its cache: TTLs there run down, at the authority they do
    /// not.
    var cacheState: CacheState {
        guard let step = steps.last(where: { $0.layer == .resolver && !$0.records.isEmpty }) else {
            return .unknown
        }
        var state = CacheState.unknown
        var oldest: UInt32 = 0
        for record in step.records {
            let key = TraceRecordKey(name: record.owner, type: record.type)
            guard let full = authorityTTLs[key] else { continue }
            if record.ttl > full { return .longer(record.ttl, authority: full) }
            let age = full - record.ttl
            if age > oldest {
                oldest = age
                state = .cached(age: age, of: full)
            } else if state == .unknown {
                state = .fresh
            }
        }
        return state
    }
}
