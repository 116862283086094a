// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Follows a name from the hosts file over the resolver to its authority, step by step.
///
/// Pure: answers and times in, the next question out, and what each step has shown in ``steps``. It
/// goes down from the root as a resolver with an empty cache would (RFC 1034 §5.3.3), one question at
/// a time. A stack of searches:
///
///     www.a.test A        servers of a.test have no address in the delegation
///       ns.b.example A    so that of one is searched for, from the deepest cut above it
///
/// Every delegation must lead strictly down, aliases and searches are bounded and may not come back
/// to where they were, and all questions together have a bound: so each trace ends.
struct TraceMachine: Sendable {
    /// A question to one server.
    struct Question: Sendable, Equatable {
        var name: DomainName
        var type: RecordType
        var server: SocketAddress
        /// RD: for resolvers.
        var isRecursive: Bool
        /// Until when the answer is waited for.
        var deadline: Instant
    }

    /// What is to be done next.
    enum Action: Sendable, Equatable {
        case ask(Question)
        case finish(TraceOutcome)
    }

    /// Questions of a trace.
    static let questionLimit = 100
    /// Searches within each other.
    static let depthLimit = 5
    /// Servers of one delegation that are looked at; a referral may name thousands.
    static let serverLimit = 16

    /// A search for one name.
    struct Search: Sendable {
        var name: DomainName
        var type: RecordType
        /// The zone whose servers are asked.
        var zone: DomainName
        /// Those left to ask.
        var left: [(name: DomainName?, address: SocketAddress)] = []
        /// Those without a known address.
        var unknown: [DomainName] = []
        /// Names that were aliases on the way.
        var aliases: [DomainName] = []
    }

    enum Phase: Sendable {
        case resolver(Int)
        case authority
        case ended(TraceOutcome)
    }

    let name: DomainName
    let type: RecordType
    private let hosts: HostsFile?
    private let resolvers: [SocketAddress]
    /// The port of servers that others refer to.
    let port: UInt16
    private let timeout: Interval
    /// What has been seen so far.
    var steps: [TraceStep] = []
    var phase = Phase.resolver(0)
    var searches: [Search] = []
    /// Servers of zones that are known by now.
    var cuts: [DomainName: [TraceServer]]
    /// TTLs of what the authorities have said of the name itself, and of all that follows from it.
    var authorityTTLs: [TraceRecordKey: UInt32] = [:]
    private var asked: (question: Question, serverName: DomainName?, at: Instant)?
    private var questions = 0

    /// `hosts` is nil where that layer is not looked at; `port` is that of servers in referrals.
    init(
        name: DomainName,
        type: RecordType,
        hosts: HostsFile?,
        resolvers: [SocketAddress],
        roots: [TraceServer],
        port: UInt16 = 53,
        timeout: Interval = .seconds(2)
    ) {
        (self.name, self.type, self.hosts, self.resolvers) = (name, type, hosts, resolvers)
        (self.port, self.timeout) = (port, timeout)
        cuts = [.root: roots]
    }

    /// The question in hand; nil when the trace has ended.
    var question: Question? { asked?.question }

    /// Begins.
    mutating func begin(now: Instant) -> Action {
        if let hosts { lookAt(hosts) }
        return advance(now)
    }

    /// Takes the answer to the question in hand.
    mutating func receive(
        _ message: DNSMessage,
        by transport: QueryTransport,
        now: Instant
    ) -> Action {
        guard let (question, serverName, at) = asked else { return advance(now) }
        asked = nil
        var step = TraceStep(
            layer: question.isRecursive ? .resolver : .authority,
            name: question.name,
            type: question.type,
            verdict: .lame
        )
        step.serverName = serverName
        step.server = question.server
        step.transport = transport
        step.elapsed = now - at
        step.code = message.code
        step.isAuthoritative = message.isAuthoritative
        if question.isRecursive {
            takeResolver(message, step)
        } else {
            takeAuthority(message, step)
        }
        return advance(now)
    }

    /// Notes that nothing comes of the question in hand.
    mutating func fail(_ reason: String, now: Instant) -> Action {
        guard let (question, serverName, at) = asked else { return advance(now) }
        asked = nil
        var step = TraceStep(
            layer: question.isRecursive ? .resolver : .authority,
            depth: question.isRecursive ? 0 : max(searches.count - 1, 0),
            zone: question.isRecursive ? nil : searches.last?.zone,
            name: question.name,
            type: question.type,
            verdict: .silence,
            note: reason
        )
        step.serverName = serverName
        step.server = question.server
        step.elapsed = now - at
        steps.append(step)
        if case .resolver(let index) = phase { phase = .resolver(index + 1) }
        return advance(now)
    }

    /// Notes that the time of the question in hand is over, if it is.
    mutating func expire(now: Instant) -> Action? {
        guard let question, now >= question.deadline else { return nil }
        return fail("no answer within \(timeout.milliseconds) ms", now: now)
    }

    // MARK: The way

    private mutating func advance(_ now: Instant) -> Action {
        while true {
            if case .ended(let outcome) = phase { return .finish(outcome) }
            if case .resolver(let index) = phase {
                if index < resolvers.count {
                    return ask(name, type, (nil, resolvers[index]), isRecursive: true, now)
                }
                phase = .authority
                push(name, type)
                continue
            }
            guard let last = searches.indices.last else { return .finish(.broken("no search")) }
            guard questions < TraceMachine.questionLimit else {
                return end(.broken("\(questions) questions have led to no end"))
            }
            if !searches[last].left.isEmpty {
                let next = searches[last].left.removeFirst()
                let search = searches[last]
                return ask(search.name, search.type, next, isRecursive: false, now)
            }
            if !searches[last].unknown.isEmpty {
                searchAddress(of: searches[last].unknown.removeFirst())
                continue
            }
            giveUp("no server of \(searches[last].zone) answers for \(searches[last].name)")
        }
    }

    private mutating func ask(
        _ name: DomainName,
        _ type: RecordType,
        _ server: (name: DomainName?, address: SocketAddress),
        isRecursive: Bool,
        _ now: Instant
    ) -> Action {
        questions += 1
        let question = Question(
            name: name,
            type: type,
            server: server.address,
            isRecursive: isRecursive,
            deadline: now + timeout
        )
        asked = (question, server.name, now)
        return .ask(question)
    }

    private mutating func end(_ outcome: TraceOutcome) -> Action {
        phase = .ended(outcome)
        return .finish(outcome)
    }

    private mutating func lookAt(_ hosts: HostsFile) {
        var step = TraceStep(layer: .hosts, name: name, type: type, verdict: .noName)
        var text = "\(name)"
        if text.hasSuffix("."), text.count > 1 { text.removeLast() }
        if type != .A, type != .AAAA {
            step.verdict = .skipped
            step.note = "it holds addresses alone"
        } else if let all = hosts.addresses(text) {
            let fitting = all.filter { $0.isIPv4 == (type == .A) }
            step.verdict = fitting.isEmpty ? .noData : .answer
            step.note =
                fitting.isEmpty
                ? "it has addresses of the other family alone"
                : fitting.map { "\($0)" }.joined(separator: ", ")
        }
        steps.append(step)
    }

    // MARK: Searches

    /// Begins a search at the deepest cut that is known above the name.
    mutating func push(_ name: DomainName, _ type: RecordType) {
        searches.append(Search(name: name, type: type, zone: .root))
        begin(searches.count - 1)
    }

    /// Has a search begin anew for its present name.
    mutating func begin(_ place: Int) {
        var search = searches[place]
        var zone = search.name
        // A set at a cut that belongs to the upper side (RFC 4035 §3.1.4.1).
        if search.type == .DS, !zone.isRoot { zone = zone.parent }
        while cuts[zone] == nil, !zone.isRoot { zone = zone.parent }
        search.zone = zone
        search.unknown = []
        search.left = TraceMachine.order(cuts[zone] ?? [])
        searches[place] = search
    }

    /// Every server by IPv4 before any by IPv6, which many networks have no way to.
    static func order(
        _ servers: [TraceServer]
    ) -> [(name: DomainName?, address: SocketAddress)] {
        let all = servers.flatMap { server in server.addresses.map { (server.name, $0) } }
        return all.filter { $0.1.ip.isIPv4 } + all.filter { !$0.1.ip.isIPv4 }
    }

    private mutating func searchAddress(of server: DomainName) {
        guard let search = searches.last else { return }
        var step = TraceStep(
            layer: .authority,
            depth: searches.count,
            zone: search.zone,
            name: server,
            type: .A,
            verdict: .skipped
        )
        if server.isWithin(search.zone) {
            step.note =
                "a server of \(search.zone) inside of it, and the delegation has no address of it"
        } else if searches.contains(where: { $0.name == server }) {
            step.verdict = .loop
            step.note = "to find this server, its own address is needed"
        } else if searches.count >= TraceMachine.depthLimit {
            step.note = "more than \(TraceMachine.depthLimit) searches within each other"
        } else {
            return push(server, .A)
        }
        steps.append(step)
    }

    /// Ends the search in hand without a find.
    mutating func giveUp(_ reason: String) {
        guard searches.count > 1 else { return phase = .ended(.broken(reason)) }
        searches.removeLast()
    }

    /// Ends the search in hand with what an authority has said.
    mutating func settle(_ records: [DNSMessage.Record], _ outcome: TraceOutcome) {
        guard searches.count > 1, let search = searches.last else {
            return phase = .ended(outcome)
        }
        let addresses = records.compactMap(\.address).map { SocketAddress($0, port: port) }
        let last = searches.count - 1
        if addresses.isEmpty, search.type == .A, case .noData = outcome {
            searches[last].type = .AAAA
            return begin(last)
        }
        searches.removeLast()
        // The name that was searched for: aliases may have led elsewhere.
        let server = search.aliases.first ?? search.name
        guard !addresses.isEmpty else { return }
        searches[last - 1].left += addresses.map { (server, $0) }
        let zone = searches[last - 1].zone
        cuts[zone, default: []].append(TraceServer(name: server, addresses: addresses))
    }
}

/// What TTLs are compared by.
struct TraceRecordKey: Hashable, Sendable {
    var name: DomainName
    var type: RecordType
}
