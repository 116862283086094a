// SPDX-License-Identifier: Apache-2.0

/// The parameters of a service record, SVCB or HTTPS (RFC 9460 §2).
///
/// Well formed always: keys in strictly ascending order, each value of the shape that its key wants,
/// and every mandatory key there.
public struct ServiceParameters: Sendable, Equatable {
    /// Why a text holds no parameters.
    public struct Fault: Error, Sendable, Equatable {
        /// What is wrong, for a person; without a full stop.
        public let message: String
    }

    /// Key, length and value, one parameter behind the other.
    public let wire: [UInt8]

    /// No parameters: all that an alias has.
    public static let none = ServiceParameters(unchecked: [])

    init(unchecked wire: [UInt8]) { self.wire = wire }

    /// The parameters whose wire form is exactly these bytes; nil when they are malformed.
    public init?(wire: [UInt8]) {
        guard ServiceParameters.fault(in: wire.span, from: 0) == nil else { return nil }
        self.wire = wire
    }

    /// Reads the text that stands behind the target in zone files: `alpn=h2,h3 port=8443`.
    public init(_ text: String) throws(Fault) {
        let bytes = Array(text.utf8)
        var lexer = ZoneLexer(bytes)
        let hasFields = lexer.nextEntry()
        if let problem = lexer.problem { throw Fault(message: problem.message) }
        let fields = hasFields ? lexer.fields : []
        if let octet = ServiceParameters.stray(bytes, fields) {
            guard octet >= 0x20 else { throw Fault(message: "the text has more than one line") }
            let sign = String(decoding: [octet], as: UTF8.self)
            throw Fault(message: "'\(sign)' must stand in quotes or behind a '\\'")
        }
        var data: [UInt8] = []
        do throws(ZoneRecordReader.Failure) {
            try ServiceParameterReader.read(bytes.span, fields.span, from: 0, into: &data)
        } catch {
            throw Fault(message: error.message)
        }
        wire = data
    }

    // What a zone file takes for a comment or a bracket would be lost here without a word.
    private static func stray(_ bytes: [UInt8], _ fields: [ZoneField]) -> UInt8? {
        var position = 0
        for index in 0...fields.count {
            let isLast = index == fields.count
            let end = isLast ? bytes.count : fields[index].whole.lowerBound
            while position < end {
                guard bytes[position] == 0x20 || bytes[position] == 0x09 else {
                    return bytes[position]
                }
                position += 1
            }
            if !isLast { position = fields[index].whole.upperBound }
        }
        return nil
    }

    /// One parameter inside the data of a record.
    struct Parameter {
        var key: ServiceKey
        var value: Range<Int>
    }

    /// The parameter at `position`, which is moved behind it; nil at the end, and for one cut off.
    static func next(in data: Span<UInt8>, at position: inout Int) -> Parameter? {
        guard position >= 0, data.count - position >= 4 else { return nil }
        let key = ServiceKey(UInt16(truncatingIfNeeded: DNSQuery.word(data, position)))
        let start = position + 4
        let length = DNSQuery.word(data, position + 2)
        guard data.count - start >= length else { return nil }
        position = start + length
        return Parameter(key: key, value: start..<start + length)
    }

    /// What is wrong with the parameters from `start` to the end of the data; nil when nothing is.
    static func fault(in data: Span<UInt8>, from start: Int) -> String? {
        var position = start
        var previous: ServiceKey?
        while let parameter = next(in: data, at: &position) {
            let key = parameter.key
            if let previous, key <= previous {
                return key == previous
                    ? "\(key) stands twice" : "the parameters are not in the order of their keys"
            }
            if let fault = key.fault(of: data.extracting(parameter.value)) {
                return "\(key): \(fault)"
            }
            previous = key
        }
        guard position == data.count else { return "a parameter is cut off" }
        return consistencyFault(in: data, from: start)
    }

    // RFC 9460 §8, §7.1.1: what one parameter says about the others.
    private static func consistencyFault(in data: Span<UInt8>, from start: Int) -> String? {
        var position = start
        while let parameter = next(in: data, at: &position) {
            switch parameter.key {
            case .mandatory:
                for place in stride(
                    from: parameter.value.lowerBound,
                    to: parameter.value.upperBound,
                    by: 2
                ) {
                    let key = ServiceKey(UInt16(truncatingIfNeeded: DNSQuery.word(data, place)))
                    guard holds(key, data, from: start) else {
                        return "\(key) is mandatory and not there"
                    }
                }
            case .noDefaultALPN where !holds(.alpn, data, from: start):
                return "no-default-alpn needs alpn"
            default: break
            }
        }
        return nil
    }

    /// True when a parameter has that key.
    static func holds(_ key: ServiceKey, _ data: Span<UInt8>, from start: Int) -> Bool {
        var position = start
        while let parameter = next(in: data, at: &position) {
            if parameter.key == key { return true }
        }
        return false
    }
}

// MARK: Text

extension ServiceParameters {
    /// The text of well-formed parameters from `start` on, as zone files have it.
    static func text(of data: Span<UInt8>, from start: Int) -> String {
        var parts: [String] = []
        var position = start
        while let parameter = next(in: data, at: &position) {
            let value = text(parameter.key, data.extracting(parameter.value))
            parts.append(value.isEmpty ? "\(parameter.key)" : "\(parameter.key)=\(value)")
        }
        return parts.joined(separator: " ")
    }

    private static func text(_ key: ServiceKey, _ value: Span<UInt8>) -> String {
        guard !value.isEmpty else { return "" }
        switch key {
        case .mandatory:
            let keys = stride(from: 0, to: value.count - 1, by: 2).map {
                ServiceKey(UInt16(truncatingIfNeeded: DNSQuery.word(value, $0)))
            }
            return keys.map { "\($0)" }.joined(separator: ",")
        case .alpn: return RecordText.quoted(protocols(value).span)
        case .port: return "\(RecordText.number(value))"
        case .ipv4hint: return addresses(value, size: 4)
        case .ipv6hint: return addresses(value, size: 16)
        case .ech: return RecordText.base64(value)
        default: return RecordText.quoted(value)
        }
    }

    private static func addresses(_ value: Span<UInt8>, size: Int) -> String {
        let texts = stride(from: 0, to: value.count - size + 1, by: size).map { place in
            RecordText.address(value.extracting(place..<place + size))
        }
        return texts.joined(separator: ",")
    }

    // The list before the quotes: a comma or backslash inside an item is escaped (RFC 9460 §A.1).
    private static func protocols(_ value: Span<UInt8>) -> [UInt8] {
        var list: [UInt8] = []
        var position = 0
        while position < value.count {
            let end = min(position + Int(value[position]) + 1, value.count)
            if !list.isEmpty { list.append(UInt8(ascii: ",")) }
            for place in position + 1..<max(end, position + 1) {
                let octet = value[place]
                if octet == UInt8(ascii: ",") || octet == UInt8(ascii: "\\") {
                    list.append(UInt8(ascii: "\\"))
                }
                list.append(octet)
            }
            position = max(end, position + 1)
        }
        return list
    }
}
