// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The data of an RRSIG record up to the name of the signer (RFC 4034 §3.1).
public struct SignatureHead: BitwiseCopyable, Sendable, Equatable {
    /// The type of the set that is signed.
    public var covered: RecordType
    /// The number of the algorithm.
    public var algorithm: UInt8
    /// Labels of the owner, without the root and without a leading `*` (§3.1.3).
    public var labels: UInt8
    /// The TTL of the set as its zone has it, in seconds.
    public var originalTTL: UInt32
    /// The last second in which the signature holds, since 1970 modulo 2^32.
    public var expiration: UInt32
    /// The first one.
    public var inception: UInt32
    /// The tag of the key.
    public var keyTag: UInt16

    /// Octets of the head.
    public static var length: Int { 18 }

    /// Puts the parts together; ``labels`` is set by the set that is signed.
    public init(
        covered: RecordType,
        algorithm: UInt8,
        labels: UInt8 = 0,
        originalTTL: UInt32,
        expiration: UInt32,
        inception: UInt32,
        keyTag: UInt16
    ) {
        self.covered = covered
        self.algorithm = algorithm
        self.labels = labels
        self.originalTTL = originalTTL
        self.expiration = expiration
        self.inception = inception
        self.keyTag = keyTag
    }

    /// Appends the head; false, with nothing written, without room.
    @discardableResult @_lifetime(output: copy output)
    public func write(into output: inout OutputSpan<UInt8>) -> Bool {
        guard output.freeCapacity >= SignatureHead.length else { return false }
        let first = UInt64(covered.rawValue) << 48 | UInt64(algorithm) << 40 | UInt64(labels) << 32
        output.write(uint64: first | UInt64(originalTTL))
        output.write(uint64: UInt64(expiration) << 32 | UInt64(inception))
        output.write(uint16: keyTag)
        return true
    }
}
