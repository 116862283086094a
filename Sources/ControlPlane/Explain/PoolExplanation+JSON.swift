// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
public import Essentials
public import Steering

extension PoolExplanation {
    /// The explanation as the API shows it; `forced` has the seconds that a health is forced for
    /// still and `details` what belongs to the reason of a health, by slot.
    public func json(forced: [Int: Double] = [:], details: [Int: String] = [:]) -> JSONValue {
        var chosen = JSONValue.null
        var outcome = "endpoint"
        switch choice {
        case .endpoint(let index) where candidates.indices.contains(index):
            chosen = .string(candidates[index].name)
        case .endpoint: break
        case .none(let reason): outcome = reason.word
        }
        return [
            "name": .string(pool),
            "balance": .string(balance),
            "outcome": .string(outcome),
            "chosen": chosen,
            "mode": .string(mode.word),
            "tier": tier.map { .integer(Int64($0)) } ?? .null,
            "why": .string(why),
            "candidates": .array(
                candidates.map { $0.json(forced: forced[$0.slot], detail: details[$0.slot]) }
            ),
        ]
    }
}

extension CandidateExplanation {
    /// The candidate as the API shows it.
    public func json(forced: Double? = nil, detail: String? = nil) -> JSONValue {
        [
            "name": .string(name),
            "address": .string("\(address)"),
            "chosen": .bool(isChosen),
            "eligible": .bool(isEligible),
            "whyNot": .string(whyNot),
            "health": .string(word.health.word),
            "administrative": .string(word.administrative.word),
            "role": role == .unknown ? .null : .string(role.word),
            "reason": .string(word.reason.word),
            "detail": .string(detail ?? ""),
            "forcedSeconds": forced.map { .number($0) } ?? .null,
            "ejected": .bool(word.isEjected),
            "circuit": .string(word.circuit.word),
            "unchecked": .bool(word.isUnchecked),
            "ageSeconds": age.map { .number(($0.seconds * 1000).rounded() / 1000) } ?? .null,
            "weight": [
                "effective": .number(effectiveWeight),
                "configured": .integer(Int64(configuredWeight)),
                "overlay": weightOverride.map { .integer(Int64($0)) } ?? .null,
                "slowStartFactor": .number(slowStartFactor),
            ],
            "tier": .integer(Int64(tier)),
            "inFlight": .integer(Int64(inFlight)),
            "connectionLimit": connectionLimit == 0 ? .null : .integer(Int64(connectionLimit)),
            "responseMilliseconds": responseTime.map { .number($0.seconds * 1000) } ?? .null,
            "healthGeneration": .integer(Int64(word.generation)),
        ]
    }
}

extension SteerExplanation {
    /// The explanation as the API shows it; `details` has what belongs to the reason of a health,
    /// by slot.
    ///
    /// `supposed` has words for the slots of which something is supposed, and `point` is where the
    /// client is, as far as that is known.
    public func json(
        details: [Int: String] = [:],
        from point: GeoPoint? = nil,
        supposed: (Int) -> String? = { _ in nil }
    ) -> JSONValue {
        [
            "name": .string(policy),
            "outcome": .string(outcome.word),
            "answers": .array(
                targets.isEmpty
                    ? answers.map { .string("\($0)") }
                    : targets.map { .string(SteerExplanation.text($0)) }
            ),
            "mode": .string(mode.word),
            "scope": .integer(Int64(scope)),
            "why": .string(why),
            "steps": .array(steps.map { $0.json(from: point) }),
            "candidates": .array(
                members.map { $0.json(detail: details[$0.slot], supposed: supposed($0.slot)) }
            ),
        ]
    }
}

extension SteerExplanation {
    fileprivate static func text(_ target: [UInt8]) -> String {
        DomainName(wire: target).map { "\($0)" } ?? "?"
    }
}

extension SteerExplanation.Step {
    /// The node as the API shows it; `point` is where the client is.
    public func json(from point: GeoPoint? = nil) -> JSONValue {
        [
            "depth": .integer(Int64(depth)),
            "name": .string(name),
            "kind": .string(kind),
            "live": .bool(isLive),
            "chosen": .bool(isChosen),
            "why": .string(why),
            "whyNot": .string(whyNot),
            "distances": targets.isEmpty
                ? .null : .array(targets.map { $0.json(from: point) }),
        ]
    }
}

extension SteerExplanation.Target {
    /// How far it is, in kilometres, and what that counts as by its bias; null when nobody knows.
    fileprivate func json(from point: GeoPoint?) -> JSONValue {
        func rounded(_ distance: Double) -> JSONValue { .number((distance * 10).rounded() / 10) }
        let distance = point?.distance(to: place.point)
        return [
            "name": .string(name),
            "latitude": .number(place.point.latitude),
            "longitude": .number(place.point.longitude),
            "bias": .integer(Int64(place.bias)),
            "kilometres": distance.map(rounded) ?? .null,
            "countsAsKilometres": distance.map {
                rounded(GeoPoint.biased($0, bias: place.bias))
            } ?? .null,
        ]
    }
}

extension SteerExplanation.MemberExplanation {
    /// The member as the API shows it.
    public func json(detail: String? = nil, supposed: String? = nil) -> JSONValue {
        [
            "name": .string(name),
            "address": .string(
                target.isEmpty ? "\(address)" : SteerExplanation.text(target)
            ),
            "path": .string(path),
            "answered": .bool(isAnswered),
            "eligible": .bool(isEligible),
            "whyNot": .string(whyNot),
            "health": .string(word.health.word),
            "administrative": .string(word.administrative.word),
            "reason": .string(word.reason.word),
            "detail": .string(detail ?? ""),
            "ejected": .bool(word.isEjected),
            "circuit": .string(word.circuit.word),
            "unchecked": .bool(word.isUnchecked),
            "ageSeconds": age.map { .number(($0.seconds * 1000).rounded() / 1000) } ?? .null,
            "weight": [
                "configured": .integer(Int64(configuredWeight)),
                "overlay": weightOverride.map { .integer(Int64($0)) } ?? .null,
            ],
            "healthGeneration": .integer(Int64(word.generation)),
            "supposed": supposed.map { .string($0) } ?? .null,
        ]
    }
}

extension SteerOutcome {
    /// The word in the API.
    public var word: String {
        switch self {
        case .addresses: "addresses"
        case .noData: "no-data"
        case .none: "none"
        case .servfail: "servfail"
        }
    }
}
