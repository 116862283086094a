// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Steering

/// What is kept of one request that is over, as plain words.
///
/// Plain words, so that keeping it takes no heap and any thread may read it while others are
/// written. Times count in microseconds from the first byte of the request; 0 is a phase that was
/// not reached. Names follow from slots and hashes only when somebody asks.
public struct RequestRecord: Sendable, BitwiseCopyable {
    /// Words of one record; the first belongs to the ring.
    static let size = 64
    /// The most attempts that a request can have.
    static let attemptLimit = 8
    /// The largest slot that an attempt can name; tables of endpoints are far smaller.
    static let slotLimit = 0xff_ffff
    /// Endpoints of the pool that are told of, in the order of the pool.
    static let candidateLimit = 16
    /// Octets of host and path together that are kept.
    static let textLimit = (RequestRecord.size - Place.text) * 8
    /// Octets of the host that are kept.
    static let hostLimit = 48

    /// Where the words are.
    enum Place {
        static let id = 1, alias = 3, began = 4, route = 5, generation = 6
        static let outcome = 7, counts = 8, early = 9, late = 10, answer = 11
        static let total = 12, bytesIn = 13, bytesOut = 14, client = 15
        static let attempts = 17, candidates = 33, text = 49
    }

    /// A run of bits within a word.
    struct Part {
        let word: Int
        let shift: Int
        let width: Int

        static let status = Part(word: Place.outcome, shift: 0, width: 16)
        static let cause = Part(word: Place.outcome, shift: 16, width: 8)
        static let detail = Part(word: Place.outcome, shift: 24, width: 8)
        static let method = Part(word: Place.outcome, shift: 32, width: 8)
        static let turn = Part(word: Place.outcome, shift: 40, width: 8)
        static let worker = Part(word: Place.outcome, shift: 48, width: 10)
        static let isIPv4 = Part(word: Place.outcome, shift: 58, width: 1)
        static let isSecure = Part(word: Place.outcome, shift: 59, width: 1)
        static let hasEndpoint = Part(word: Place.outcome, shift: 60, width: 1)
        static let isLastResort = Part(word: Place.outcome, shift: 61, width: 1)
        static let pool = Part(word: Place.counts, shift: 0, width: 32)
        static let attempts = Part(word: Place.counts, shift: 32, width: 4)
        static let candidates = Part(word: Place.counts, shift: 36, width: 12)
        static let host = Part(word: Place.counts, shift: 48, width: 8)
        static let path = Part(word: Place.counts, shift: 56, width: 8)
        static let headDone = Part(word: Place.early, shift: 0, width: 32)
        static let attempted = Part(word: Place.early, shift: 32, width: 32)
        static let connected = Part(word: Place.late, shift: 0, width: 32)
        static let sent = Part(word: Place.late, shift: 32, width: 32)
        static let firstByte = Part(word: Place.answer, shift: 0, width: 32)
    }

    /// How an attempt went.
    public struct Attempt: Sendable, BitwiseCopyable, Equatable {
        /// The endpoint's place in the health table.
        public var slot: Int
        /// The status that it answered with; 0 for none.
        public var status: UInt16
        /// The raw value of the fault, or of the refusal, plus one; 0 for none.
        var fault: UInt8
        /// When it began, in microseconds from the first byte of the request.
        public var began: Int64
        /// When it was over.
        public var ended: Int64
        /// Which one it was among those begun, from 1.
        public var number = 1
        /// True when it was cut because another one's answer came first.
        public var isOvertaken = false
        /// True when it ran beside the first one, and is no retry.
        public var isHedge = false
        /// True when its request turned out to be unacceptable: ``fault`` is a refusal.
        var isRefused = false

        /// The reason word of its failure; empty when its answer was passed on.
        public var reason: String {
            if isOvertaken { return "overtaken" }
            guard fault > 0 else { return "" }
            if isRefused { return Refusal(rawValue: fault &- 1).map { "\($0.word)" } ?? "" }
            return Fault(rawValue: fault &- 1).map { "\($0.word)" } ?? ""
        }
    }

    var words = InlineArray<64, UInt64>(repeating: 0)

    init() {}

    subscript(part: Part) -> Int {
        get { Int(words[part.word] >> UInt64(part.shift) & RequestRecord.mask(part)) }
        set {
            let mask = RequestRecord.mask(part)
            let value = newValue < 0 ? 0 : min(UInt64(newValue), mask)
            let kept = words[part.word] & ~(mask << UInt64(part.shift))
            words[part.word] = kept | value << UInt64(part.shift)
        }
    }

    private static func mask(_ part: Part) -> UInt64 { (1 << UInt64(part.width)) &- 1 }

    // MARK: Writing

    mutating func add(_ attempt: Attempt) {
        let count = self[.attempts]
        guard count < RequestRecord.attemptLimit else { return }
        let place = Place.attempts &+ count &* 2
        let slot = UInt64(min(max(attempt.slot, 0), RequestRecord.slotLimit))
        let marks: UInt64 = (attempt.isHedge ? 1 << 24 : 0) | (attempt.isRefused ? 1 << 25 : 0)
        words[place] =
            slot | marks | UInt64(attempt.fault) << 32
            | UInt64(attempt.status) << 40 | UInt64(min(max(attempt.number, 0), 127)) << 56
            | (attempt.isOvertaken ? 1 << 63 : 0)
        words[place &+ 1] =
            RequestRecord.packed(attempt.began) | RequestRecord.packed(attempt.ended) << 32
        self[.attempts] = count &+ 1
    }

    /// A time in 32 bits: in microseconds up to half an hour, and in milliseconds up to 24 days.
    private static func packed(_ microseconds: Int64) -> UInt64 {
        let scale: UInt64 = 1 << 31
        let time = UInt64(max(microseconds, 0))
        return time < scale ? time : scale | min(time / 1000, scale &- 1)
    }

    static func unpacked(_ bits: UInt64) -> Int64 {
        let scale: UInt64 = 1 << 31
        let time = bits & (scale &- 1)
        return Int64(bits & scale == 0 ? time : time &* 1000)
    }

    /// Counts an endpoint of the pool, and keeps its sketch while there is room.
    mutating func add(_ candidate: CandidateSketch) {
        let count = self[.candidates]
        if count < RequestRecord.candidateLimit {
            words[Place.candidates &+ count] = candidate.bits
        }
        self[.candidates] = count &+ 1
    }

    /// Keeps the beginnings of host and path.
    mutating func setText(host: Span<UInt8>, path: Span<UInt8>) {
        let hostCount = min(host.count, RequestRecord.hostLimit)
        for index in 0..<hostCount { put(host[index], at: index) }
        let pathCount = min(path.count, RequestRecord.textLimit &- hostCount)
        for index in 0..<pathCount { put(path[index], at: hostCount &+ index) }
        self[.host] = hostCount
        self[.path] = pathCount
    }

    private mutating func put(_ byte: UInt8, at index: Int) {
        words[Place.text &+ index / 8] |= UInt64(byte) << UInt64(index % 8 * 8)
    }

    func text(from start: Int, count: Int) -> String {
        let end = min(start &+ count, RequestRecord.textLimit)
        let bytes = (min(start, end)..<end).map { index in
            UInt8(truncatingIfNeeded: words[Place.text + index / 8] >> UInt64(index % 8 * 8))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
