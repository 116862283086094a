// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Asks once which DS set the parent of a zone gives out, and says what came of it.
///
/// Pure: bytes and times in, questions and an outcome out. Servers of the parent are asked all at
/// once, and must all say the same; of resolvers the first that has an answer is believed.
struct ParentMachine: Sendable {
    /// Whom to ask.
    enum Source: Sendable, Equatable {
        /// The parent's own servers.
        case parent([SocketAddress])
        /// Resolvers, which ask on.
        case resolvers([SocketAddress])

        var servers: [SocketAddress] {
            switch self {
            case .parent(let servers), .resolvers(let servers): servers
            }
        }

        var isParent: Bool {
            if case .parent = self { return true }
            return false
        }
    }

    /// A question to be sent.
    struct Question: Equatable, Sendable {
        var id: UInt16
        var name: DomainName
        var server: SocketAddress
        var isStream: Bool
        var isRecursive: Bool

        var bytes: [UInt8] {
            var bytes = ResolverMessage.query(id: id, name: name, type: .DS)
            if !isRecursive { bytes[2] &= 0xfe }
            return bytes
        }
    }

    /// What came of it.
    enum Outcome: Equatable, Sendable {
        /// The data of the DS records, in order; none when there are none.
        case holds([[UInt8]])
        /// Nobody could say.
        case failed(String)
    }

    /// What is to be done.
    struct Effect: Equatable, Sendable {
        var questions: [Question] = []
        var outcome: Outcome?
    }

    private enum Reply {
        case waiting(Question, tries: Int)
        case answered([[UInt8]])
        case failed(String)
    }

    /// How long one try may take.
    static let timeout = Interval.seconds(3)
    static let tryLimit = 3
    /// Servers asked at most.
    static let serverLimit = 16

    let zone: DomainName
    let source: Source
    private var replies: [Reply] = []
    /// When ``expire(now:random:)`` has something to do.
    private(set) var deadline = Instant.never

    init(zone: DomainName, source: Source) {
        (self.zone, self.source) = (zone, source)
    }

    /// Begins to ask.
    mutating func begin(now: Instant, random: inout some RandomNumberGenerator) -> Effect {
        let servers = source.servers.prefix(ParentMachine.serverLimit)
        guard !servers.isEmpty else { return Effect(outcome: .failed("there is nobody to ask")) }
        let questions = servers.map { question($0, &random) }
        replies = questions.map { .waiting($0, tries: 1) }
        deadline = now + ParentMachine.timeout
        return Effect(questions: questions)
    }

    private func question(
        _ server: SocketAddress,
        _ random: inout some RandomNumberGenerator
    ) -> Question {
        Question(
            id: .random(in: .min ... .max, using: &random),
            name: zone,
            server: server,
            isStream: false,
            isRecursive: !source.isParent
        )
    }

    /// Asks again where nobody has answered.
    mutating func expire(now: Instant, random: inout some RandomNumberGenerator) -> Effect {
        guard now >= deadline else { return Effect() }
        var effect = Effect()
        for index in replies.indices {
            guard case .waiting(let former, let tries) = replies[index] else { continue }
            guard tries < ParentMachine.tryLimit else {
                replies[index] = .failed("\(former.server) does not answer")
                continue
            }
            let next = question(former.server, &random)
            replies[index] = .waiting(next, tries: tries + 1)
            effect.questions.append(next)
        }
        deadline = now + ParentMachine.timeout
        effect.outcome = outcome
        return effect
    }

    /// Takes a message from the server of a question; what is no answer to it is passed over.
    mutating func receive(_ bytes: [UInt8], for question: Question) -> Effect {
        guard let index = index(of: question), case .waiting(_, let tries) = replies[index],
            let answer = ParentMachine.read(bytes, question)
        else { return Effect() }
        switch answer {
        case .records(let records): replies[index] = .answered(records)
        case .useless(let reason): replies[index] = .failed("\(question.server) \(reason)")
        case .truncated:
            guard !question.isStream else {
                replies[index] = .failed("\(question.server) cuts even its stream")
                break
            }
            var again = question
            again.isStream = true
            replies[index] = .waiting(again, tries: tries)
            return Effect(questions: [again])
        }
        return Effect(outcome: outcome)
    }

    /// Notes that a question cannot be asked.
    mutating func fail(_ question: Question, _ reason: String) -> Effect {
        guard let index = index(of: question) else { return Effect() }
        replies[index] = .failed("\(question.server): \(reason)")
        return Effect(outcome: outcome)
    }

    /// True while an answer to the question would be taken.
    func isWaiting(for question: Question) -> Bool { index(of: question) != nil }

    private func index(of question: Question) -> Int? {
        replies.firstIndex { reply in
            if case .waiting(question, _) = reply { return true }
            return false
        }
    }

    // The outcome; nil while an answer that matters is waited for.
    private var outcome: Outcome? {
        var found: [[[UInt8]]] = []
        var failures: [String] = []
        var isWaiting = false
        for reply in replies {
            switch reply {
            case .waiting: isWaiting = true
            case .answered(let records): found.append(records)
            case .failed(let reason): failures.append(reason)
            }
        }
        if !source.isParent, let first = found.first { return .holds(first) }
        guard !isWaiting else { return nil }
        // What one server does not say may be another DS set.
        if let failure = failures.first { return .failed(failure) }
        guard let first = found.first else { return .failed("nobody has answered") }
        guard found.allSatisfy({ $0 == first }) else {
            return .failed("the servers of the parent do not say the same yet")
        }
        return .holds(first)
    }
}

extension ParentMachine {
    /// What a message says.
    enum Answer: Equatable {
        case records([[UInt8]])
        case truncated
        case useless(String)
    }

    /// Reads an answer; nil when it is none to this question.
    static func read(_ bytes: [UInt8], _ question: Question) -> Answer? {
        var reader = AnswerReader(bytes: bytes)
        guard bytes.count >= 12, reader.integer16() == question.id,
            let flags = reader.integer16(), flags & 0x8000 != 0, flags >> 11 & 15 == 0,
            reader.integer16() == 1, let count = reader.integer16(),
            let authorities = reader.integer16(), reader.skip(2),
            reader.name() == question.name.lowercased.wire,
            reader.integer16() == RecordType.DS.rawValue, reader.integer16() == 1
        else { return nil }
        if flags & 0x0200 != 0 { return .truncated }
        let code = flags & 15
        // A name that a resolver does not find is no word of the parent's about a DS.
        guard code != 3 else { return .useless("says that the name does not exist") }
        guard code == 0 else { return .useless("refuses by RCODE \(code)") }
        let owner = question.name.lowercased.wire
        var records: [[UInt8]] = []
        for _ in 0..<count {
            guard let record = reader.record() else { return .useless("sends a broken answer") }
            guard record.group == RecordClass.internet, record.type == .DS, record.owner == owner
            else { continue }
            records.append(Array(bytes[record.data]))
        }
        guard records.isEmpty else {
            return .records(records.sorted { $0.lexicographicallyPrecedes($1) })
        }
        // That there is none is only believed from above: the zone's own servers know no DS.
        for _ in 0..<authorities {
            guard let record = reader.record() else { return .useless("sends a broken answer") }
            guard record.type == .SOA, record.group == RecordClass.internet else { continue }
            guard record.owner.count < owner.count,
                owner.suffix(record.owner.count) == record.owner[...]
            else { return .useless("answers for the zone itself, not for its parent") }
            return .records([])
        }
        return .useless("says neither a DS nor that there is none")
    }
}
