// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The generic form of data, for types known and unknown (RFC 3597 §5).
extension ZoneRecordReader {
    /// Reads `\# LENGTH HEX...`, the digits cut into fields at will.
    mutating func readOpaque(
        _ type: RecordType,
        _ entry: consuming ZoneDataFields
    ) throws(Failure) {
        func bad(_ index: Int, _ message: String) -> Failure {
            Failure(code: .badOpaqueData, field: index, message: message)
        }
        entry.advance()
        guard entry.hasMore else { throw bad(-1, "'\\#' without a length") }
        guard let length = ZoneNumbers.decimal(entry.text, limit: 65_535) else {
            throw bad(1, "'\(entry.shown)' is not a length up to 65535")
        }
        entry.advance()
        var high: UInt8?
        while entry.hasMore {
            let text = entry.text
            for place in text.indices {
                guard let digit = ASCII.hexDigit(text[place]) else {
                    throw bad(entry.number, "'\(entry.shown)' is not hexadecimal")
                }
                if let upper = high {
                    data.append(upper << 4 | digit)
                    high = nil
                } else {
                    high = digit
                }
            }
            entry.advance()
        }
        guard high == nil, data.count == Int(length) else {
            throw bad(-1, "length \(length) is stated, \(data.count) octets are given")
        }
        guard RecordDataForm.isWellFormed(type, data.span) else {
            let reason = ZoneRecordReader.serviceFault(type, data.span).map { ": \($0)" } ?? ""
            throw bad(-1, "the octets are not data of type \(type)\(reason)")
        }
    }

    private static func serviceFault(_ type: RecordType, _ data: Span<UInt8>) -> String? {
        guard type.isService, let length = WireName.length(in: data, at: 2) else { return nil }
        return ServiceParameters.fault(in: data, from: 2 + length)
    }
}
