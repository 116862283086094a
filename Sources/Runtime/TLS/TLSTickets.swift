// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// The keys of session tickets, shared by all listeners and workers of a process.
///
/// The newest one issues; tickets of the older ones are still taken, and replaced. Rotating is
/// for one thread; connections see the new keys at once. Made once and never freed, because
/// connections may look at it until the process ends.
@safe public final class TLSTickets: Sendable {
    nonisolated(unsafe) let raw: UnsafeMutablePointer<mt_tickets>
    nonisolated(unsafe) private var keys = mt_ticket_set()

    /// Bytes of one key, as in a file of keys: a name, a cipher key, a digest key.
    public static let keyBytes = 80
    /// Keys of a file: the issuing one, and those whose tickets are still taken.
    public static let keyLimit = Int(MT_TICKET_KEYS)

    /// With one fresh key; nil without memory or randomness.
    public init?() {
        guard let raw = unsafe mt_tickets_new() else { return nil }
        unsafe self.raw = raw
        guard rotate() else { return nil }
    }

    /// With the keys of a file; nil when they cannot be used, or without memory.
    public init?(keys: [UInt8]) {
        guard let raw = unsafe mt_tickets_new() else { return nil }
        unsafe self.raw = raw
        guard adopt(keys) else { return nil }
    }

    /// Puts a fresh key before those that are known; the oldest is forgotten.
    @discardableResult
    public func rotate() -> Bool {
        var fresh = mt_ticket_key()
        let isRandom = unsafe withUnsafeMutableBytes(of: &fresh) { bytes in
            unsafe RAND_priv_bytes(bytes.baseAddress, Int32(bytes.count)) == 1
        }
        guard isRandom else { return false }
        unsafe keys.keys.3 = keys.keys.2
        unsafe keys.keys.2 = keys.keys.1
        unsafe keys.keys.1 = keys.keys.0
        unsafe keys.keys.0 = fresh
        unsafe keys.count = min(keys.count + 1, MT_TICKET_KEYS)
        return unsafe mt_tickets_exchange(raw, &keys) == 1
    }

    /// What is wrong with the bytes of a file of keys; nil when nothing is.
    public static func fault(in bytes: [UInt8]) -> String? {
        let count = bytes.count / keyBytes
        guard count > 0, bytes.count % keyBytes == 0 else {
            return "holds \(bytes.count) bytes: a key has \(keyBytes), and none may be cut short"
        }
        guard count <= keyLimit else { return "holds \(count) keys, at most \(keyLimit) are taken" }
        let keys = (0..<count).map { bytes[($0 * keyBytes)..<(($0 + 1) * keyBytes)] }
        // A file of zeroes, or of one character, has the right length and no secret.
        guard keys.allSatisfy({ Set($0).count > 8 }) else { return "holds a key that is no secret" }
        guard Set(keys.map { Array($0.prefix(16)) }).count == count else {
            return "holds two keys of one name"
        }
        return nil
    }

    /// Takes the keys of a file that several nodes share: whole keys, the issuing one first.
    ///
    /// False, with nothing changed, when ``fault(in:)`` finds something, or without memory.
    @discardableResult
    public func adopt(_ bytes: [UInt8]) -> Bool {
        guard TLSTickets.fault(in: bytes) == nil else { return false }
        var set = mt_ticket_set()
        set.count = Int32(bytes.count / TLSTickets.keyBytes)
        unsafe withUnsafeMutableBytes(of: &set.keys) { target in
            unsafe target.copyBytes(from: bytes.prefix(target.count))
        }
        unsafe keys = set
        return unsafe mt_tickets_exchange(raw, &set) == 1
    }
}
