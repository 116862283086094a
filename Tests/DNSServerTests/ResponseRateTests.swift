// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Testing

@Suite struct ResponseAccountTests {
    let accounts = ResponseAccounts(count: 1024, secret: 5)
    let window = Interval.seconds(15)

    func charge(_ key: UInt64, at microseconds: Int64, spacing: UInt64 = 100_000) -> Bool {
        let now = Instant(nanoseconds: microseconds * 1000)
        return accounts.charge(key, spacing: spacing, window: window, now: now)
    }

    @Test(arguments: [0, (1 << 44) - 500_000, 1 << 50] as [Int64])
    func `a second's worth is had at once, and the rate for ever`(start: Int64) {
        let burst = (0..<20).filter { _ in charge(1, at: start) }
        #expect(burst.count == 10)
        let steady = (0..<1000).allSatisfy { charge(2, at: start + $0 * 100_000) }
        #expect(steady)
    }

    @Test func `who goes on asking stays limited, no longer than the window after that`() {
        for time in 0..<5000 { _ = charge(1, at: Int64(time) * 1000) }
        #expect(!charge(1, at: 5_000_000))
        // Ahead by one second and the window, which have to pass but for the second.
        #expect(!charge(1, at: 5_000_000 + 14_900_000))
        #expect(charge(1, at: 5_000_000 + 14_900_000 + 15_200_000))
        #expect(charge(3, at: 5_000_000), "others are not concerned")
    }

    @Test func `a rate below one in a second lets one through`() {
        #expect(charge(1, at: 0, spacing: 60_000_000))
        #expect(!charge(1, at: 30_000_000, spacing: 60_000_000))
        // The refused one counts, but for no longer than the window.
        #expect(!charge(1, at: 44_000_000, spacing: 60_000_000))
        #expect(charge(1, at: 120_000_000, spacing: 60_000_000))
    }

    @Test func `many others do not push out who owes`() {
        for _ in 0..<500 { _ = charge(1, at: 0) }
        for key in 1000..<101_000 { _ = charge(UInt64(key), at: 1000) }
        #expect(!charge(1, at: 2000))
    }
}

/// A door that limits, asked over real sockets at times that the test says.
@Suite struct ResponseRateTests {
    static let zone =
        AuthorityTests.zone + "\n*.wild A 192.0.2.77\nsub NS ns.sub\nns.sub A 192.0.2.78\n"

    func door(
        _ change: (inout ResponseRates) -> Void = { _ in },
        exempt: [Prefix] = []
    ) throws -> DoorFixture {
        var snapshot = try ZoneFixture(["example.com": ResponseRateTests.zone]).snapshot
        for kind in ResponseRates.Kind.allCases {
            snapshot.rates.limit(kind, to: 10, per: .seconds(1))
        }
        snapshot.rates.slip = 0
        change(&snapshot.rates)
        snapshot.rateExempt = exempt
        snapshot.conduct.cookies = CookieSecrets([SipKey(1, 2)])
        return try DoorFixture.make(snapshot)
    }

    /// The responses to a query that is sent so many times at one moment.
    func ask(
        _ fixture: inout DoorFixture,
        _ count: Int = 30,
        _ question: (Int) -> EDNSQuestion = { _ in EDNSQuestion() }
    ) throws -> [DNSMessage] {
        let socket = try fixture.datagramSocket()
        defer { socket.close() }
        for number in 0..<count {
            let bytes = question(number).bytes
            #expect(Socket.send(socket, bytes.span) == .count(bytes.count))
        }
        fixture.turn()
        var found: [DNSMessage] = []
        while found.count <= count {
            var result = IOResult.wouldBlock
            let bytes = [UInt8](capacity: 4096) { (output: inout OutputSpan<UInt8>) in
                result = Socket.receive(socket, into: &output)
            }
            guard case .count = result else { break }
            found.append(try #require(DNSMessage(bytes)))
        }
        return found
    }

    @Test func `a second's worth of the same is answered, the rest dropped`() throws {
        var fixture = try door()
        #expect(try ask(&fixture).count == 10)
        #expect(fixture.count(.rateDropped) == 20)
        #expect(fixture.count(.queriesUDP) == 10)
        fixture.pass(.seconds(1))
        #expect(try ask(&fixture, 1).isEmpty, "what was too much counts as well")
        fixture.pass(.seconds(3))
        #expect(try ask(&fixture, 1).count == 1)
    }

    /// Queries by number whose responses are alike.
    static let alike: [(String, @Sendable (Int) -> EDNSQuestion)] = [
        ("names that do not exist", { n in EDNSQuestion { $0.name = "no\(n).example.com" } }),
        (
            "names of a wildcard",
            { n in
                EDNSQuestion { ($0.name, $0.type) = ("n\(n).wild.example.com", .A) }
            }
        ),
        ("names below a delegation", { n in EDNSQuestion { $0.name = "n\(n).sub.example.com" } }),
        (
            "types that are not there",
            { n in
                EDNSQuestion { $0.type = RecordType(UInt16(2000 + n)) }
            }
        ),
        ("names of nobody", { n in EDNSQuestion { $0.name = "n\(n).test" } }),
        ("broken options", { n in EDNSQuestion { $0.options = [(10, [UInt8(n)])] } }),
    ]

    @Test(arguments: alike.indices)
    func `responses are alike whatever the flood varies`(index: Int) throws {
        let (name, question) = ResponseRateTests.alike[index]
        var fixture = try door()
        #expect(try ask(&fixture, 30, question).count == 10, "\(name)")
        #expect(try ask(&fixture, 5).count == 5, "others go on")
    }

    @Test func `one of so many is put off by TC, small as it is`() throws {
        var fixture = try door { $0.slip = 1 }
        let messages = try ask(&fixture)
        #expect(messages.count == 30)
        let cut = messages.filter(\.isTruncated)
        #expect(cut.count == 20)
        #expect(cut.allSatisfy { $0.answers.isEmpty && $0.authorities.isEmpty && $0.option != nil })
        #expect(fixture.count(.ratePutOff) == 20)
        var half = try door { $0.slip = 2 }
        let slipped = try ask(&half, 60).filter(\.isTruncated).count
        #expect((10...40).contains(slipped), "25 of 50 expected, saw \(slipped)")
    }

    @Test func `errors are sent as they are in the place of TC`() throws {
        var fixture = try door { $0.slip = 1 }
        let messages = try ask(&fixture) { _ in EDNSQuestion { $0.name = "other.test" } }
        #expect(messages.count == 30)
        #expect(messages.allSatisfy { $0.code == .refused && !$0.isTruncated })
    }

    @Test func `who knows cookies is put off by one, and with it is not limited`() throws {
        var fixture = try door { $0.slip = 1 }
        let client = EDNSQuestion { $0.options = [(10, [1, 2, 3, 4, 5, 6, 7, 8])] }
        let messages = try ask(&fixture) { _ in client }
        let turned = messages.filter { $0.code == .badCookie }
        #expect(turned.count == 20)
        let cookie = try #require(turned.first?.option(10))
        let good = try ask(&fixture) { _ in EDNSQuestion { $0.options = [(10, cookie)] } }
        #expect(good.filter { $0.answers.count == 1 }.count == 30)
        #expect(fixture.count(.cookiesGood) == 30)
        #expect(fixture.count(.cookiesNew) == 30)
    }

    @Test func `networks may be exempt, and a trial withholds nothing`() throws {
        let loopback = try #require(Prefix("127.0.0.0/8"))
        var exempt = try door(exempt: [loopback])
        #expect(try ask(&exempt).filter { $0.answers.count == 1 }.count == 30)
        #expect(exempt.count(.rateDropped) == 0)
        var trial = try door { $0.isTrial = true }
        #expect(try ask(&trial).filter { $0.answers.count == 1 }.count == 30)
        #expect(trial.count(.rateExceeded) == 20)
    }

    @Test func `kinds without a rate are not limited`() throws {
        var rates = ResponseRates()
        rates.limit(.nameError, to: 10, per: .seconds(1))
        let fixed = rates
        var fixture = try door { $0 = fixed }
        #expect(try ask(&fixture).count == 30)
    }
}
