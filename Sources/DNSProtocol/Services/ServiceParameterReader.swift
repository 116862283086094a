// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Reads the parameters of a service record from the fields of a zone file (RFC 9460 §2.1, §A).
///
/// Values are escaped twice where they are lists: the character string first, with `\X` and `\DDD`,
/// then commas and backslashes inside an item. `"f\\,o"` is the character string `f\,o`, which is
/// the one item `f,o`.
struct ServiceParameterReader {
    private struct Found {
        let key: ServiceKey
        let value: [UInt8]
        /// Counted from the first data field, for findings.
        let field: Int
    }

    private let first: Int
    private var found: [Found] = []

    /// Appends the wire form of the fields from `first` on; findings name fields counted from
    /// `origin`, the first field of data.
    static func read(
        _ bytes: Span<UInt8>,
        _ fields: Span<ZoneField>,
        from first: Int,
        countedFrom origin: Int = 0,
        into data: inout [UInt8]
    ) throws(ZoneRecordReader.Failure) {
        var reader = ServiceParameterReader(first: origin)
        var index = first
        while index < fields.count {
            try reader.readParameter(bytes, fields, &index)
        }
        try reader.checkConsistency()
        for parameter in reader.found.sorted(by: { $0.key < $1.key }) {
            data += octets(parameter.key.rawValue)
            data += octets(UInt16(truncatingIfNeeded: parameter.value.count))
            data += parameter.value
        }
    }

    private init(first: Int) { self.first = first }

    private func failure(
        _ field: Int,
        _ message: String,
        _ code: ZoneCode = .badField
    ) -> ZoneRecordReader.Failure {
        ZoneRecordReader.Failure(code: code, field: field, message: message)
    }

    // `key`, `key=value` or `key="value"`: the lexer cuts the last in two at its quote.
    private mutating func readParameter(
        _ bytes: Span<UInt8>,
        _ fields: Span<ZoneField>,
        _ index: inout Int
    ) throws(ZoneRecordReader.Failure) {
        let field = fields[index]
        let number = index - first
        guard !field.isQuoted else {
            throw failure(number, "only the value of a parameter stands in quotes, not its key")
        }
        let span = bytes.extracting(field.start..<field.end)
        var keyEnd = 0
        while keyEnd < span.count, span[keyEnd] != UInt8(ascii: "=") { keyEnd += 1 }
        let hasSign = keyEnd < span.count
        var value = hasSign ? field.start + keyEnd + 1..<field.end : field.end..<field.end
        var end = field.end
        index += 1
        if index < fields.count, fields[index].isQuoted, fields[index].whole.lowerBound == end {
            guard hasSign, value.isEmpty else {
                throw failure(number, "a value is quoted as a whole, as in alpn=\"h2,h3\"")
            }
            value = fields[index].start..<fields[index].end
            end = fields[index].whole.upperBound
            index += 1
        }
        if index < fields.count, fields[index].whole.lowerBound == end {
            throw failure(number, "a blank is missing behind the value")
        }
        let name = span.extracting(0..<keyEnd)
        guard let key = ServiceKey(name) else {
            throw failure(number, ServiceParameterReader.unknown(name))
        }
        guard !found.contains(where: { $0.key == key }) else {
            throw failure(number, "\(key) stands twice")
        }
        let text = bytes.extracting(value)
        // RFC 9460 §2.1: a key by its number has its value as it goes over the wire.
        let isByNumber = shown(name).hasPrefix("key")
        let data = isByNumber ? try string(text, number) : try wire(key, text, number)
        if let fault = key.fault(of: data.span) { throw failure(number, "\(key): \(fault)") }
        guard data.count <= Int(UInt16.max) else { throw failure(number, "\(key) is too long") }
        found.append(Found(key: key, value: data, field: number))
    }

    private static func unknown(_ name: Span<UInt8>) -> String {
        let shown = String(decoding: Array(copying: name.extracting(first: 64)), as: UTF8.self)
        let lower = shown.lowercased()
        if lower != shown, ServiceKey(Array(lower.utf8).span) != nil {
            return "keys are written in small letters: '\(lower)'"
        }
        return "'\(shown)' is no parameter; one without a name is written keyNUMBER"
    }

    private func checkConsistency() throws(ZoneRecordReader.Failure) {
        for parameter in found {
            if parameter.key == .noDefaultALPN, !found.contains(where: { $0.key == .alpn }) {
                throw failure(parameter.field, "no-default-alpn needs alpn")
            }
            guard parameter.key == .mandatory else { continue }
            let value = parameter.value.span
            for place in stride(from: 0, to: value.count, by: 2) {
                let key = ServiceKey(UInt16(truncatingIfNeeded: DNSQuery.word(value, place)))
                guard !found.contains(where: { $0.key == key }) else { continue }
                throw failure(parameter.field, "\(key) is mandatory and not there")
            }
        }
    }

    // MARK: Values

    private func wire(
        _ key: ServiceKey,
        _ text: Span<UInt8>,
        _ field: Int
    ) throws(ZoneRecordReader.Failure) -> [UInt8] {
        switch key {
        case .mandatory: return try keys(text, field)
        case .alpn: return try protocols(text, field)
        case .port:
            if text.isEmpty { throw failure(field, "port needs a value") }
            guard let number = ZoneNumbers.decimal(text, limit: 65_535) else {
                throw failure(field, "'\(shown(text))' is not a port up to 65535")
            }
            return octets(UInt16(truncatingIfNeeded: number))
        case .ipv4hint: return try addresses(key, text, field)
        case .ipv6hint: return try addresses(key, text, field)
        case .ech:
            guard let bytes = Base64.bytes(text, .standard) else {
                throw failure(field, "ech: its value is not base64")
            }
            return bytes
        default: return try string(text, field)
        }
    }

    private func shown(_ text: Span<UInt8>) -> String {
        String(decoding: Array(copying: text.extracting(first: 80)), as: UTF8.self)
    }

    // A character string (RFC 1035 §5.1), however long.
    private func string(
        _ text: Span<UInt8>,
        _ field: Int
    ) throws(ZoneRecordReader.Failure) -> [UInt8] {
        var octets: [UInt8] = []
        var position = 0
        while position < text.count {
            guard let octet = TextEscape.next(text, &position) else {
                let message = "'\\' is followed by no character and no number up to 255"
                throw failure(field, message, .badEscape)
            }
            octets.append(octet)
        }
        return octets
    }

    // RFC 9460 §A.1, the list whose items hold no comma; §7.3 and §8 want none of it escaped.
    private func items(
        _ key: ServiceKey,
        _ text: Span<UInt8>,
        _ field: Int
    ) throws(ZoneRecordReader.Failure) -> [[UInt8]] {
        guard !text.isEmpty else { throw failure(field, "\(key) needs a value") }
        let octets = Array(copying: text)
        guard !octets.contains(UInt8(ascii: "\\")) else {
            throw failure(field, "\(key): its value is written without '\\'", .badEscape)
        }
        let items = octets.split(
            separator: UInt8(ascii: ","),
            omittingEmptySubsequences: false
        )
        if items.contains(where: \.isEmpty) { throw failure(field, "\(key): an item is empty") }
        return items.map(Array.init)
    }

    private func keys(
        _ text: Span<UInt8>,
        _ field: Int
    ) throws(ZoneRecordReader.Failure) -> [UInt8] {
        var keys: [ServiceKey] = []
        for item in try items(.mandatory, text, field) {
            guard let key = ServiceKey(item.span) else {
                throw failure(field, "mandatory: " + ServiceParameterReader.unknown(item.span))
            }
            guard !keys.contains(key) else {
                throw failure(field, "mandatory: \(key) stands twice")
            }
            keys.append(key)
        }
        return keys.sorted().flatMap { octets($0.rawValue) }
    }

    private func addresses(
        _ key: ServiceKey,
        _ text: Span<UInt8>,
        _ field: Int
    ) throws(ZoneRecordReader.Failure) -> [UInt8] {
        var wire: [UInt8] = []
        for item in try items(key, text, field) {
            if key == .ipv4hint, let bits = ZoneNumbers.address4(item.span) {
                wire += octets(bits)
            } else if key == .ipv6hint, let bits = ZoneNumbers.address6(item.span) {
                wire += octets(bits)
            } else {
                let wanted = key == .ipv4hint ? "an IPv4 address" : "an IPv6 address"
                throw failure(field, "\(key): '\(shown(item.span))' is not \(wanted)")
            }
        }
        return wire
    }

    private func protocols(
        _ text: Span<UInt8>,
        _ field: Int
    ) throws(ZoneRecordReader.Failure) -> [UInt8] {
        guard !text.isEmpty else { throw failure(field, "alpn needs a value") }
        var wire: [UInt8] = []
        var item: [UInt8] = []
        func end() throws(ZoneRecordReader.Failure) {
            guard !item.isEmpty else { throw failure(field, "alpn: an item is empty") }
            guard item.count <= 255 else {
                throw failure(field, "alpn: an item has more than 255 octets")
            }
            wire.append(UInt8(item.count))
            wire += item
            item.removeAll(keepingCapacity: true)
        }
        let list = try string(text, field)
        var position = 0
        while position < list.count {
            let octet = list[position]
            position += 1
            if octet == UInt8(ascii: ",") {
                try end()
                continue
            }
            guard octet == UInt8(ascii: "\\") else {
                item.append(octet)
                continue
            }
            // RFC 9460 §A.1: inside a list a backslash stands before a comma or another one.
            guard position < list.count,
                list[position] == UInt8(ascii: ",") || list[position] == UInt8(ascii: "\\")
            else {
                throw failure(
                    field,
                    "alpn: inside a list '\\' stands before ',' or '\\' only",
                    .badEscape
                )
            }
            item.append(list[position])
            position += 1
        }
        try end()
        return wire
    }
}
