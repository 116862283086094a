// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol

/// A zone as one file: a head, then all records as uncompressed wire form, the SOA first.
///
///     "martlet zone 1\n" | records (32 bits) | octets of them (64 bits) | records
///
/// A file that is cut short, or longer than it says, is none.
public enum ZoneImage {
    private static let mark = Array("martlet zone 1\n".utf8)

    /// The file of some records.
    public static func bytes(of records: [DNSMessage.Record]) -> [UInt8] {
        var wire: [UInt8] = []
        for record in records { record.append(to: &wire) }
        func number(_ value: Int, _ octets: Int) -> [UInt8] {
            stride(from: (octets - 1) * 8, through: 0, by: -8).map {
                UInt8(truncatingIfNeeded: value >> $0)
            }
        }
        return mark + number(records.count, 4) + number(wire.count, 8) + wire
    }

    /// The records of a file; nil when it is none.
    public static func records(in bytes: [UInt8]) -> [DNSMessage.Record]? {
        let head = mark.count + 12
        guard bytes.count > head, bytes.starts(with: mark) else { return nil }
        func number(_ range: Range<Int>) -> UInt64 {
            bytes[range].reduce(0) { $0 << 8 | UInt64($1) }
        }
        let count = number(mark.count..<mark.count + 4)
        guard number(mark.count + 4..<head) == UInt64(bytes.count - head) else { return nil }
        var found: [DNSMessage.Record] = []
        var position = head
        while position < bytes.count {
            guard let record = DNSMessage.Record(uncompressed: bytes.span, at: &position) else {
                return nil
            }
            found.append(record)
        }
        return UInt64(found.count) == count && found.first?.type == .SOA ? found : nil
    }
}
