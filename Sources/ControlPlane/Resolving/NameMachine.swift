// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Resolves one name again and again: when to ask which server what, and what came of it.
///
/// Pure: bytes and times in, questions and outcomes out. One round asks one server for A and AAAA
/// side by side; a silent or unwilling server makes it go on to the next, a name that does not
/// exist to the next suffix. The next resolution begins with the server that answered last.
struct NameMachine: Sendable {
    /// A question to be sent.
    struct Question: Equatable, Sendable {
        var id: UInt16
        var type: RecordType
        var name: DomainName
        var server: SocketAddress
        var isStream: Bool
        /// The network of clients that it is for (RFC 7871); nil for nobody's.
        var subnet: Prefix?

        var bytes: [UInt8] {
            ResolverMessage.query(id: id, name: name, type: type, subnet: subnet)
        }
    }

    /// What a whole resolution came to.
    enum Outcome: Equatable, Sendable {
        /// At least one address, good for so long.
        case addresses([IPAddress], Interval)
        /// None, and why; asked again after so long.
        case failure(String, Interval)
        /// What an alias needs: each family by itself.
        case families(FamilyAnswers)
        /// One family of an alias, while the other one is waited for: the resolution goes on.
        case family(FamilyAnswers)
    }

    /// What is to be done.
    struct Effect: Equatable, Sendable {
        var questions: [Question] = []
        var outcome: Outcome?
    }

    enum Reply: Equatable, Sendable {
        case waiting(Question)
        case answered(ResolverMessage.Answer, Instant)
    }

    /// How long an answer without addresses holds at most.
    static let negativeLimit = Interval.seconds(300)

    let host: String
    let bounds: ClosedRange<Interval>
    let servers: [SocketAddress]
    let isAlias: Bool
    private let names: [DomainName]
    private let types: [RecordType]
    private let subnet: Prefix?
    let timeout: Interval
    private let attempts: Int

    var replies: [Reply] = []
    /// What families an earlier server has answered, before it or another failed on the rest.
    var kept: [RecordType: (answer: ResolverMessage.Answer, at: Instant)] = [:]
    var asked: [RecordType] = []
    /// For how wide a network the answer holds; nil where the server does not say.
    var scope: UInt8?
    private var nameIndex = 0
    /// The server that this resolution has begun with, and how many it has gone on since.
    private var first = 0
    private var tries = 0
    /// The server that answered last.
    private var preferred = 0
    var failures = 0
    /// When ``expire(now:random:)`` has something to do: the end of a wait, or the next round.
    var deadline: Instant
    var isAsking = false

    /// A name that is due at `now`.
    init(
        host: String,
        configuration: ResolverConfiguration,
        hasIPv6: Bool,
        bounds: ClosedRange<Interval>,
        now: Instant
    ) {
        self.host = host
        self.bounds = bounds
        isAlias = false
        subnet = nil
        names = configuration.candidates(host).compactMap { DomainName($0 + ".") }
        servers = configuration.servers
        types = hasIPv6 ? [.A, .AAAA] : [.A]
        timeout = configuration.timeout
        attempts = configuration.attempts
        deadline = now
    }

    /// A name that an alias leads to, due at `now`: it is asked for as it is, both families, or
    /// one for a network of clients.
    init(
        alias host: String,
        for subnet: ResolvedNames.Subnet? = nil,
        configuration: ResolverConfiguration,
        bounds: ClosedRange<Interval>,
        now: Instant
    ) {
        self.host = host
        self.bounds = bounds
        isAlias = true
        names = [DomainName(host + ".")].compactMap(\.self)
        servers = configuration.servers
        types = subnet.map { [$0.type] } ?? [.A, .AAAA]
        self.subnet = subnet?.network
        timeout = configuration.timeout
        attempts = configuration.attempts
        deadline = now
    }

    /// Begins a resolution that is due, or goes on after a silence.
    mutating func expire(now: Instant, random: inout some RandomNumberGenerator) -> Effect {
        guard now >= deadline else { return Effect() }
        guard isAsking else {
            nameIndex = 0
            begin()
            kept = [:]
            return ask(now, &random)
        }
        return unanswered("no answer from \(server)", now, &random)
    }

    /// Takes a message from the server of a question.
    mutating func receive(
        _ bytes: [UInt8],
        for question: Question,
        now: Instant,
        random: inout some RandomNumberGenerator
    ) -> Effect {
        guard isAsking, let index = replies.firstIndex(of: .waiting(question)),
            let answer = ResolverMessage.read(
                bytes,
                id: question.id,
                name: question.name,
                type: question.type
            )
        else { return Effect() }
        if let subnet = question.subnet {
            switch ResolverMessage.scope(bytes, asked: subnet) {
            // It may be forged; the true one can come still (RFC 7871 §11.2).
            case .foreign: return Effect()
            case .missing: scope = nil
            case .stated(let length): scope = length
            }
        }
        if answer == .truncated {
            // Even a stream may be answered so; asking once more would not help.
            guard !question.isStream else { return unanswered("truncated", now, &random) }
            var again = question
            again.isStream = true
            replies[index] = .waiting(again)
            return Effect(questions: [again])
        }
        replies[index] = .answered(answer, now)
        let isUseful = !answer.isRefusal
        if isUseful { preferred = (first + tries) % servers.count }
        var effect = settle(now, &random)
        // Whoever asks for this family need not wait for the other one.
        if isAlias, isUseful, effect.outcome == nil {
            effect.outcome = .family(families([question.type: (answer, now)]))
        }
        return effect
    }

    /// True while an answer to the question would be taken.
    func isWaiting(for question: Question) -> Bool {
        isAsking && replies.contains(.waiting(question))
    }

    /// Notes that a question can bring no answer: its server is not there.
    mutating func fail(
        _ question: Question,
        _ reason: String,
        now: Instant,
        random: inout some RandomNumberGenerator
    ) -> Effect {
        guard isWaiting(for: question) else { return Effect() }
        return unanswered("\(question.server): \(reason)", now, &random)
    }

    var server: SocketAddress { servers[(first + tries) % servers.count] }

    private mutating func begin() {
        first = preferred
        tries = 0
    }

    private mutating func ask(
        _ now: Instant,
        _ random: inout some RandomNumberGenerator
    ) -> Effect {
        guard names.indices.contains(nameIndex), !servers.isEmpty else {
            let reason = "not a name that can be asked for"
            return isAlias ? finishFamilies(reason, now) : finish(.failure(reason, .zero), now)
        }
        let server = server
        let questions = types.filter { isDue($0, by: now + timeout) }.map { type in
            Question(
                id: .random(in: .min ... .max, using: &random),
                type: type,
                name: names[nameIndex],
                server: server,
                isStream: false,
                subnet: subnet
            )
        }
        replies = questions.map { .waiting($0) }
        asked = questions.map(\.type)
        deadline = now + timeout
        isAsking = true
        return Effect(questions: questions)
    }

    /// Ends the round once every question is answered.
    private mutating func settle(
        _ now: Instant,
        _ random: inout some RandomNumberGenerator
    ) -> Effect {
        var answers: [ResolverMessage.Answer] = []
        for case .answered(let answer, _) in replies { answers.append(answer) }
        guard answers.count == replies.count else { return Effect() }
        if isAlias { return settleFamilies(answers, now, &random) }
        var addresses: [IPAddress] = []
        var ttl = UInt32.max
        for case .addresses(let found, let seconds) in answers {
            addresses += found
            ttl = min(ttl, seconds)
        }
        if !addresses.isEmpty {
            let life = min(max(.seconds(Int64(ttl)), bounds.lowerBound), bounds.upperBound)
            return finish(.addresses(addresses, life), now)
        }
        if let refusal = answers.first(where: \.isRefusal) {
            return unanswered(reason(refusal), now, &random)
        }
        if nameIndex + 1 < names.count {
            nameIndex += 1
            begin()
            return ask(now, &random)
        }
        var reason = "no address"
        for case .noName in answers { reason = "no such name" }
        return finish(.failure(reason, .zero), now)
    }

    func reason(_ refusal: ResolverMessage.Answer) -> String {
        if case .refused(let code) = refusal { return "\(server) answered with code \(code)" }
        return "\(server) does not resolve it"
    }

    /// Goes on to the next server; what one family has answered is enough when all have been asked.
    mutating func unanswered(
        _ reason: String,
        _ now: Instant,
        _ random: inout some RandomNumberGenerator
    ) -> Effect {
        tries += 1
        if isAlias { keepAnswers() }
        guard tries >= servers.count * attempts else { return ask(now, &random) }
        if isAlias { return finishFamilies(reason, now) }
        for case .answered(.addresses(let addresses, let ttl), _) in replies {
            let life = min(max(.seconds(Int64(ttl)), bounds.lowerBound), bounds.upperBound)
            return finish(.addresses(addresses, life), now)
        }
        return finish(.failure(reason, .zero), now)
    }

    private mutating func finish(_ outcome: Outcome, _ now: Instant) -> Effect {
        isAsking = false
        replies = []
        switch outcome {
        case .addresses(_, let life):
            failures = 0
            deadline = now + life
            return Effect(outcome: outcome)
        case .failure(let reason, _):
            let wait = wait()
            deadline = now + wait
            return Effect(outcome: .failure(reason, wait))
        case .families, .family: return Effect(outcome: outcome)
        }
    }

    // 1 s, doubled by each failure up to a minute.
    mutating func wait() -> Interval {
        let wait = Interval.seconds(min(Int64(1) << Int64(min(failures, 6)), 60))
        failures += 1
        return wait
    }
}
