// SPDX-License-Identifier: Apache-2.0

/// What becomes of a signed message; pure, the MAC is made by others.
///
/// The order is that of RFC 8945 §5.2: key, MAC, time, truncation. Whoever does not have the key
/// learns nothing of clock and policy.
public enum TSIGJudgement: Sendable, Equatable {
    /// The signature is good.
    case accepted
    /// The message breaks the format.
    case malformed
    /// It is not good, for this reason.
    case refused(TSIGError)

    /// Judges a signature with a key that is known.
    ///
    /// `expected` is the whole MAC that the key makes of the message, `least` the fewest octets of
    /// it that are accepted, `now` the time in seconds since 1970.
    public static func judge(
        _ record: TSIGRecord,
        _ algorithm: TSIGAlgorithm,
        expected: [UInt8],
        least: Int,
        now: UInt64
    ) -> TSIGJudgement {
        // §5.2.2.1: neither longer than the hash, nor shorter than half of it, nor than 10 octets.
        guard record.mac.count <= algorithm.length, record.mac.count >= algorithm.leastLength else {
            return .malformed
        }
        guard isSame(record.mac, expected) else { return .refused(.badSignature) }
        let apart = now > record.timeSigned ? now - record.timeSigned : record.timeSigned - now
        guard apart <= UInt64(record.fudge) else { return .refused(.badTime) }
        guard record.mac.count >= least else { return .refused(.badTruncation) }
        return .accepted
    }

    /// True when `mac` is the beginning of `expected`: in a time that does not depend on where they
    /// differ, or the MAC could be guessed octet by octet.
    static func isSame(_ mac: [UInt8], _ expected: [UInt8]) -> Bool {
        guard !mac.isEmpty, mac.count <= expected.count else { return false }
        var difference: UInt8 = 0
        for index in mac.indices { difference |= mac[index] ^ expected[index] }
        return difference == 0
    }
}
