// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Record data in canonical form: two records are the same when theirs is (RFC 4034 §6.2, §6.3).
public enum CanonicalData {
    /// The data with their names in lower case, where the type is one whose names fold.
    public static func bytes(_ type: RecordType, _ data: Span<UInt8>) -> [UInt8] {
        var bytes = Array(copying: data)
        guard foldsNames(type), let fields = RecordDataForm.fields(type) else { return bytes }
        var position = 0
        for field in fields {
            guard let end = RecordDataForm.end(of: field, in: data, at: position) else { break }
            if field == .name {
                // Lengths of labels are below the letters.
                for place in position..<end { bytes[place] = ASCII.lowercased(bytes[place]) }
            }
            position = end
        }
        return bytes
    }

    /// The list of RFC 4034 §6.2 without NSEC, which RFC 6840 §5.1 took out; names in all other
    /// types keep their case.
    static func foldsNames(_ type: RecordType) -> Bool {
        switch type {
        case .NS, .MD, .MF, .CNAME, .SOA, .MB, .MG, .MR, .PTR, .MINFO, .MX, .RP, .AFSDB, .RT, .SIG,
            .PX, .NAPTR, .KX, .SRV, .DNAME, .RRSIG, .ALIAS:
            true
        default: false
        }
    }
}
