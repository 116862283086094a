// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Steering

/// Who got the answers of policies: per target beside its weight and its traffic, and the networks of
/// resolvers that got most.
struct AnswerReport {
    /// Policies told of when nobody asks for one: those with most answers.
    static let policyLimit = 50
    /// Networks told of each of them, and of one that is asked for.
    static let fewNetworks = 5
    static let manyNetworks = 50
    /// Answers by which shares are found that weights alone do not tell: the control thread waits.
    static let fewAnswers = 1_000
    static let manyAnswers = 10_000

    private let view: ControlView
    private let steer: SteerTable
    private let networks: [UInt64: [NetworkShare]]
    private let names: [Int: String]

    init(_ view: ControlView, _ steer: SteerTable) {
        self.view = view
        self.steer = steer
        networks = view.shared.dns.networkShares
        names = view.endpointNames
    }

    /// The report on one policy, or on all that have answered.
    func json(policy: Int?) -> JSONValue {
        let numbers = policy.map { [$0] } ?? busiest
        let limit = policy == nil ? AnswerReport.fewNetworks : AnswerReport.manyNetworks
        return [
            "since": .string(CivilTime(nanoseconds: since).rfc3339),
            "policies": .array(numbers.map { json(of: $0, limit) }),
            "unlistedAtMost": .integer(Int64(clamping: view.shared.dns.unlistedAnswers)),
            "uncounted": .integer(Int64(clamping: view.shared.dns.uncountedAnswers)),
        ]
    }

    private var since: Int64 { view.shared.dns.answersBegunAt ?? view.process.startedAt }

    private var busiest: [Int] {
        let counted = steer.definitions.indices.map { ($0, total($0)) }.filter { $0.1 > 0 }
        let sorted = counted.sorted { ($0.1, $1.0) > ($1.1, $0.0) }
        return sorted.prefix(AnswerReport.policyLimit).map(\.0)
    }

    private func count(_ policy: Int, isIPv4: Bool) -> UInt64 {
        view.shared.dns.answerCount(policy: steer.identity(of: policy), isIPv4: isIPv4)
    }

    private func total(_ policy: Int) -> UInt64 {
        count(policy, isIPv4: true) + count(policy, isIPv4: false)
    }

    private func json(of policy: Int, _ limit: Int) -> JSONValue {
        let all = networks[steer.identity(of: policy)] ?? []
        return [
            "name": .string(steer.definitions[policy].name),
            "answers": .integer(Int64(clamping: total(policy))),
            "answersIPv4": .integer(Int64(clamping: count(policy, isIPv4: true))),
            "answersIPv6": .integer(
                Int64(
                    clamping: steer.answersNames(policy: policy) ? 0 : count(policy, isIPv4: false)
                )
            ),
            "targets": .array(targets(policy, limit == AnswerReport.manyNetworks)),
            "networkCount": .integer(Int64(all.count)),
            "networks": .array(all.prefix(limit).map { json($0, of: total(policy)) }),
        ]
    }

    // MARK: Targets

    private func targets(_ policy: Int, _ isAlone: Bool) -> [JSONValue] {
        let asked = isAlone ? AnswerReport.manyAnswers : AnswerReport.fewAnswers
        let identity = steer.identity(of: policy)
        let shares = [SteerFamilies.ipv4, .ipv6, .names].flatMap {
            steer.shares(policy: policy, $0, answers: asked)
        }
        let landed = shares.reduce(0) { $0 + (requests($1.slot) ?? 0) }
        return shares.map { share in
            let answers = view.shared.dns.answerCount(policy: identity, slot: share.slot)
            let whole = count(policy, isIPv4: share.address.isIPv4)
            let requests = requests(share.slot)
            return [
                "name": .string(names[share.slot] ?? share.name),
                "address": .string(text(share.address, policy)),
                "weight": .integer(Int64(clamping: share.weight)),
                "weightShare": AnswerReport.rounded(share.share),
                "answers": .integer(Int64(clamping: answers)),
                "answeredShare": AnswerReport.rounded(AnswerReport.part(answers, of: whole)),
                "requests": requests.map { .integer(Int64(clamping: $0)) } ?? .null,
                "landedShare": AnswerReport.rounded(
                    requests.flatMap { AnswerReport.part($0, of: landed) }
                ),
            ]
        }
    }

    private func text(_ address: IPAddress, _ policy: Int) -> String {
        guard steer.answersNames(policy: policy) else { return "\(address)" }
        return DomainName(wire: steer.targetName(of: address)).map { "\($0)" } ?? "?"
    }

    // What the HTTP door has sent there; nil for an address that is in no pool.
    private func requests(_ slot: Int) -> UInt64? {
        guard let name = names[slot], !name.hasPrefix("steer:") else { return nil }
        return view.load.successCount(slot) &+ view.load.failureCount(slot)
    }

    // MARK: Networks

    private func json(_ share: NetworkShare, of whole: UInt64) -> JSONValue {
        let held = share.given.reduce(share.others) { $0 &+ $1.count }
        return [
            "network": .string("\(share.network)"),
            "answers": .integer(Int64(clamping: share.atLeast)),
            "atMost": .integer(Int64(clamping: share.atMost)),
            "share": AnswerReport.rounded(AnswerReport.part(share.atLeast, of: whole)),
            "given": .array(
                share.given.map { slot, count in
                    [
                        "name": .string(names[slot] ?? "gone"),
                        "answers": .integer(Int64(clamping: count)),
                        "share": AnswerReport.rounded(AnswerReport.part(count, of: held)),
                    ]
                }
            ),
            "givenOthers": .integer(Int64(clamping: share.others)),
        ]
    }

    private static func part(_ count: UInt64, of whole: UInt64) -> Double? {
        whole == 0 ? nil : Double(count) / Double(whole)
    }

    private static func rounded(_ share: Double?) -> JSONValue {
        share.map { .number(($0 * 10_000).rounded() / 10_000) } ?? .null
    }
}

extension AdminDesk {
    /// Says who got the answers of a policy, or of all.
    func answers(_ name: String?, _ view: ControlView) throws(Problem) -> ServiceResponse {
        guard let snapshot = view.snapshot, view.listeners.contains(where: { $0.door.speaksDNS })
        else { throw Problem(.doorMissing, "There is no DNS listener.") }
        let steer = snapshot.dns.steer
        var policy: Int?
        if let name {
            guard let found = steer.find(name) else {
                let names = steer.definitions.prefix(12).map(\.name).joined(separator: ", ")
                let known = names.isEmpty ? "There are none." : "There are \(names)."
                throw Problem(.unknownPolicy, "There is no policy '\(name)'. \(known)")
            }
            policy = found
        }
        return AdminDesk.answer(AnswerReport(view, steer).json(policy: policy))
    }
}
