// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Reads the data fields of one record into wire form.
struct ZoneRecordReader {
    struct Failure: Error {
        let code: ZoneCode
        /// The field at fault, counted from the first data field; -1 for the record as a whole.
        let field: Int
        let message: String
    }

    /// The data read so far.
    private(set) var data: [UInt8] = []
    private var nameBuffer: [UInt8] = []

    /// Reads all data fields: those of the entry from `first` on.
    mutating func read(
        _ type: RecordType,
        _ bytes: Span<UInt8>,
        _ fields: [ZoneField],
        from first: Int,
        origin: Span<UInt8>
    ) throws(Failure) {
        data.removeAll(keepingCapacity: true)
        let count = fields.count - first
        if count > 0, ZoneRecordReader.marksOpaque(bytes, fields[first]) {
            return try readOpaque(type, bytes, fields, from: first)
        }
        guard type != .HINFO, let shape = RecordDataForm.fields(type) else {
            let message = "\(type) has no text form here: write its data as '\\# LENGTH HEX'"
            throw Failure(code: .badType, field: -1, message: message)
        }
        if type == .TXT {
            guard count > 0 else { throw wrongCount(type, "at least one field", count) }
            for index in first..<fields.count {
                try appendString(bytes, fields[index], index - first)
            }
        } else if type.isService {
            guard count >= 2 else {
                throw wrongCount(type, "a priority, a target and perhaps parameters", count)
            }
            try append(.number16, bytes, fields[first], 0, origin)
            try append(.name, bytes, fields[first + 1], 1, origin)
            try ServiceParameterReader.read(
                bytes,
                fields,
                from: first + 2,
                countedFrom: first,
                into: &data
            )
        } else {
            guard count == shape.count else {
                let wanted = shape.count == 1 ? "one field" : "\(shape.count) fields"
                throw wrongCount(type, wanted, count)
            }
            for index in 0..<count {
                try append(shape[index], bytes, fields[first + index], index, origin)
            }
        }
        guard data.count <= Int(UInt16.max) else {
            throw Failure(code: .badField, field: -1, message: "data is longer than 65,535 octets")
        }
    }

    private static func marksOpaque(_ bytes: Span<UInt8>, _ field: ZoneField) -> Bool {
        !field.isQuoted && field.end - field.start == 2
            && bytes[field.start] == UInt8(ascii: "\\")
            && bytes[field.start + 1] == UInt8(ascii: "#")
    }

    private func text(_ bytes: Span<UInt8>, _ field: ZoneField) -> String {
        let length = min(field.end - field.start, 80)
        let span = bytes.extracting(field.start..<field.start + length)
        return String(decoding: Array(copying: span), as: UTF8.self)
    }

    private func wrongCount(_ type: RecordType, _ wanted: String, _ count: Int) -> Failure {
        let message = "\(type) takes \(wanted) of data, here are \(max(count, 0))"
        return Failure(code: .fieldCount, field: -1, message: message)
    }

    private mutating func append(
        _ shape: RecordDataForm.Field,
        _ bytes: Span<UInt8>,
        _ field: ZoneField,
        _ index: Int,
        _ origin: Span<UInt8>
    ) throws(Failure) {
        let span = bytes.extracting(field.start..<field.end)
        var wanted = ""
        switch shape {
        case .address4:
            if let bits = ZoneNumbers.address4(span) { return append(bits) }
            wanted = "an IPv4 address"
        case .address6:
            if let bits = ZoneNumbers.address6(span) { return append(bits) }
            wanted = "an IPv6 address"
        case .octet:
            let value = ZoneNumbers.decimal(span, limit: 255)
            if let value { return append(UInt8(truncatingIfNeeded: value)) }
            wanted = "a number up to 255"
        case .number16:
            let value = ZoneNumbers.decimal(span, limit: 65_535)
            if let value { return append(UInt16(truncatingIfNeeded: value)) }
            wanted = "a number up to 65535"
        case .number32:
            let value = ZoneNumbers.decimal(span, limit: UInt64(UInt32.max))
            if let value { return append(UInt32(truncatingIfNeeded: value)) }
            wanted = "a number up to 4294967295"
        case .seconds:
            if let value = ZoneNumbers.seconds(span) { return append(value) }
            wanted = "a time"
        case .name: return try appendName(span, index, origin)
        case .tag: return try appendTag(span, index)
        case .strings, .rest, .parameters: return try appendOctets(span, index)
        }
        let message = "'\(text(bytes, field))' is not \(wanted)"
        throw Failure(code: .badField, field: index, message: message)
    }

    private mutating func append<Number: FixedWidthInteger>(_ value: Number) {
        var shift = Number.bitWidth - 8
        while shift >= 0 {
            data.append(UInt8(truncatingIfNeeded: value >> Number(shift)))
            shift -= 8
        }
    }

    private mutating func appendName(
        _ span: Span<UInt8>,
        _ index: Int,
        _ origin: Span<UInt8>
    ) throws(Failure) {
        if span.count == 1, span[0] == UInt8(ascii: "@") {
            for place in origin.indices { data.append(origin[place]) }
            return
        }
        nameBuffer.removeAll(keepingCapacity: true)
        let outcome = NameText.append(span, origin: origin, to: &nameBuffer)
        guard outcome == .complete else {
            throw Failure(code: .badName, field: index, message: outcome.message)
        }
        data += nameBuffer
    }

    private mutating func appendTag(_ span: Span<UInt8>, _ index: Int) throws(Failure) {
        // RFC 8659 §4.1: letters and digits.
        var isClean = span.count > 0 && span.count < 256
        for place in span.indices where !ASCII.isDigit(span[place]) {
            if !ASCII.isLetter(span[place]) { isClean = false }
        }
        guard isClean else {
            let message = "a CAA tag consists of letters and digits"
            throw Failure(code: .badField, field: index, message: message)
        }
        data.append(UInt8(truncatingIfNeeded: span.count))
        for place in span.indices { data.append(span[place]) }
    }

    private mutating func appendOctets(_ span: Span<UInt8>, _ index: Int) throws(Failure) {
        var position = 0
        while position < span.count {
            guard let octet = TextEscape.next(span, &position) else {
                let message = "'\\' is followed by no character and no number up to 255"
                throw Failure(code: .badEscape, field: index, message: message)
            }
            data.append(octet)
        }
    }

    private mutating func appendString(
        _ bytes: Span<UInt8>,
        _ field: ZoneField,
        _ index: Int
    ) throws(Failure) {
        let lengthPlace = data.count
        data.append(0)
        try appendOctets(bytes.extracting(field.start..<field.end), index)
        let length = data.count - lengthPlace - 1
        guard length <= 255 else {
            let message = "a string of \(length) octets; split it into strings of at most 255"
            throw Failure(code: .badField, field: index, message: message)
        }
        data[lengthPlace] = UInt8(length)
    }

    // RFC 3597 §5: `\# LENGTH HEX...`, the digits cut into fields at will.
    private mutating func readOpaque(
        _ type: RecordType,
        _ bytes: Span<UInt8>,
        _ fields: [ZoneField],
        from first: Int
    ) throws(Failure) {
        func bad(_ index: Int, _ message: String) -> Failure {
            Failure(code: .badOpaqueData, field: index, message: message)
        }
        guard first + 1 < fields.count else { throw bad(-1, "'\\#' without a length") }
        let lengthField = fields[first + 1]
        let lengthText = bytes.extracting(lengthField.start..<lengthField.end)
        guard let length = ZoneNumbers.decimal(lengthText, limit: 65_535) else {
            throw bad(1, "'\(text(bytes, lengthField))' is not a length up to 65535")
        }
        var high: UInt8?
        for index in first + 2..<fields.count {
            for place in fields[index].start..<fields[index].end {
                guard let digit = ASCII.hexDigit(bytes[place]) else {
                    throw bad(index - first, "'\(text(bytes, fields[index]))' is not hexadecimal")
                }
                if let upper = high {
                    data.append(upper << 4 | digit)
                    high = nil
                } else {
                    high = digit
                }
            }
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

extension NameText.Outcome {
    /// What to tell the person who wrote the name.
    var message: String {
        switch self {
        case .complete: "a name"
        case .empty: "an empty name"
        case .emptyLabel: "a name with an empty label"
        case .labelTooLong: "a name with a label of more than 63 octets"
        case .nameTooLong: "a name of more than 255 octets"
        case .badEscape: "a name in which '\\' is followed by no character and no number up to 255"
        }
    }
}
