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
    var data: [UInt8] = []
    private var nameBuffer: [UInt8] = []

    /// Reads all data fields.
    mutating func read(
        _ type: RecordType,
        _ entry: consuming ZoneDataFields
    ) throws(Failure) {
        data.removeAll(keepingCapacity: true)
        if entry.marksOpaque { return try readOpaque(type, entry) }
        guard let shape = RecordDataForm.fields(type) else {
            let message = "\(type) has no text form here: write its data as '\\# LENGTH HEX'"
            throw Failure(code: .badType, field: -1, message: message)
        }
        let limits = RecordDataForm.textFields(shape)
        guard limits.contains(entry.count) else { throw wrongCount(type, limits, entry.count) }
        for form in shape { try append(form, &entry) }
        guard data.count <= Int(UInt16.max) else {
            throw Failure(code: .badField, field: -1, message: "data is longer than 65,535 octets")
        }
    }

    private func wrongCount(
        _ type: RecordType,
        _ limits: ClosedRange<Int>,
        _ count: Int
    ) -> Failure {
        let least = limits.lowerBound
        let amount = least == 1 ? "one field" : "\(least) fields"
        let wanted =
            limits.upperBound == least
            ? amount
            : limits.upperBound == .max ? "at least \(amount)" : "\(amount) or one more"
        let message = "\(type) takes \(wanted) of data, here are \(count)"
        return Failure(code: .fieldCount, field: -1, message: message)
    }

    // Numbers, addresses and names, which nearly all records consist of; the others are elsewhere.
    private mutating func append(
        _ form: RecordDataForm.Field,
        _ entry: inout ZoneDataFields
    ) throws(Failure) {
        let text = entry.text
        switch form {
        case .address4:
            guard let bits = ZoneNumbers.address4(text) else { throw unfit(form, entry) }
            append(bits)
        case .address6:
            guard let bits = ZoneNumbers.address6(text) else { throw unfit(form, entry) }
            append(bits)
        case .octet:
            guard let value = ZoneNumbers.decimal(text, limit: 255) else {
                throw unfit(form, entry)
            }
            append(UInt8(truncatingIfNeeded: value))
        case .number16:
            guard let value = ZoneNumbers.decimal(text, limit: 65_535) else {
                throw unfit(form, entry)
            }
            append(UInt16(truncatingIfNeeded: value))
        case .number32:
            guard let value = ZoneNumbers.decimal(text, limit: UInt64(UInt32.max)) else {
                throw unfit(form, entry)
            }
            append(UInt32(truncatingIfNeeded: value))
        case .seconds:
            // 32 bits in an SOA (RFC 1035 §3.3.13); units end at 31, as in a TTL.
            let number = ZoneNumbers.decimal(text, limit: UInt64(UInt32.max))
            let value = number.map { UInt32(truncatingIfNeeded: $0) } ?? ZoneNumbers.seconds(text)
            guard let value else { throw unfit(form, entry) }
            append(value)
        case .name: try appendName(entry)
        case .strings:
            while entry.hasMore {
                try appendString(entry)
                entry.advance()
            }
            return
        case .parameters:
            try ServiceParameterReader.read(
                entry.bytes,
                entry.fields,
                from: entry.index,
                countedFrom: entry.first,
                into: &data
            )
            return entry.finish()
        default: return try appendOther(form, &entry)
        }
        entry.advance()
    }

    /// The next field is not what it should be.
    func unfit(_ form: RecordDataForm.Field, _ entry: borrowing ZoneDataFields) -> Failure {
        let message = "'\(entry.shown)' is not \(form.noun)"
        return Failure(code: .badField, field: entry.number, message: message)
    }

    mutating func append<Number: FixedWidthInteger>(_ value: Number) {
        var shift = Number.bitWidth - 8
        while shift >= 0 {
            data.append(UInt8(truncatingIfNeeded: value >> Number(shift)))
            shift -= 8
        }
    }

    mutating func appendName(_ entry: borrowing ZoneDataFields) throws(Failure) {
        let text = entry.text
        let origin = entry.origin
        if text.count == 1, text[0] == UInt8(ascii: "@") {
            for place in origin.indices { data.append(origin[place]) }
            return
        }
        nameBuffer.removeAll(keepingCapacity: true)
        let outcome = NameText.append(text, origin: origin, to: &nameBuffer)
        guard outcome == .complete else {
            throw Failure(code: .badName, field: entry.number, message: outcome.message)
        }
        data += nameBuffer
    }

    mutating func appendOctets(_ entry: borrowing ZoneDataFields) throws(Failure) {
        let text = entry.text
        var position = 0
        while position < text.count {
            guard let octet = TextEscape.next(text, &position) else {
                let message = "'\\' is followed by no character and no number up to 255"
                throw Failure(code: .badEscape, field: entry.number, message: message)
            }
            data.append(octet)
        }
    }

    mutating func appendString(_ entry: borrowing ZoneDataFields) throws(Failure) {
        let lengthPlace = data.count
        data.append(0)
        try appendOctets(entry)
        let length = data.count - lengthPlace - 1
        guard length <= 255 else {
            let message = "a string of \(length) octets; split it into strings of at most 255"
            throw Failure(code: .badField, field: entry.number, message: message)
        }
        data[lengthPlace] = UInt8(length)
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
