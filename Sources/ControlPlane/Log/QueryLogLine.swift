// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Steering

/// One line of the log of queries: JSON in the words of dnstap (dnstap.proto, as `dnstap -j` writes
/// them), and beside those what Martlet knows.
struct QueryLogLine {
    /// Octets that no line exceeds: names have 255 octets, each four characters at most as text, and
    /// the words of policies have their bounds in the configuration.
    static let lengthLimit = 16 << 10

    private let record: QueryRecord
    private let snapshot: ServingSnapshot
    private let moment: Moment

    init(_ record: QueryRecord, _ snapshot: ServingSnapshot, at moment: Moment) {
        (self.record, self.snapshot, self.moment) = (record, snapshot, moment)
    }

    /// The line with its end; one that would be too long says no more than its message.
    var bytes: [UInt8] {
        let whole = Array((json.text() + "\n").utf8)
        guard whole.count > QueryLogLine.lengthLimit else { return whole }
        let short: JSONValue = ["type": "MESSAGE", "message": message(record.question)]
        return Array((short.text() + "\n").utf8)
    }

    var json: JSONValue {
        let question = record.question
        return .object(
            [JSONMember("type", "MESSAGE"), JSONMember("message", message(question))]
                + asked(question) + response + decision(question)
        )
    }

    // MARK: Parts

    private func message(_ question: (name: DomainName, type: RecordType)?) -> JSONValue {
        var members = [
            JSONMember("type", "AUTH_RESPONSE"),
            JSONMember("query_time", .string(QueryLogLine.time(record.askedAt))),
            JSONMember("response_time", .string(QueryLogLine.time(record.time))),
            JSONMember("socket_family", .string(record.asker.isIPv4 ? "INET" : "INET6")),
            JSONMember(
                "socket_protocol",
                .string("\(record.transport.word)".uppercased())
            ),
            JSONMember("query_address", .string("\(record.asker)")),
        ]
        // A request of HTTP may come through proxies: there is no port of the client.
        if record.askerPort > 0 {
            members.append(JSONMember("query_port", .integer(Int64(record.askerPort))))
        }
        let listeners = snapshot.dns.listeners
        if let number = record.listener, number < listeners.count, listeners[number].port > 0 {
            if let ip = listeners[number].ip {
                members.append(JSONMember("response_address", .string("\(ip)")))
            }
            members.append(JSONMember("response_port", .integer(Int64(listeners[number].port))))
        }
        if let question, let zone = snapshot.dns.zone(of: question.name, question.type) {
            members.append(JSONMember("query_zone", .string("\(zone)")))
        }
        return .object(members)
    }

    private func asked(_ question: (name: DomainName, type: RecordType)?) -> [JSONMember] {
        guard let question else { return [JSONMember("qname", .null), JSONMember("qtype", .null)] }
        return [
            JSONMember("qname", .string("\(question.name)")),
            JSONMember("qtype", .string("\(question.type)")),
        ]
    }

    private var response: [JSONMember] {
        let bits = record.response.dropFirst(2).prefix(2).reduce(UInt16(0)) { $0 << 8 | UInt16($1) }
        let words: [(UInt16, String)] = [
            (0x8000, "qr"), (0x0400, "aa"), (0x0200, "tc"), (0x0100, "rd"), (0x0080, "ra"),
            (0x0020, "ad"), (0x0010, "cd"),
        ]
        let flags = words.filter { bits & $0.0 != 0 }.map { JSONValue.string($0.1) }
        let message = record.message
        return [
            JSONMember("rcode", .string("\(record.code)")),
            JSONMember("flags", .array(flags)),
            JSONMember("do", message.map { .bool(($0.option?.ttl ?? 0) & 0x8000 != 0) } ?? .null),
            JSONMember("answers", message.map { .integer(Int64($0.answers.count)) } ?? .null),
            JSONMember("size", .integer(Int64(record.length))),
            JSONMember("subnet", record.subnet.map { .string("\($0)") } ?? .null),
            JSONMember("scope", .integer(Int64(record.scope))),
            JSONMember("worker", .integer(Int64(record.worker))),
        ]
    }

    // Numbers of policies stand for others after some changes: then nothing is told of them.
    private func decision(
        _ question: (name: DomainName, type: RecordType)?
    ) -> [JSONMember] {
        let steer = snapshot.dns.steer
        guard let policy = record.policy, record.layoutMark == steer.layoutMark else { return [] }
        let type = question?.type ?? .A
        let told = steer.explain(
            policy: policy,
            SteerQuestion(
                now: moment.now + Interval(nanoseconds: record.time &- moment.realtime),
                client: record.client,
                families: steer.families(asked: type, of: policy)
            ),
            answered: record.answers { _ in nil }
        )
        return [
            JSONMember("policy", .string(told.policy)),
            JSONMember("outcome", .string("\(told.outcome.word)")),
            JSONMember("mode", .string("\(told.mode.word)")),
            JSONMember("reason", .string(told.why)),
        ]
    }

    /// RFC 3339 with nanoseconds.
    static func time(_ nanoseconds: Int64) -> String {
        let seconds = CivilTime(nanoseconds: nanoseconds).rfc3339.prefix(20)
        let rest = "\(((nanoseconds % 1_000_000_000) + 1_000_000_000) % 1_000_000_000)"
        return "\(seconds)\(String(repeating: "0", count: max(9 - rest.count, 0)))\(rest)Z"
    }
}
