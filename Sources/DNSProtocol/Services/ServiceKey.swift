// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What a parameter of a service record is about, by its number in the IANA registry (RFC 9460 §14.3).
struct ServiceKey: RawRepresentable, Hashable, Comparable, Sendable, BitwiseCopyable {
    let rawValue: UInt16

    init(rawValue: UInt16) { self.rawValue = rawValue }
    init(_ rawValue: UInt16) { self.rawValue = rawValue }

    /// Keys that a client must understand to use the record at all.
    static let mandatory = ServiceKey(0)
    /// Protocols inside TLS.
    static let alpn = ServiceKey(1)
    /// The protocol that a scheme implies is not spoken.
    static let noDefaultALPN = ServiceKey(2)
    static let port = ServiceKey(3)
    static let ipv4hint = ServiceKey(4)
    /// Configurations of the encrypted ClientHello.
    static let ech = ServiceKey(5)
    static let ipv6hint = ServiceKey(6)
    /// The path of DNS over HTTPS (RFC 9461 §5).
    static let dohpath = ServiceKey(7)
    /// The target takes requests of Oblivious HTTP (RFC 9540 §4).
    static let ohttp = ServiceKey(8)
    /// Reserved, so that a number stands for a key that can never be.
    static let invalid = ServiceKey(65_535)

    static let names: [(key: ServiceKey, name: String)] = [
        (mandatory, "mandatory"), (alpn, "alpn"), (noDefaultALPN, "no-default-alpn"),
        (port, "port"), (ipv4hint, "ipv4hint"), (ech, "ech"), (ipv6hint, "ipv6hint"),
        (dohpath, "dohpath"), (ohttp, "ohttp"),
    ]

    static func < (a: ServiceKey, b: ServiceKey) -> Bool { a.rawValue < b.rawValue }

    /// The name of a key, or `keyNNNNN` (RFC 9460 §2.1); nil for anything else, capitals included.
    init?(_ text: Span<UInt8>) {
        let word = String(decoding: Array(copying: text), as: UTF8.self)
        if let known = ServiceKey.names.first(where: { $0.name == word }) {
            self = known.key
            return
        }
        guard word.hasPrefix("key"), text.count > 3 else { return nil }
        let digits = text.extracting(3..<text.count)
        guard digits.count == 1 || digits[0] != UInt8(ascii: "0"),
            let number = ZoneNumbers.decimal(digits, limit: 65_534)
        else { return nil }
        self.init(UInt16(truncatingIfNeeded: number))
    }
}

extension ServiceKey: CustomStringConvertible {
    /// The name, or `key12345`.
    var description: String {
        ServiceKey.names.first { $0.key == self }?.name ?? "key\(rawValue)"
    }
}

// MARK: Values

extension ServiceKey {
    /// What is wrong with a value in wire form; nil when nothing is.
    func fault(of value: Span<UInt8>) -> String? {
        switch self {
        case .invalid: "the number 65535 is reserved"
        case .mandatory: ServiceKey.keysFault(value)
        case .alpn: ServiceKey.protocolsFault(value)
        case .noDefaultALPN, .ohttp: value.isEmpty ? nil : "it takes no value"
        case .port: value.count == 2 ? nil : "its value is one number"
        case .ipv4hint: ServiceKey.addressesFault(value, size: 4)
        case .ipv6hint: ServiceKey.addressesFault(value, size: 16)
        case .ech: value.isEmpty ? "it needs a value" : nil
        case .dohpath: ServiceKey.templateFault(value)
        default: nil
        }
    }

    // RFC 9460 §8: in ascending order, none twice, and never the key itself.
    private static func keysFault(_ value: Span<UInt8>) -> String? {
        guard !value.isEmpty, value.count % 2 == 0 else { return "it needs a list of keys" }
        var previous: Int?
        for place in stride(from: 0, to: value.count, by: 2) {
            let number = DNSQuery.word(value, place)
            guard number != 0 else { return "it cannot list itself" }
            if let previous, number <= previous {
                return number == previous ? "a key stands twice" : "its keys are not in order"
            }
            previous = number
        }
        return nil
    }

    // RFC 9460 §7.1: each with its length in front.
    private static func protocolsFault(_ value: Span<UInt8>) -> String? {
        guard !value.isEmpty else { return "it needs a list of protocols" }
        var position = 0
        while position < value.count {
            guard value[position] > 0 else { return "a protocol is empty" }
            position += Int(value[position]) + 1
        }
        return position == value.count ? nil : "a protocol is cut off"
    }

    private static func addressesFault(_ value: Span<UInt8>, size: Int) -> String? {
        if value.isEmpty { return "it needs a list of addresses" }
        return value.count % size == 0 ? nil : "an address is cut off"
    }

    // RFC 9461 §5: a URI template in relative form, with a variable that the question goes into.
    private static func templateFault(_ value: Span<UInt8>) -> String? {
        let bytes = Array(copying: value)
        guard bytes.first == UInt8(ascii: "/") else { return "its value begins with '/'" }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return "its value is not UTF-8"
        }
        // Variables of an expression stand in braces, with commas between them (RFC 6570 §2.2).
        let isVariable = text.split(separator: "{").dropFirst().contains { expression in
            guard let end = expression.firstIndex(of: "}") else { return false }
            let list = expression[..<end].drop { "?&+#./;".contains($0) }
            return list.split(separator: ",").contains { $0 == "dns" || $0 == "dns*" }
        }
        return isVariable ? nil : "its template has no variable 'dns', as in '/dns-query{?dns}'"
    }
}
