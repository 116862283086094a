// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Fields that are more than a number, an address or a name.
extension ZoneRecordReader {
    /// Reads one field of the table, however many fields of the text it takes.
    mutating func appendOther(
        _ form: RecordDataForm.Field,
        _ entry: inout ZoneDataFields
    ) throws(Failure) {
        let start = data.count
        let first = entry
        switch form {
        case .hex, .base64, .optionalBase64, .key, .delegationDigest, .hostKeyDigest, .zoneDigest:
            try appendCoded(form, entry)
            entry.finish()
        case .types, .optionalTypes:
            try appendTypes(&entry)
        case .ports: try appendPorts(&entry)
        case .prefixes:
            while entry.hasMore {
                guard let item = AddressPrefixes.wire(entry.text) else { throw unfit(form, entry) }
                data += item
                entry.advance()
            }
        case .location:
            guard let place = Location(entry.words) else {
                let message =
                    "these fields are no place, such as '52 22 23.000 N 4 53 32.000 E -2.00m'"
                throw Failure(code: .badField, field: entry.number, message: message)
            }
            data += place.wire
            entry.finish()
        case .hostIdentity: try appendHostIdentity(&entry)
        case .relay: try appendRelay(&entry)
        case .optionalString where !entry.hasMore: break
        default:
            try appendWord(form, entry)
            entry.advance()
        }
        // The same rules as for data from elsewhere: lengths that depend on other fields.
        guard RecordDataForm.end(of: form, in: data.span, at: start) == data.count else {
            throw unfit(form, first)
        }
    }

    // Fields of one word each.
    private mutating func appendWord(
        _ form: RecordDataForm.Field,
        _ entry: borrowing ZoneDataFields
    ) throws(Failure) {
        let text = entry.text
        var word: [UInt8]?
        switch form {
        case .string, .optionalString, .digits: return try appendString(entry)
        case .text, .someText: return try appendOctets(entry)
        case .tag: return try appendTag(entry)
        case .gateway: return try appendGateway(form, data[max(data.count - 2, 0)], entry)
        case .type: word = RecordType(entry.shown).map { octets($0.rawValue) }
        case .algorithm:
            word = RecordMnemonics.number(text, RecordMnemonics.algorithms).map { [$0] }
        case .scheme: word = RecordMnemonics.number(text, RecordMnemonics.schemes).map { [$0] }
        case .transport:
            word = RecordMnemonics.number(text, WellKnownServices.protocols).map { [$0] }
        case .certificate:
            word = RecordMnemonics.number(text, RecordMnemonics.certificates).map { octets($0) }
        case .time: word = TimeStamp.seconds(text).map { octets($0) }
        case .salt: word = ZoneNumbers.salt(text)
        case .nextHash: word = Base32.bytes(text).map { [UInt8(truncatingIfNeeded: $0.count)] + $0 }
        case .locator: word = ZoneNumbers.locator(text)
        case .eui48: word = ZoneNumbers.pairs(text, count: 6)
        case .eui64: word = ZoneNumbers.pairs(text, count: 8)
        case .nsap: word = ZoneNumbers.dotted(text)
        default: break
        }
        guard let word else { throw unfit(form, entry) }
        data += word
    }

    private mutating func appendTag(_ entry: borrowing ZoneDataFields) throws(Failure) {
        // RFC 8659 §4.1: letters and digits.
        let text = entry.text
        var isClean = text.count > 0 && text.count < 256
        for place in text.indices where !ASCII.isDigit(text[place]) {
            if !ASCII.isLetter(text[place]) { isClean = false }
        }
        guard isClean else {
            let message = "a CAA tag consists of letters and digits"
            throw Failure(code: .badField, field: entry.number, message: message)
        }
        data.append(UInt8(truncatingIfNeeded: text.count))
        for place in text.indices { data.append(text[place]) }
    }

    // Digits and letters, cut into fields at will.
    private mutating func appendCoded(
        _ form: RecordDataForm.Field,
        _ entry: borrowing ZoneDataFields
    ) throws(Failure) {
        let text = entry.joined
        let isBase64 = form == .base64 || form == .optionalBase64 || form == .key
        let bytes = isBase64 ? Base64.bytes(text.span, .standard) : ZoneNumbers.hex(text.span)
        guard let bytes else { throw unfit(form, entry) }
        data += bytes
    }

    private mutating func appendTypes(_ entry: inout ZoneDataFields) throws(Failure) {
        var types: [RecordType] = []
        while entry.hasMore {
            guard let type = RecordType(entry.shown) else { throw unfit(.type, entry) }
            types.append(type)
            entry.advance()
        }
        data += TypeBitmap.wire(types)
    }

    private mutating func appendPorts(_ entry: inout ZoneDataFields) throws(Failure) {
        var ports: [UInt16] = []
        while entry.hasMore {
            guard let port = RecordMnemonics.number(entry.text, WellKnownServices.services) else {
                throw unfit(.ports, entry)
            }
            ports.append(port)
            entry.advance()
        }
        data += WellKnownServices.bits(ports)
    }

    // RFC 4025 §3.1: a gateway of no kind is written as a dot.
    private mutating func appendGateway(
        _ form: RecordDataForm.Field,
        _ kind: UInt8,
        _ entry: borrowing ZoneDataFields
    ) throws(Failure) {
        let text = entry.text
        switch kind {
        case 0:
            guard text.count == 1, text[0] == UInt8(ascii: ".") else { throw unfit(form, entry) }
        case 1:
            guard let bits = ZoneNumbers.address4(text) else { throw unfit(.address4, entry) }
            append(bits)
        case 2:
            guard let bits = ZoneNumbers.address6(text) else { throw unfit(.address6, entry) }
            append(bits)
        case 3: try appendName(entry)
        default:
            let message = "a gateway of kind \(kind) has no text form: kinds are 0 to 3"
            throw Failure(code: .badField, field: entry.number - 1, message: message)
        }
    }

    // RFC 8777 §4.3: precedence, D bit, kind, relay.
    private mutating func appendRelay(_ entry: inout ZoneDataFields) throws(Failure) {
        guard let bit = ZoneNumbers.decimal(entry.text, limit: 1) else {
            throw unfit(.relay, entry)
        }
        entry.advance()
        guard let kind = ZoneNumbers.decimal(entry.text, limit: 3) else {
            throw unfit(.gateway, entry)
        }
        entry.advance()
        data.append(UInt8(truncatingIfNeeded: bit << 7 | kind))
        try appendGateway(.relay, UInt8(truncatingIfNeeded: kind), entry)
        entry.advance()
    }

    // RFC 8005 §6: the lengths are those of what is written.
    private mutating func appendHostIdentity(_ entry: inout ZoneDataFields) throws(Failure) {
        guard let algorithm = ZoneNumbers.decimal(entry.text, limit: 255) else {
            throw unfit(.octet, entry)
        }
        entry.advance()
        guard let tag = ZoneNumbers.hex(entry.text), 1...255 ~= tag.count else {
            throw unfit(.hex, entry)
        }
        entry.advance()
        guard let key = Base64.bytes(entry.text, .standard), 1...65_535 ~= key.count else {
            throw unfit(.base64, entry)
        }
        entry.advance()
        data += [UInt8(tag.count), UInt8(truncatingIfNeeded: algorithm)]
        data += octets(UInt16(key.count)) + tag + key
        while entry.hasMore {
            try appendName(entry)
            entry.advance()
        }
    }
}
