// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Data of records in a message, in canonical form, without memory of its own.
extension CanonicalData {
    // What stands before the names of a type whose names fold; nil for types that are copied as
    // they are. The same list as `foldsNames`, in a form that needs no array.
    private static func names(of type: RecordType) -> (before: Int, count: Int)? {
        guard foldsNames(type) else { return nil }
        switch type {
        case .SOA, .MINFO, .RP: return (0, 2)
        case .MX, .AFSDB, .RT, .KX: return (2, 1)
        case .PX: return (2, 2)
        case .SRV: return (6, 1)
        case .NAPTR: return (4, 1)
        case .RRSIG, .SIG: return (18, 1)
        default: return (0, 1)
        }
    }

    /// Appends the data at `range` of a message: names uncompressed, and in lower case where the
    /// type says so (RFC 4034 §6.2); false when they are malformed, or find no room.
    @_lifetime(output: copy output)
    public static func write(
        _ type: RecordType,
        _ message: Span<UInt8>,
        _ range: Range<Int>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard range.lowerBound >= 0, range.upperBound <= message.count else { return false }
        guard let names = names(of: type) else { return output.write(message.extracting(range)) }
        var head = range.lowerBound &+ names.before
        if type == .NAPTR {
            // Flags, services and an expression before the name (RFC 3403 §4.1).
            for _ in 0..<3 {
                guard head < range.upperBound else { return false }
                head &+= Int(message[head]) &+ 1
            }
        }
        guard head <= range.upperBound,
            output.write(message.extracting(range.lowerBound..<head))
        else { return false }
        var position = head
        for _ in 0..<names.count {
            guard position < range.upperBound,
                let found = WireName.expand(message, at: position, into: &output),
                found.end <= range.upperBound
            else { return false }
            position = found.end
        }
        return output.write(message.extracting(position..<range.upperBound))
    }
}
