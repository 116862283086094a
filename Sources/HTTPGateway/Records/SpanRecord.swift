// SPDX-License-Identifier: Apache-2.0
internal import Essentials
public import HTTPProtocol

/// What spans are made of: an exchange that is over, and its place in a trace.
public struct SpanRecord: Sendable, BitwiseCopyable {
    /// Words of the path beyond those that the record of the request has room for.
    static let pathWords = 32
    /// Words of one record.
    static let size = RequestRecord.size + 6 + pathWords + methodWords
    /// Octets of the path that are kept.
    static let pathLimit = pathWords * 8
    /// Words of a method that is not known.
    static let methodWords = 2
    /// Octets of such a method that are kept.
    static let methodLimit = methodWords * 8

    /// A run of bits within ``facts``.
    struct Part {
        let shift: Int
        let width: Int

        static let method = Part(shift: 0, width: 8)
        static let version = Part(shift: 8, width: 8)
        static let port = Part(shift: 16, width: 16)
        static let path = Part(shift: 32, width: 16)
        static let flags = Part(shift: 48, width: 8)
        static let methodText = Part(shift: 56, width: 8)
    }

    /// What became of the request; its attempts have the spans.
    public internal(set) var request: RequestRecord
    /// Its place.
    public internal(set) var trace: TraceContext
    var facts: UInt64 = 0
    var pathText = InlineArray<32, UInt64>(repeating: 0)
    var methodText = InlineArray<2, UInt64>(repeating: 0)

    init(request: RequestRecord, trace: TraceContext) {
        self.request = request
        self.trace = trace
    }

    subscript(part: Part) -> Int {
        get { Int(facts >> UInt64(part.shift) & SpanRecord.mask(part)) }
        set {
            let mask = SpanRecord.mask(part)
            let value = min(UInt64(max(newValue, 0)), mask)
            facts = facts & ~(mask << UInt64(part.shift)) | value << UInt64(part.shift)
        }
    }

    private static func mask(_ part: Part) -> UInt64 { (1 << UInt64(part.width)) &- 1 }

    mutating func setPath(_ path: Span<UInt8>) {
        let count = min(path.count, SpanRecord.pathLimit)
        for index in 0..<count {
            pathText[index / 8] |= UInt64(path[index]) << UInt64(index % 8 * 8)
        }
        self[.path] = count
    }

    mutating func setMethod(_ name: Span<UInt8>) {
        let count = min(name.count, SpanRecord.methodLimit)
        for index in 0..<count {
            methodText[index / 8] |= UInt64(name[index]) << UInt64(index % 8 * 8)
        }
        self[.methodText] = count
    }

    // MARK: Reading

    /// The method, or the word that stands for those that are not known.
    public var method: String {
        let number = self[.method]
        guard number > 0, let method = Method(rawValue: UInt8(number - 1)), method != .other else {
            return "_OTHER"
        }
        return "\(method.name)"
    }
    /// The name of a method that is not known, or its beginning; empty for one that is.
    public var methodOriginal: String {
        let bytes = (0..<min(self[.methodText], SpanRecord.methodLimit)).map { index in
            UInt8(truncatingIfNeeded: methodText[index / 8] >> UInt64(index % 8 * 8))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
    /// The version of HTTP that the client spoke: `1.0`, `1.1` or `2`.
    public var version: String {
        switch self[.version] {
        case 20: "2"
        case 10: "1.0"
        default: "1.1"
        }
    }
    /// The port that the client named; nil for none.
    public var port: Int? { self[.port] == 0 ? nil : self[.port] }
    /// The path, or its beginning; empty when it is not known any more.
    public var path: String {
        let count = min(self[.path], SpanRecord.pathLimit)
        let bytes = (0..<count).map { index in
            UInt8(truncatingIfNeeded: pathText[index / 8] >> UInt64(index % 8 * 8))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

// The form that lies in a ring.
extension SpanRecord {
    func word(_ index: Int) -> UInt64 {
        let base = RequestRecord.size
        switch index {
        case ..<base: return request.words[index]
        case base: return UInt64(truncatingIfNeeded: trace.traceID >> 64)
        case base + 1: return UInt64(truncatingIfNeeded: trace.traceID)
        case base + 2: return trace.spanID
        case base + 3: return trace.parentID
        case base + 4: return UInt64(trace.flags)
        case base + 5: return facts
        case base + 6, base + 7: return methodText[index &- base &- 6]
        default: return pathText[index &- base &- 8]
        }
    }

    init(word: (Int) -> UInt64) {
        var request = RequestRecord()
        for index in 0..<RequestRecord.size { request.words[index] = word(index) }
        let base = RequestRecord.size
        let trace = TraceContext(
            traceID: UInt128(word(base)) << 64 | UInt128(word(base + 1)),
            spanID: word(base + 2),
            parentID: word(base + 3),
            flags: UInt8(truncatingIfNeeded: word(base + 4))
        )
        self.init(request: request, trace: trace)
        facts = word(base + 5)
        for index in 0..<SpanRecord.methodWords { methodText[index] = word(base + 6 + index) }
        for index in 0..<SpanRecord.pathWords { pathText[index] = word(base + 8 + index) }
    }
}
