// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Testing

/// The same zones and the same queries to Knot DNS, where it is installed: both must agree.
@Suite(.enabled(if: KnotServer.isInstalled, "knotd is not installed"))
struct PeerComparisonTests {
    @Test func `Knot answers the table of RFC 1034 cases alike`() throws {
        var zones = ["example.com": AuthorityTests.zone, "example": WildcardTests.zone]
        zones["big.test"] = TruncationTests.zone
        zones["hosts.test"] = AdditionalTests.zone.replacing("example.com", with: "hosts.test")
        var questions = AuthorityTests.table.map { ($0.0, $0.1) }
        questions += WildcardTests.synthesized.map { ($0.0, $0.1) }
        questions += WildcardTests.others.map { ($0.0, $0.1) }
        for name in ["many", "some", "to", "x.sub", "x.far"] {
            questions.append(("\(name).big.test", .A))
        }
        questions += AdditionalTests.table.map {
            ($0.0.replacing("example.com", with: "hosts.test"), $0.1)
        }
        zones["services.test"] = ServiceTests.zone.replacing("example.com", with: "services.test")
        questions += ServiceTests.table.map {
            ($0.0.replacing("example.com", with: "services.test"), $0.1)
        }
        try compare(zones, questions)
    }

    @Test func `Knot answers generated zones alike`() throws {
        var random = SeededRandom(seed: 20)
        var zones: [String: String] = [:]
        var questions: [(String, RecordType)] = []
        let labels = ["a", "b", "c", "*"]
        let names = labels + labels.flatMap { x in labels.map { "\($0).\(x)" } }
        let deep = names + labels.flatMap { x in names.dropFirst(4).map { "\(x).\($0)" } }
        for number in 0..<24 {
            let apex = "z\(number).test"
            zones[apex] = ZoneGenerator.zone(names, &random)
            for name in deep {
                for type in [RecordType.A, .MX, .CNAME, .NS, .DS, .TXT] {
                    questions.append(("\(name).\(apex)", type))
                }
            }
        }
        try compare(zones, questions)
    }

    func compare(_ zones: [String: String], _ questions: [(String, RecordType)]) throws {
        let knot = try KnotServer(zones)
        defer { knot.stop() }
        var fixture = try ZoneFixture(pairs: zones.map { ($0.key, $0.value) })
        var compared = 0
        for (name, type) in questions where !isOurOwnChoice(type) {
            let query = ZoneFixture.query(name, type, edns: 1232)
            let ours = try #require(DNSMessage(fixture.respond(query)))
            let answer = try #require(knot.ask(query), "no answer to \(name) \(type)")
            let theirs = try #require(DNSMessage(answer))
            var (a, b) = (Essence(ours), Essence(theirs))
            // Knot sends services of services along, and no addresses of the owner itself.
            if type.isService { (a.addresses, b.addresses) = ([], []) }
            #expect(a == b, "\(name) \(type)")
            compared += 1
        }
        #expect(compared > 40)
    }

    // ANY is minimal here (RFC 8482); meta types are refused with codes of each server's choice.
    private func isOurOwnChoice(_ type: RecordType) -> Bool { type.isMeta }
}

/// What two servers must agree on; the order of records, and additional ones that nobody needs, are
/// theirs to choose.
struct Essence: Equatable {
    var code: ResponseCode
    var isAuthoritative: Bool
    var isTruncated: Bool
    var answers: [String]
    var authorities: [String]
    /// Addresses that go along with the answer; glue beside a referral is judged elsewhere.
    var addresses: [String]

    init(_ message: DNSMessage) {
        func lines(_ records: [DNSMessage.Record]) -> [String] {
            // Knot repeats a record when an alias leads back to a wildcard.
            Set(records.map { "\($0)".lowercased() }).sorted()
        }
        code = message.code
        isAuthoritative = message.isAuthoritative
        isTruncated = message.isTruncated
        // How much of a truncated answer is left is of no meaning (RFC 2181 §9).
        answers = isTruncated ? [] : lines(message.answers)
        authorities = isTruncated ? [] : lines(message.authorities)
        addresses = isTruncated || answers.isEmpty ? [] : lines(message.additionals)
    }
}

/// Small random zones with aliases, wildcards and delegations.
enum ZoneGenerator {
    static func zone(_ names: [String], _ random: inout SeededRandom) -> String {
        var text = "$TTL 300\n@ SOA ns host 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"
        func pick(_ random: inout SeededRandom) -> String {
            names[Int(random.next(below: UInt32(names.count)))]
        }
        for name in names {
            switch random.next(below: 12) {
            case 0, 1: text += "\(name) A 192.0.2.\(random.next(below: 200) + 1)\n"
            case 2: text += "\(name) MX 10 \(pick(&random))\n\(name) TXT \"\(name)\"\n"
            case 3, 4: text += "\(name) CNAME \(pick(&random))\n"
            case 5 where !name.hasPrefix("*"):
                text += "\(name) NS ns.\(name)\nns.\(name) A 192.0.2.9\n\(name) NS ns.test.\n"
            default: break
            }
        }
        return text
    }
}

/// A Knot DNS of our own on a free port.
struct KnotServer {
    static let path = "/usr/sbin/knotd"
    static var isInstalled: Bool { File.modified(path) != nil }

    let folder: String
    let process: Int32
    let socket: FileDescriptor

    init(_ zones: [String: String]) throws {
        let base = ProcessControl.environment("TMPDIR") ?? "/tmp"
        folder = "\(base)/martlet-knot-\(ProcessControl.randomSeed())"
        try File.makeFolder(folder)
        // An address of 127.0.0.0/8 that no other test uses: a free port may be taken by the next.
        let host = 0x7f00_0000 | UInt32(truncatingIfNeeded: ProcessControl.randomSeed()) >> 8
        let address = SocketAddress(IPAddress(v4: host), port: 5353)
        var text = """
            server:
              rundir: "\(folder)"
              listen: \(address.ip)@\(address.port)
            database:
              storage: "\(folder)"
            log:
              - target: stderr
                any: critical
            zone:

            """
        for (apex, zone) in zones {
            let file = "\(folder)/\(apex).zone"
            try File.writeAtomically(file, Array("$ORIGIN \(apex).\n\(zone)\n".utf8))
            text += "  - domain: \(apex).\n    file: \"\(file)\"\n    zonefile-load: whole\n"
        }
        try File.writeAtomically("\(folder)/knot.conf", Array(text.utf8))
        process = try ProcessControl.spawn(
            KnotServer.path,
            arguments: ["knotd", "-c", "\(folder)/knot.conf"],
            keep: []
        )
        let own = SocketAddress(address.ip, port: 0)
        socket = try Socket.bindDatagram(own, reusePort: false)
        _ = Socket.attach(socket, to: address)
        do {
            for apex in zones.keys { try waitFor(apex) }
        } catch {
            // Left running, it would hold the output of the tests open for ever.
            stop()
            throw error
        }
    }

    func stop() {
        ProcessControl.signal(9, to: process)
        socket.close()
        let arguments = ["rm", "-rf", folder]
        _ = try? ProcessControl.spawn("/bin/rm", arguments: arguments, keep: [])
    }

    // Asked again every 50 ms until it serves the zone, for ten seconds at most.
    private func waitFor(_ apex: String) throws {
        let query = ZoneFixture.query(apex, .SOA)
        var pause = try EventLoop()
        for _ in 0..<200 {
            if let answer = ask(query, patience: 50), DNSMessage(answer)?.code == .noError {
                return
            }
            _ = pause.wait(timeoutMilliseconds: 50)
        }
        try #require(Bool(false), "knotd does not serve \(apex)")
    }

    func ask(_ query: [UInt8], patience: Int = 2000) -> [UInt8]? {
        guard var loop = try? EventLoop() else { return nil }
        while let stale = received(socket, limit: 65_535), !stale.isEmpty {}
        _ = Socket.send(socket, query.span)
        loop.add(socket, token: 1, interest: .read)
        guard loop.wait(timeoutMilliseconds: patience) > 0 else { return nil }
        var answer: [UInt8] = []
        answer = [UInt8](capacity: 65_535) { (output: inout OutputSpan<UInt8>) in
            _ = Socket.receive(socket, into: &output)
        }
        return answer.isEmpty ? nil : answer
    }
}
