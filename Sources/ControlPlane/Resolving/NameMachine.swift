// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Resolves one name again and again: when to ask which server what, and what came of it.
///
/// Pure: bytes and times in, questions and outcomes out. One round asks one server for A and AAAA
/// side by side; a silent or unwilling server makes it go on to the next, a name that does not
/// exist to the next suffix.
struct NameMachine: Sendable {
    /// A question to be sent.
    struct Question: Equatable, Sendable {
        var id: UInt16
        var type: RecordType
        var name: DomainName
        var server: SocketAddress
        var isStream: Bool

        var bytes: [UInt8] { ResolverMessage.query(id: id, name: name, type: type) }
    }

    /// What a whole resolution came to.
    enum Outcome: Equatable, Sendable {
        /// At least one address, good for so long.
        case addresses([IPAddress], Interval)
        /// None, and why; asked again after so long.
        case failure(String, Interval)
    }

    /// What is to be done.
    struct Effect: Equatable, Sendable {
        var questions: [Question] = []
        var outcome: Outcome?
    }

    private enum Reply: Equatable, Sendable {
        case waiting(Question)
        case answered(ResolverMessage.Answer)
    }

    let host: String
    let bounds: ClosedRange<Interval>
    private let names: [DomainName]
    private let servers: [SocketAddress]
    private let types: [RecordType]
    private let timeout: Interval
    private let attempts: Int

    private var replies: [Reply] = []
    private var nameIndex = 0
    private var tries = 0
    private var failures = 0
    /// When ``expire(now:random:)`` has something to do: the end of a wait, or the next round.
    private(set) var deadline: Instant
    private var isAsking = false

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
        names = configuration.candidates(host).compactMap { DomainName($0 + ".") }
        servers = configuration.servers
        types = hasIPv6 ? [.A, .AAAA] : [.A]
        timeout = configuration.timeout
        attempts = configuration.attempts
        deadline = now
    }

    /// Begins a resolution that is due, or goes on after a silence.
    mutating func expire(now: Instant, random: inout some RandomNumberGenerator) -> Effect {
        guard now >= deadline else { return Effect() }
        guard isAsking else {
            nameIndex = 0
            tries = 0
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
        if answer == .truncated {
            // Even a stream may be answered so; asking once more would not help.
            guard !question.isStream else { return unanswered("truncated", now, &random) }
            var again = question
            again.isStream = true
            replies[index] = .waiting(again)
            return Effect(questions: [again])
        }
        replies[index] = .answered(answer)
        return settle(now, &random)
    }

    /// Notes that a question can bring no answer: its server is not there.
    mutating func fail(
        _ question: Question,
        _ reason: String,
        now: Instant,
        random: inout some RandomNumberGenerator
    ) -> Effect {
        guard isAsking, replies.contains(.waiting(question)) else { return Effect() }
        return unanswered("\(question.server): \(reason)", now, &random)
    }

    private var server: SocketAddress { servers[tries % servers.count] }

    private mutating func ask(
        _ now: Instant,
        _ random: inout some RandomNumberGenerator
    ) -> Effect {
        guard names.indices.contains(nameIndex), !servers.isEmpty else {
            return finish(.failure("not a name that can be asked for", .zero), now)
        }
        let server = server
        let questions = types.map { type in
            Question(
                id: .random(in: .min ... .max, using: &random),
                type: type,
                name: names[nameIndex],
                server: server,
                isStream: false
            )
        }
        replies = questions.map { .waiting($0) }
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
        for case .answered(let answer) in replies { answers.append(answer) }
        guard answers.count == replies.count else { return Effect() }
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
        for case .refused(let code) in answers {
            return unanswered("\(server) answered with code \(code)", now, &random)
        }
        if nameIndex + 1 < names.count {
            nameIndex += 1
            tries = 0
            return ask(now, &random)
        }
        let reason = answers.contains(.noName) ? "no such name" : "no address"
        return finish(.failure(reason, .zero), now)
    }

    /// Goes on to the next server; what one family has answered is enough when all have been asked.
    private mutating func unanswered(
        _ reason: String,
        _ now: Instant,
        _ random: inout some RandomNumberGenerator
    ) -> Effect {
        tries += 1
        guard tries >= servers.count * attempts else { return ask(now, &random) }
        for case .answered(.addresses(let addresses, let ttl)) in replies {
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
            // 1 s, doubled by each failure up to a minute.
            let wait = Interval.seconds(min(Int64(1) << Int64(min(failures, 6)), 60))
            failures += 1
            deadline = now + wait
            return Effect(outcome: .failure(reason, wait))
        }
    }
}
