// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Steering

extension AdminDesk {
    /// Tells of the queries that records were kept of, the newest first.
    func queries(
        _ filter: QueryFilter,
        _ view: ControlView,
        at moment: Moment
    ) throws(Problem) -> ServiceResponse {
        guard let snapshot = view.snapshot, view.listeners.contains(where: { $0.door.speaksDNS })
        else { throw Problem(.doorMissing, "There is no DNS listener.") }
        let name = try filter.name.map { text throws(Problem) -> DomainName in
            guard let name = DomainName(text), !text.isEmpty else {
                throw Problem(.invalidValue, "The parameter 'name' is no domain name.")
            }
            return name
        }
        let records = view.shared.dns.books.flatMap(\.queries.records)
            .filter { $0.fits(name, filter.from) }
            .sorted { $0.time > $1.time }
        let teller = QueryTeller(view, snapshot, at: moment)
        let stories = records.prefix(filter.limit).map { QueryStory($0, teller).json }
        let document: JSONValue = [
            "sampledOneIn": view.settings.dns.sampleQueries.map { .integer(Int64($0)) } ?? .null,
            "kept": .integer(Int64(clamping: view.shared.dns.keptQueries)),
            "found": .integer(Int64(records.count)),
            "queries": .array(stories),
        ]
        return AdminDesk.answer(document)
    }
}

extension QueryRecord {
    fileprivate func fits(_ name: DomainName?, _ from: Prefix?) -> Bool {
        if let name, question?.name != name { return false }
        guard let from else { return true }
        return from.contains(asker) || subnet.map { from.contains($0.address) } ?? false
    }
}

/// What the numbers in records stand for.
struct QueryTeller {
    let snapshot: ServingSnapshot
    let moment: Moment
    // By slot, as of now.
    private let names: [Int: String]
    private let addresses: [Int: IPAddress]
    /// Of the picture of now.
    let generation: UInt64

    init(_ view: ControlView, _ snapshot: ServingSnapshot, at moment: Moment) {
        self.snapshot = snapshot
        self.moment = moment
        names = view.endpointNames
        addresses = view.endpointAddresses
        generation = view.health.generation
    }

    // A slot that was given to another endpoint since says nothing of the one of then.
    private func isAsThen(_ slot: Int, _ record: QueryRecord) -> Bool {
        (snapshot.dns.slotsGiven[slot] ?? 0) <= record.snapshot
    }

    /// `POOL/ENDPOINT` of a slot in a record.
    func name(_ slot: Int, _ record: QueryRecord) -> String? {
        isAsThen(slot, record) ? names[slot] : nil
    }

    /// The address of a slot in a record.
    func address(_ slot: Int, _ record: QueryRecord) -> IPAddress? {
        isAsThen(slot, record) ? addresses[slot] : nil
    }
}

/// A record of a query with the names that its numbers stand for.
struct QueryStory {
    private let record: QueryRecord
    private let teller: QueryTeller

    init(_ record: QueryRecord, _ teller: QueryTeller) {
        self.record = record
        self.teller = teller
    }

    var json: JSONValue { .object(question + response + decision) }

    private var question: [JSONMember] {
        let asked = record.question
        return [
            JSONMember("time", .string(CivilTime(nanoseconds: record.time).rfc3339)),
            JSONMember("worker", .integer(Int64(record.worker))),
            JSONMember("transport", .string("\(record.transport.word)")),
            JSONMember("resolver", .string("\(record.asker)")),
            JSONMember("subnet", text(record.subnet.map { "\($0)" })),
            JSONMember("subnetHeard", .bool(record.hearsSubnet)),
            JSONMember("client", .string("\(record.client)")),
            JSONMember("name", text(asked.map { "\($0.name)" })),
            JSONMember("type", text(asked.map { "\($0.type)" })),
        ]
    }

    /// What was sent, from its own octets.
    private var response: [JSONMember] {
        let message = record.message
        func lines(_ records: [DNSMessage.Record]?) -> JSONValue {
            records.map { .array($0.map { .string($0.description) }) } ?? .null
        }
        return [
            JSONMember("rcode", .string("\(record.code)")),
            JSONMember("truncated", .bool(record.isTruncated)),
            JSONMember("records", lines(message?.answers)),
            JSONMember("authority", lines(message?.authorities)),
            JSONMember("bytes", .integer(Int64(record.length))),
        ]
    }

    private var decision: [JSONMember] {
        let isSteered = record.policy != nil
        let told = explanation
        return [
            JSONMember("policy", text(told?.policy)),
            JSONMember("scope", .integer(Int64(record.scope))),
            JSONMember("ttl", record.lifetime.map { .integer(Int64($0)) } ?? .null),
            JSONMember("whyTTL", text(record.whyTTL)),
            JSONMember("steered", .bool(isSteered)),
            JSONMember("outcome", text(told?.outcome.word)),
            JSONMember("mode", text(told?.mode.word)),
            JSONMember("why", text(told?.why)),
            JSONMember("answered", .array(isSteered ? answered : [])),
            JSONMember("path", .array(told.map(path) ?? [])),
            JSONMember("pathLeftOut", .integer(Int64(record.nodesLeft))),
            JSONMember("healthGeneration", .integer(Int64(clamping: record.generation))),
            JSONMember("healthChangedSince", .bool(isSteered && !isHealthAsThen)),
            JSONMember("policiesChangedSince", .bool(!isLayoutAsThen)),
        ]
    }

    private func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }

    private var isHealthAsThen: Bool { record.generation == teller.generation }
    // Numbers of policies and nodes stand for something else after some changes.
    private var isLayoutAsThen: Bool { record.layoutMark == steer.layoutMark }
    private var steer: SteerTable { teller.snapshot.dns.steer }

    private var answered: [JSONValue] {
        record.slots.map { text(teller.name($0, record)) }
    }

    /// What `explain` says of the answer that was given; nil when it cannot be told any more.
    private var explanation: SteerExplanation? {
        guard let policy = record.policy, isLayoutAsThen else { return nil }
        let type = record.question?.type ?? .A
        let moment = teller.moment
        let then = moment.now + Interval(nanoseconds: record.time &- moment.realtime)
        return steer.explain(
            policy: policy,
            SteerQuestion(
                now: then,
                client: record.client,
                families: steer.families(asked: type, of: policy)
            ),
            answered: record.answers { teller.address($0, record) }
        )
    }

    /// The nodes that chose; their reasons as far as they are still those of then.
    private func path(_ told: SteerExplanation) -> [JSONValue] {
        let isSame = record.snapshot == teller.snapshot.number
        // A branch without weight is not live, so weights count for the reasons too.
        let areWeightsAsThen = record.hasWeights(of: steer)
        return told.steps.indices.filter { told.steps[$0].isChosen }.map { place in
            let step = told.steps[place]
            let isKnown = isSame && (step.isByPlace || isHealthAsThen && areWeightsAsThen)
            let why = areWeightsAsThen ? step.why : step.whyWithoutWeight
            return [
                "depth": .integer(Int64(step.depth)),
                "name": .string(step.name),
                "kind": .string(step.kind),
                "why": isKnown ? .string(why) : .null,
                "passedOver": isKnown && isHealthAsThen && areWeightsAsThen
                    ? .array(QueryStory.passedOver(told.steps, at: place)) : .null,
            ]
        }
    }

    /// What the node at a place did not take: the first few of its branches.
    private static func passedOver(
        _ steps: [SteerExplanation.Step],
        at place: Int
    ) -> [JSONValue] {
        let depth = steps[place].depth
        let below = steps[(place + 1)...].prefix { $0.depth > depth }
        let left = below.lazy.filter { $0.depth == depth + 1 && !$0.whyNot.isEmpty }
        return left.prefix(8).map { ["name": .string($0.name), "whyNot": .string($0.whyNot)] }
    }
}

extension ControlView {
    /// `POOL/ENDPOINT` by slot.
    var endpointNames: [Int: String] {
        Dictionary(
            pools.flatMap { pool in
                pool.endpoints.map { ($0.slot, "\(pool.label)/\($0.name)") }
            },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// Addresses by slot.
    var endpointAddresses: [Int: IPAddress] {
        Dictionary(
            pools.flatMap { pool in
                pool.endpoints.compactMap { endpoint in
                    endpoint.address.map { (endpoint.slot, $0.ip) }
                }
            },
            uniquingKeysWith: { first, _ in first }
        )
    }
}
