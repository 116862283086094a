// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// An answer as `martlet query` shows it.
enum QueryText {
    /// Every record as a zone file would hold it, between lines that tell the rest.
    static func text(
        _ reply: QueryExchange.Reply,
        _ query: ClientQuery,
        _ server: SocketAddress
    ) -> String {
        let message = reply.message
        var lines = [
            ";; \(message.code), id \(message.id), flags: \(flags(message).joined(separator: " "))",
            ";; from \(server) by \(reply.transport.rawValue) in \(time(reply.elapsed)), "
                + "\(reply.length) octets",
        ]
        if reply.wasTruncated { lines.append(";; truncated by UDP: asked again by TCP") }
        if let option = message.option { lines += options(OptionFacts(option)) }
        lines += ["", ";; question", ";\(query.name) \(group(query.group)) \(query.type)"]
        for (name, records) in sections(message) where !records.isEmpty {
            lines += ["", ";; \(name)"] + records.map(line)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func options(_ facts: OptionFacts) -> [String] {
        let signatures = facts.wantsSignatures ? ", flags: do" : ""
        var lines = [";; EDNS version \(facts.version)\(signatures), datagrams to \(facts.size)"]
        if let identifier = facts.identifier {
            lines.append(";; NSID \(quoted(identifier)) (\(hex(identifier)))")
        }
        if let subnet = facts.subnet, let scope = facts.scope {
            lines.append(";; subnet \(subnet), scope \(scope)")
        }
        for reason in facts.reasons {
            let name = reason.name.map { " (\($0))" } ?? ""
            let text = reason.text.isEmpty ? "" : ": \(quoted(reason.text))"
            lines.append(";; extended error \(reason.code)\(name)\(text)")
        }
        if let cookie = facts.cookie { lines.append(";; cookie \(hex(cookie))") }
        if let keepalive = facts.keepalive {
            lines.append(";; keepalive \(Int(keepalive) * 100) ms")
        }
        if let padding = facts.padding { lines.append(";; padding of \(padding) octets") }
        for code in facts.others { lines.append(";; option \(code)") }
        return lines
    }

    /// The same as data.
    static func json(
        _ reply: QueryExchange.Reply,
        _ query: ClientQuery,
        _ server: SocketAddress
    ) -> JSONValue {
        let message = reply.message
        var members = [
            JSONMember("server", .string("\(server)")),
            JSONMember("transport", .string(reply.transport.rawValue.lowercased())),
            JSONMember("truncatedBefore", .bool(reply.wasTruncated)),
            JSONMember("milliseconds", .number(milliseconds(reply.elapsed))),
            JSONMember("octets", .integer(Int64(reply.length))),
            JSONMember("status", .string("\(message.code)")),
            JSONMember("flags", .array(flags(message).map { .string($0) })),
            JSONMember(
                "question",
                [
                    "name": .string("\(query.name)"), "class": .string(group(query.group)),
                    "type": .string("\(query.type)"),
                ]
            ),
        ]
        members += sections(message).map { JSONMember($0.name, .array($0.records.map(json))) }
        members.append(
            JSONMember("edns", message.option.map { json(OptionFacts($0)) } ?? .null)
        )
        return .object(members)
    }

    private static func json(_ facts: OptionFacts) -> JSONValue {
        let reasons = facts.reasons.map { reason -> JSONValue in
            [
                "code": .integer(Int64(reason.code)),
                "name": reason.name.map { .string($0) } ?? .null,
                "text": .string(plain(reason.text)),
            ]
        }
        return [
            "version": .integer(Int64(facts.version)), "size": .integer(Int64(facts.size)),
            "do": .bool(facts.wantsSignatures),
            "nsid": facts.identifier.map { .string(plain($0)) } ?? .null,
            "subnet": facts.subnet.map { .string("\($0)") } ?? .null,
            "scope": facts.scope.map { .integer(Int64($0)) } ?? .null,
            "extendedErrors": .array(reasons),
            "cookie": facts.cookie.map { .string(hex($0)) } ?? .null,
            "keepaliveMilliseconds": facts.keepalive.map { .integer(Int64($0) * 100) } ?? .null,
            "padding": facts.padding.map { .integer(Int64($0)) } ?? .null,
            "otherOptions": .array(facts.others.map { .integer(Int64($0)) }),
        ]
    }

    private static func sections(
        _ message: DNSMessage
    ) -> [(name: String, records: [DNSMessage.Record])] {
        [
            ("answer", message.answers), ("authority", message.authorities),
            ("additional", message.additionals),
        ]
    }

    /// One record.
    static func json(_ record: DNSMessage.Record) -> JSONValue {
        [
            "name": .string("\(record.owner)"), "ttl": .integer(Int64(record.ttl)),
            "class": .string(group(record.recordClass)), "type": .string("\(record.type)"),
            "data": .string(RecordText.data(record.type, record.data.span)),
        ]
    }

    /// One record as a zone file would hold it.
    static func line(_ record: DNSMessage.Record) -> String {
        "\(record.owner) \(record.ttl) \(group(record.recordClass)) \(record.type) "
            + RecordText.data(record.type, record.data.span)
    }

    static func flags(_ message: DNSMessage) -> [String] {
        let words: [(UInt16, String)] = [
            (0x8000, "qr"), (0x0400, "aa"), (0x0200, "tc"), (0x0100, "rd"), (0x0080, "ra"),
            (0x0020, "ad"), (0x0010, "cd"),
        ]
        return words.filter { message.flags & $0.0 != 0 }.map(\.1)
    }

    static func group(_ number: UInt16) -> String {
        switch number {
        case RecordClass.internet: "IN"
        case RecordClass.chaos: "CH"
        default: "CLASS\(number)"
        }
    }

    static func milliseconds(_ elapsed: Interval) -> Double {
        Double(elapsed.microseconds / 10) / 100
    }

    static func time(_ elapsed: Interval) -> String { "\(milliseconds(elapsed)) ms" }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// What another server says must not steer the terminal: odd octets are written `\123`.
    static func plain(_ bytes: [UInt8]) -> String {
        bytes.map { octet in
            guard octet < 0x20 || octet > 0x7e || octet == UInt8(ascii: "\\") else {
                return String(UnicodeScalar(octet))
            }
            let digits = "\(octet)"
            return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
        }.joined()
    }

    private static func quoted(_ bytes: [UInt8]) -> String { "\"\(plain(bytes))\"" }
}
