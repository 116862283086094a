// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension OptionType {
    /// A name that a record points to: also `@` for the zone, and `.` for the root.
    static func recordName(_ text: String) throws(ValueFault) -> String {
        text == "@" || text == "." ? text : try zoneName(text)
    }

    /// A name in lower case, with a final dot only where the file has one.
    static func domainName(_ text: String) throws(ValueFault) -> String {
        try name(text) { label throws(Misnomer) in
            let isPlain = label.utf8.allSatisfy {
                ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == 0x2d || $0 == 0x5f
            }
            guard isPlain else {
                throw Misnomer(why: "`\(label)` holds other than letters, digits, -, _")
            }
            guard label.utf8.first != 0x2d, label.utf8.last != 0x2d else {
                throw Misnomer(why: "`\(label)` begins or ends with `-`")
            }
        }
    }

    /// The same for what DNS takes as a name: labels of any characters but those that zone files
    /// give a meaning to (RFC 2181 §11), such as `0/25.2.0.192.in-addr.arpa` (RFC 2317 §4).
    static func zoneName(_ text: String) throws(ValueFault) -> String {
        try name(text) { label throws(Misnomer) in
            let meant = "\"$();@\\,="
            let isPlain = label.utf8.allSatisfy { 0x21...0x7e ~= $0 && !meant.utf8.contains($0) }
            guard isPlain else {
                throw Misnomer(why: "`\(label)` holds a blank or one of \(meant)")
            }
        }
    }

    private struct Misnomer: Error {
        var why: String
    }

    private static func name(
        _ text: String,
        judging judge: (Substring) throws(Misnomer) -> Void
    ) throws(ValueFault) -> String {
        if isPlain(text) { return text }
        let name = text.lowercased()
        let labels = name.droppingFinalDot.split(separator: ".", omittingEmptySubsequences: false)
        func refuse(_ why: String, _ hint: String? = nil) -> ValueFault {
            ValueFault(.notDomainName, "`\(text)` is no domain name: \(why)", hint)
        }
        guard !text.isEmpty else { throw refuse("it is empty") }
        // RFC 1035 §2.3.4: 255 octets with length octets and root, which leaves 253 of text.
        guard name.droppingFinalDot.utf8.count <= 253 else {
            throw refuse("it has more than 253 characters")
        }
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else {
            throw refuse("only ASCII is read", "write the labels in their `xn--` form")
        }
        for label in labels {
            guard !label.isEmpty else { throw refuse("a label is empty") }
            guard label.utf8.count <= 63 else { throw refuse("a label has more than 63 letters") }
            do throws(Misnomer) { try judge(label) } catch { throw refuse(error.why) }
        }
        return name
    }

    /// True for labels of small letters, digits and `_`, with `-` inside: nearly all names, of which
    /// nothing has to be taken apart.
    private static func isPlain(_ text: String) -> Bool {
        guard text.utf8.count <= 253 else { return false }
        var length = 0
        var last: UInt8 = 0x2d
        for octet in text.utf8 {
            switch octet {
            case 0x61...0x7a, 0x30...0x39, 0x5f: length += 1
            case 0x2d where length > 0: length += 1
            case 0x2e where last != 0x2d: length = 0
            default: return false
            }
            guard length <= 63 else { return false }
            // Nothing may end with `-`, nor may a label that has not begun.
            last = length > 0 ? octet : 0x2d
        }
        return last != 0x2d
    }

    static func mailbox(_ text: String) throws(ValueFault) -> String {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return try recordName(text) }
        guard !parts[0].isEmpty else {
            throw ValueFault(
                .notDomainName,
                "nothing stands before `@`",
                "such as `hostmaster@...`"
            )
        }
        // RFC 1035 §8: a dot left of the @ would have to be escaped in the name.
        guard !parts[0].contains(".") else {
            throw ValueFault(
                .notDomainName,
                "the part before `@` holds a dot",
                "use a mailbox without one, such as `hostmaster@\(parts[1])`"
            )
        }
        return try domainName("\(parts[0]).\(parts[1])")
    }

    static func hostPattern(_ text: String) throws(ValueFault) -> HostPattern {
        if text == "*" { return .any }
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        let plain = isBracketed ? String(text.dropFirst().dropLast()) : text
        if let ip = IPAddress(plain) { return .exact(ip.isIPv4 ? "\(ip)" : "[\(ip)]") }
        if text.contains(":"), let host = text.split(separator: ":").first {
            let ending = text.contains("://") ? "" : ": `\(host)`"
            throw ValueFault(
                .notHost,
                "`\(text)` is no host",
                "leave out scheme and port" + ending
            )
        }
        let isWildcard = text.hasPrefix("*.")
        let name = isWildcard ? String(text.dropFirst(2)) : text
        if name.contains("*") {
            throw ValueFault(
                .notHost,
                "`\(text)` has a star in the middle",
                "a star stands for whole labels at the front, as in `*.example.com`"
            )
        }
        do throws(ValueFault) {
            let host = try domainName(name).droppingFinalDot
            return isWildcard ? .wildcard(host) : .exact(host)
        } catch {
            throw ValueFault(.notHost, "`\(text)` is no host", error.suggestion ?? error.message)
        }
    }

    static func pathPattern(_ text: String) throws(ValueFault) -> PathPattern {
        if text.hasPrefix("~") {
            let pattern = String(text.dropFirst().drop { $0 == " " })
            return .expression(try plainText(pattern, limit: 4096))
        }
        let isExact = text.hasPrefix("=")
        let path = isExact ? String(text.dropFirst()) : text
        guard path.hasPrefix("/") else {
            throw ValueFault(
                .notPath,
                "`\(text)` does not begin with `/`",
                "did you mean `\(isExact ? "=" : "")/\(path)`?"
            )
        }
        if let star = path.firstIndex(of: "*") {
            throw ValueFault(
                .notPath,
                "a star has no meaning in a path",
                "a path without `=` is a prefix already: `\(path[..<star])`"
            )
        }
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x3f && $0 != 0x23 }),
            path.utf8.count <= 4096
        else {
            throw ValueFault(
                .notPath,
                "`\(text)` holds a query, a fragment, a blank or other than ASCII",
                "write other characters percent-encoded"
            )
        }
        if path.contains("{") || path.contains("}") { try checkTemplate(path) }
        return isExact ? .exact(path) : .prefix(path)
    }

    /// A parameter is a whole segment, and no two have the same name.
    private static func checkTemplate(_ path: String) throws(ValueFault) {
        var names: Set<Substring> = []
        for segment in path.split(separator: "/")
        where segment.contains(where: { "{}".contains($0) }) {
            let name = segment.dropFirst().dropLast()
            let isWhole =
                segment.hasPrefix("{") && segment.hasSuffix("}") && !name.isEmpty
                && name.utf8.allSatisfy { ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == 0x2d }
            guard isWhole else {
                throw ValueFault(
                    .notPath,
                    "`\(segment)` is no parameter",
                    "a parameter is a whole segment: `/{name}/`, of letters, digits and `-`"
                )
            }
            guard names.insert(name).inserted else {
                throw ValueFault(.notPath, "the parameter `{\(name)}` stands twice")
            }
        }
    }

    static func requestTarget(_ text: String) throws(ValueFault) -> String {
        guard text.hasPrefix("/"), text.utf8.count <= 4096,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x23 })
        else {
            let hint = text.hasPrefix("/") ? nil : "did you mean `/\(text)`?"
            throw ValueFault(.notPath, "`\(text)` cannot be requested", hint)
        }
        return text
    }

    static func hostField(_ text: String) throws(ValueFault) -> String {
        if IPAddress(text) != nil || SocketAddress(text) != nil { return text }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let isPort = parts.count < 2 || UInt16(parts[1]) != nil
        guard parts.count <= 2, isPort, (try? domainName(String(parts[0]))) != nil else {
            throw ValueFault(.notHost, "`\(text)` is no host")
        }
        return text.lowercased()
    }
}
