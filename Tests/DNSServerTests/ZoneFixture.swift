// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Steering
import Testing

/// Zones from text, and questions to them, decoded again.
struct ZoneFixture {
    let snapshot: DNSSnapshot
    var context = AnswerContext(now: .start, random: SeededRandom(seed: 1))

    /// Zones by apex; steered names as (owner, policy) go to the first zone.
    init(
        _ zones: KeyValuePairs<String, String>,
        steered: [(String, Int)] = [],
        steer: SteerTable? = nil
    ) throws {
        try self.init(pairs: zones.map { ($0.key, $0.value) }, steered: steered, steer: steer)
    }

    init(
        pairs zones: [(key: String, value: String)],
        steered: [(String, Int)] = [],
        steer: SteerTable? = nil
    ) throws {
        var builder = ZoneTableBuilder()
        for (number, zone) in zones.enumerated() {
            let apex = try #require(DomainName(zone.key))
            builder.beginZone(apex, source: zone.key)
            builder.read(ZoneFileReader(Array(zone.value.utf8), file: zone.key, origin: apex))
            guard number == 0 else { continue }
            for (owner, policy) in steered {
                builder.steer(owner: try #require(DomainName(owner)), ttl: 30, policy: policy)
            }
        }
        let build = builder.build()
        let problems = build.diagnostics.map(\.description)
        let health = HealthTable(capacity: 64)
        snapshot = DNSSnapshot(
            zones: try #require(build.table, "\(problems)"),
            steer: steer ?? SteerTable([], health: health),
            generation: 1
        )
    }

    /// A snapshot as it is.
    init(_ snapshot: DNSSnapshot) { self.snapshot = snapshot }

    /// A table as it is, without policies.
    init(_ table: ZoneTable) {
        let steer = SteerTable([], health: HealthTable(capacity: 1))
        snapshot = DNSSnapshot(zones: table, steer: steer, generation: 1)
    }

    /// A table of zones by their names and texts.
    static func table(_ zones: [(String, String)]) throws -> ZoneTable {
        var builder = ZoneTableBuilder()
        for (name, text) in zones {
            let apex = try #require(DomainName(name))
            builder.beginZone(apex, source: name)
            builder.read(ZoneFileReader(Array(text.utf8), file: name, origin: apex))
        }
        let build = builder.build()
        return try #require(build.table, "\(build.diagnostics)")
    }

    /// What a build finds wrong.
    static func problems(_ zones: KeyValuePairs<String, String>) throws -> [String] {
        var builder = ZoneTableBuilder()
        for (apex, text) in zones {
            let name = try #require(DomainName(apex))
            builder.beginZone(name, source: apex)
            builder.read(ZoneFileReader(Array(text.utf8), file: apex, origin: name))
        }
        let build = builder.build()
        let found = build.diagnostics
        #expect((build.table == nil) == found.contains { $0.severity == .error })
        return found.map { "\($0.code) \($0.message)" }
    }

    /// One query's bytes.
    static func query(
        _ name: String,
        _ type: RecordType = .A,
        class number: UInt16 = 1,
        edns: UInt16? = nil
    ) -> [UInt8] {
        let wire = DomainName(name)?.wire ?? []
        var bytes: [UInt8] = [0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, edns == nil ? 0 : 1] + wire
        bytes += [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 255), 0, UInt8(number)]
        if let edns { bytes += [0, 0, 41, UInt8(edns >> 8), UInt8(edns & 255), 0, 0, 0, 0, 0, 0] }
        return bytes
    }

    /// The response's bytes; empty when the query is dropped.
    mutating func respond(_ query: [UInt8], capacity: Int = 65_535) -> [UInt8] {
        var context = context
        let bytes = [UInt8](capacity: capacity) { (output: inout OutputSpan<UInt8>) in
            _ = Authority.answer(query.span, from: snapshot, &context, into: &output)
        }
        self.context = context
        return bytes
    }

    /// The decoded response.
    mutating func ask(
        _ name: String,
        _ type: RecordType = .A,
        class number: UInt16 = 1,
        edns: UInt16? = 1232
    ) throws -> DNSMessage {
        let query = ZoneFixture.query(name, type, class: number, edns: edns)
        let bytes = respond(query)
        let message = try #require(DNSMessage(bytes), "\(name) \(type): \(bytes)")
        #expect(message.id == 0xabcd)
        #expect(message.isResponse)
        #expect(message.questions.first?.name.wire == DomainName(name)?.wire, "case is kept")
        #expect((message.option != nil) == (edns != nil))
        if !context.isStream { #expect(bytes.count <= Int(max(edns ?? 512, 512))) }
        return message
    }

    /// A response in one line per record: `rcode flags`, then the sections.
    mutating func lines(_ name: String, _ type: RecordType = .A) throws -> [String] {
        let message = try ask(name, type)
        let flags = (message.isAuthoritative ? " aa" : "") + (message.isTruncated ? " tc" : "")
        func show(_ mark: String, _ records: [DNSMessage.Record]) -> [String] {
            records.map { record in
                let data = RecordText.data(record.type, record.data.span)
                return "\(mark) \(record.owner) \(record.ttl) \(record.type) \(data)"
            }.sorted()
        }
        return ["\(message.code)\(flags)"] + show("an", message.answers)
            + show("au", message.authorities) + show("ad", message.additionals)
    }
}
