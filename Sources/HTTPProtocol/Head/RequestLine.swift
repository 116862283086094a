// SPDX-License-Identifier: Apache-2.0

/// Judging a request line (RFC 9112 §3): method, one space, target, one space, version.
struct RequestLine: BitwiseCopyable {
    // No registered method is longer than 16 octets.
    static var methodLimit: Int { 24 }

    var method = Method.other
    var methodRange = ByteRange.empty
    var isVersion10 = false
    var target = RequestTarget()

    /// The longest line that can hold an acceptable target.
    static func lengthLimit(_ limits: HeadLimits) -> Int {
        Int(limits.targetBytes) &+ methodLimit &+ 10
    }

    /// Judges the line from `start` up to its CR at `end`.
    mutating func judge(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ end: Int,
        _ limits: HeadLimits
    ) -> Refusal? {
        guard !HeadScan.isBlank(bytes[start]) else { return .leadingWhitespace }
        let isGet = HeadScan.exactWord(bytes, start, 4) == 0x2054_4547
        let space = isGet ? start &+ 3 : RequestLine.methodEnd(bytes, start, end)
        guard space < end, bytes[space] == 0x20 else {
            return space < end ? .method : .requestLine
        }
        guard space > start else { return .requestLine }
        guard space &- start <= RequestLine.methodLimit else { return .methodLength }
        methodRange = ByteRange(from: start, to: space)
        method = Method(HeadScan.exactWord(bytes, start, space &- start))
        // The version is the last eight octets, behind a space.
        let versionStart = end &- 8
        guard versionStart > space, bytes[versionStart &- 1] == 0x20 else {
            return RequestLine.versionRefusal(bytes, space, end)
        }
        switch HeadScan.word(bytes, versionStart) {
        case 0x312e_312f_5054_5448: isVersion10 = false  // HTTP/1.1
        case 0x302e_312f_5054_5448: isVersion10 = true  // HTTP/1.0
        default: return otherVersion(bytes, space, versionStart)
        }
        let range = ByteRange(from: space &+ 1, to: versionStart &- 1)
        guard !range.isEmpty else { return .requestLine }
        guard range.count <= limits.targetBytes else { return .targetLength }
        return target.judge(bytes, range, method)
    }

    @inline(__always)
    private static func methodEnd(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
        var index = start
        while index < end, FieldSyntax.isTokenByte(bytes[index]) { index &+= 1 }
        return index
    }

    // A line without a version is HTTP/0.9 or not HTTP at all.
    private static func versionRefusal(
        _ bytes: Span<UInt8>,
        _ space: Int,
        _ end: Int
    ) -> Refusal {
        let second = HeadScan.first(0x20, in: bytes, from: space &+ 1, to: end)
        return second < end ? .version : .requestLine
    }

    // RFC 9112 §2.3: `HTTP/` digit `.` digit is a version, if not one of ours.
    private func otherVersion(
        _ bytes: Span<UInt8>,
        _ space: Int,
        _ start: Int
    ) -> Refusal {
        guard HTTPVersion.isWellFormed(bytes, start) else {
            return .version
        }
        // RFC 9113 §3.4: the preface of HTTP/2 was made so that HTTP/1 servers refuse it.
        let isPreface =
            HeadScan.exactWord(bytes, Int(methodRange.start), Int(methodRange.count)) == 0x4952_50
            && bytes[space &+ 1] == 0x2a && start == space &+ 3 && bytes[start &+ 5] == 0x32
        return isPreface ? .http2Preface : .versionUnsupported
    }
}

/// The spelling of protocol versions (RFC 9112 §2.3).
enum HTTPVersion {
    /// True for `HTTP/` digit `.` digit at `start`.
    static func isWellFormed(_ bytes: Span<UInt8>, _ start: Int) -> Bool {
        guard let word = HeadScan.word(bytes, start) else { return false }
        return word & 0x00ff_00ff_ffff_ffff == 0x002e_002f_5054_5448
            && bytes[start &+ 5] &- 0x30 < 10 && bytes[start &+ 7] &- 0x30 < 10
    }
}

extension Method {
    /// The method with these octets, first octet lowest.
    @inline(__always)
    init(_ word: UInt64) {
        switch word {
        case 0x54_4547: self = .get
        case 0x4441_4548: self = .head
        case 0x5453_4f50: self = .post
        case 0x54_5550: self = .put
        case 0x4554_454c_4544: self = .delete
        case 0x54_4345_4e4e_4f43: self = .connect
        case 0x53_4e4f_4954_504f: self = .options
        case 0x45_4341_5254: self = .trace
        case 0x48_4354_4150: self = .patch
        case 0x59_5245_5551: self = .query
        default: self = .other
        }
    }
}
