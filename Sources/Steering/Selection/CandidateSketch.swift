// SPDX-License-Identifier: Apache-2.0

/// One endpoint of a pool as a choice sees it, in one word: cheap to keep beside a request.
///
///     63  62..61 60   59         58    57..54 53..38     37..18 17..0
///     set role   full weightless tried tier   in flight  slot   state of the health word
public struct CandidateSketch: Sendable, BitwiseCopyable, Equatable {
    /// The packed form; 0 for no endpoint.
    public let bits: UInt64

    /// A sketch from its packed form.
    public init(bits: UInt64) { self.bits = bits }

    /// True when it tells of an endpoint.
    public var isSet: Bool { bits >> 63 == 1 }
    /// The health word, without its generation and the time to its next change.
    public var word: HealthWord { HealthWord(bits: bits & 0x3_ffff) }
    /// Place in the health table.
    public var slot: Int { Int(bits >> 18 & 0xf_ffff) }
    /// Work in flight in the whole process, at most 65,535.
    public var inFlight: Int { Int(bits >> 38 & 0xffff) }
    /// The priority tier.
    public var tier: UInt8 { UInt8(bits >> 54 & 0xf) }
    /// The request had been tried there already.
    public var isTried: Bool { bits >> 58 & 1 == 1 }
    /// Its weight is 0.
    public var isWeightless: Bool { bits >> 59 & 1 == 1 }
    /// It has all the work that it may have at a time.
    public var isFull: Bool { bits >> 60 & 1 == 1 }

    /// What it said of its part in the pool.
    public var role: EndpointRole {
        EndpointRole(rawValue: UInt8(truncatingIfNeeded: bits >> 61 & 3)) ?? .unknown
    }

    /// Why it could not be chosen; empty when it could.
    public var whyNot: String {
        if !word.isReady { return word.administrative.word }
        if word.health != .up { return "\(word.health.word): \(word.reason.word)" }
        if word.isEjected { return "ejected: \(word.reason.word)" }
        if isWeightless { return "weight 0" }
        return isFull ? "at its connection limit" : ""
    }
}

extension Chooser {
    /// Sketches the endpoint at a place among those of the pool; nil behind the last one.
    public func sketch(pool: Int, place: Int, tried: Tried) -> CandidateSketch? {
        guard place >= 0, place < endpointCount(pool: pool) else { return nil }
        let record = sources.plan.poolRecords[pool]
        let position = Int(sources.plan.places[record.firstCandidate &+ place])
        let candidate = sources.plan.candidates[position]
        let slot = Int(candidate.slot)
        let word = sources.health.word(slot)
        let weight =
            word.hasWeightOverride ? sources.overridden(slot, candidate.weight) : candidate.weight
        let isFull = candidate.limit != 0 && sources.isFull(slot, candidate.limit)
        var bits = word.state | 1 << 63
        bits |= UInt64(min(slot, 0xf_ffff)) << 18
        bits |= UInt64(min(max(sources.load.inFlight(slot), 0), 0xffff)) << 38
        bits |= UInt64(tier(of: position, record) & 0xf) << 54
        if tried.contains(place) { bits |= 1 << 58 }
        if weight == 0 { bits |= 1 << 59 }
        if isFull { bits |= 1 << 60 }
        bits |= UInt64(sources.health.role(slot).rawValue & 3) << 61
        return CandidateSketch(bits: bits)
    }
}
