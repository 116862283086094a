// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// A record set as it stands at the end of a message.
public struct WrittenSet: BitwiseCopyable, Sendable, Equatable {
    /// The type of its records.
    public let type: RecordType
    /// The TTL of the first one.
    public let ttl: UInt32
    /// How many there are.
    public let count: UInt16
    /// A number that belongs to owner and type, and is the same everywhere.
    public let spread: UInt64
    /// Where in the message the owner stands that a record behind may point to.
    public let owner: Int

    /// Reads the set from `base` of a message to its end; nil for no set, or one of two types.
    public init?(_ message: Span<UInt8>, from base: Int) {
        guard let first = AdditionalRecord(message, at: base) else { return nil }
        type = first.type
        ttl = first.ttl
        var position = base
        var count: UInt16 = 0
        while position < message.count {
            guard let record = AdditionalRecord(message, at: position), record.type == first.type
            else { return nil }
            position = record.end
            count &+= 1
        }
        self.count = count
        let name = WireName.hash(expanding: message, at: base)
        spread = name.value &+ UInt64(first.type.rawValue)
        let head = Int(message[base])
        owner = head >= 0xc0 ? (head & 0x3f) << 8 | Int(message[base &+ 1]) : base
    }
}
