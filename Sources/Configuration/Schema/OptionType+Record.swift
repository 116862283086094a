// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension OptionType {
    static func record(_ text: String, _ kind: RecordKind) throws(ValueFault) -> RecordData {
        switch kind {
        case .a:
            guard let ip = IPAddress(text), ip.isIPv4 else {
                throw ValueFault(
                    .notRecord,
                    "`\(text)` is no IPv4 address",
                    IPAddress(text) == nil ? nil : "IPv6 addresses belong under `aaaa`"
                )
            }
            return .a(ip)
        case .aaaa:
            guard let ip = IPAddress(text), !ip.isIPv4 else {
                throw ValueFault(
                    .notRecord,
                    "`\(text)` is no IPv6 address",
                    IPAddress(text) == nil ? nil : "IPv4 addresses belong under `a`"
                )
            }
            return .aaaa(ip)
        case .cname: return .cname(try recordName(text))
        case .alias:
            let name = try recordName(text)
            guard name != "." else {
                throw ValueFault(.notRecord, "the root has no addresses to have")
            }
            return .alias(name)
        case .ns: return .ns(try recordName(text))
        case .ptr: return .ptr(try recordName(text))
        case .mx: return try mx(text)
        case .srv: return try srv(text)
        case .txt: return try txt(text)
        case .caa: return try caa(text)
        case .https: return .https(try service(text, kind))
        case .svcb: return .svcb(try service(text, kind))
        }
    }

    private static func fields(_ text: String) -> [String] {
        text.split { $0 == " " || $0 == "\t" }.map(String.init)
    }

    private static func number<Number: FixedWidthInteger>(
        _ text: String,
        _ what: String
    ) throws(ValueFault) -> Number {
        guard text.utf8.allSatisfy(ASCII.isDigit), let value = Number(text) else {
            throw ValueFault(
                .notRecord,
                "`\(text)` is no \(what)",
                "a number of 0 to \(Number.max)"
            )
        }
        return value
    }

    /// RFC 1035 §3.3.9.
    private static func mx(_ text: String) throws(ValueFault) -> RecordData {
        let fields = fields(text)
        guard fields.count == 2 else {
            let hint = fields.count == 1 ? "did you mean `10 \(text)`?" : "`10 mail.example.com`"
            throw ValueFault(.notRecord, "an MX record has a preference and a name", hint)
        }
        return .mx(
            preference: try number(fields[0], "preference"),
            exchange: try recordName(fields[1])
        )
    }

    /// RFC 2782.
    private static func srv(_ text: String) throws(ValueFault) -> RecordData {
        let fields = fields(text)
        guard fields.count == 4 else {
            throw ValueFault(
                .notRecord,
                "an SRV record has a priority, a weight, a port and a name",
                "such as `10 5 5060 sip.example.com`"
            )
        }
        return .srv(
            priority: try number(fields[0], "priority"),
            weight: try number(fields[1], "weight"),
            port: try number(fields[2], "port"),
            target: try recordName(fields[3])
        )
    }

    /// One text, cut into strings of 255 octets as the wire needs them (RFC 1035 §3.3.14).
    private static func txt(_ text: String) throws(ValueFault) -> RecordData {
        guard text.utf8.count <= 4096 else {
            throw ValueFault(.badText, "the text is longer than 4096 bytes")
        }
        guard !text.isEmpty else { return .txt([""]) }
        var strings: [String] = []
        var piece = ""
        for scalar in text.unicodeScalars {
            // Between scalars, so that every string stays valid UTF-8.
            if piece.utf8.count + UTF8.width(scalar) > 255 {
                strings.append(piece)
                piece = ""
            }
            piece.unicodeScalars.append(scalar)
        }
        return .txt(strings + [piece])
    }

    /// RFC 9460 §2.1; what stands behind the target is checked outside of this module.
    private static func service(
        _ text: String,
        _ kind: RecordKind
    ) throws(ValueFault) -> ServiceSettings {
        let parts = text.split(maxSplits: 2) { $0 == " " || $0 == "\t" }.map(String.init)
        guard parts.count >= 2 else {
            throw ValueFault(
                .notRecord,
                "an \(kind.rawValue.uppercased()) record has a priority, a target and parameters",
                "such as `1 . alpn=h2` or, for an alias, `0 www.example.net`"
            )
        }
        let parameters = parts.count == 3 ? parts[2] : ""
        guard parameters.utf8.count <= 16_384 else {
            throw ValueFault(.badText, "the parameters are longer than 16384 bytes")
        }
        return ServiceSettings(
            priority: try number(parts[0], "priority"),
            target: try recordName(parts[1]),
            parameters: parameters
        )
    }

    /// RFC 8659 §4.1.1.
    private static func caa(_ text: String) throws(ValueFault) -> RecordData {
        let parts = text.split(separator: " ", maxSplits: 2).map(String.init)
        guard parts.count == 3 else {
            throw ValueFault(
                .notRecord,
                "a CAA record has flags, a tag and a value",
                "such as `0 issue \"letsencrypt.org\"`"
            )
        }
        var value = parts[2]
        if value.hasPrefix("\""), value.hasSuffix("\""), value.utf8.count >= 2 {
            value = String(value.dropFirst().dropLast())
        }
        let isTag = parts[1].utf8.allSatisfy { ASCII.isLetter($0) || ASCII.isDigit($0) }
        guard isTag, parts[1].utf8.count <= 15 else {
            throw ValueFault(
                .notRecord,
                "`\(parts[1])` is no tag",
                "such as issue, issuewild or iodef"
            )
        }
        guard value.utf8.count <= 1024, value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) else {
            throw ValueFault(.badText, "the value is too long or holds other than ASCII")
        }
        return .caa(
            flags: try number(parts[0], "flags"),
            tag: parts[1].lowercased(),
            value: value
        )
    }
}
