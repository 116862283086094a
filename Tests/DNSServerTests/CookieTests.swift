// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Testing

/// What is answered to queries with cookies (RFC 7873 §5.2, §5.4).
@Suite struct CookieTests {
    static let client: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]

    func fixture(requires: Bool = false) throws -> ZoneFixture {
        var fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        fixture.context.conduct = DNSConduct(identity: "ns1")
        fixture.context.conduct.cookies = CookieSecrets([SipKey(7, 9)])
        fixture.context.conduct.requiresCookies = requires
        fixture.context.timestamp = 1_000_000
        fixture.context.client = IPAddress(v4: 0xc000_0201)
        return fixture
    }

    func question(
        _ cookie: [UInt8]?,
        _ change: (inout EDNSQuestion) -> Void = { _ in }
    ) -> EDNSQuestion {
        EDNSQuestion {
            if let cookie { $0.options = [(10, cookie)] }
            change(&$0)
        }
    }

    func learned(_ fixture: inout ZoneFixture) throws -> [UInt8] {
        let cookie = try fixture.ask(question(CookieTests.client)).option(10)
        return try #require(cookie)
    }

    @Test func `a cookie is answered with a cookie, which is then good`() throws {
        var fixture = try fixture()
        let cookie = try learned(&fixture)
        #expect(cookie.count == 24)
        #expect(Array(cookie.prefix(8)) == CookieTests.client)
        #expect(try fixture.ask(question(cookie)).option(10) == cookie)
        #expect(try fixture.ask(question(nil)).option(10) == nil)
        fixture.context.conduct.cookies = CookieSecrets()
        #expect(try fixture.ask(question(cookie)).option(10) == nil, "switched off")
    }

    @Test func `bad cookies are answered like new ones, unless good ones are required`() throws {
        for requires in [false, true] {
            var fixture = try fixture(requires: requires)
            let good = try learned(&fixture)
            var bad = good
            bad[23] ^= 1
            for cookie in [CookieTests.client, bad] {
                let message = try fixture.ask(question(cookie))
                #expect(message.code == (requires ? .badCookie : .noError))
                #expect(message.answers.isEmpty == requires)
                #expect(message.option(10) == good)
                fixture.context.isStream = true
                #expect(try fixture.ask(question(cookie)).code == .noError, "an address is shown")
                fixture.context.isStream = false
            }
            #expect(try fixture.ask(question(good)).code == .noError)
            #expect(try fixture.ask(question(nil)).code == .noError, "who knows none is served")
        }
    }

    @Test func `a query without a question asks for a cookie alone`() throws {
        var fixture = try fixture()
        let good = try learned(&fixture)
        var bad = good
        bad[9] ^= 1
        for (cookie, code) in [
            (CookieTests.client, ResponseCode.noError), (good, .noError), (bad, .badCookie),
        ] {
            let message = try fixture.ask(question(cookie) { $0.hasQuestion = false })
            #expect(message.code == code)
            #expect(message.questions.isEmpty && message.answers.isEmpty)
            #expect(message.option(10) == good)
        }
        let plain = try fixture.ask(question(nil) { $0.hasQuestion = false })
        #expect(plain.code == .formatError)
    }

    @Test func `a cookie goes along with refusals and with other options`() throws {
        var fixture = try fixture()
        let options: [(code: UInt16, data: [UInt8])] = [
            (3, []), (8, [0, 1, 24, 0, 192, 0, 2]), (10, CookieTests.client),
        ]
        let message = try fixture.ask(
            EDNSQuestion { ($0.name, $0.options) = ("other.test", options) }
        )
        #expect(message.code == .refused)
        #expect(message.options.map(\.code) == [8, 3, 10, 15])
    }

    @Test func `a cookie is for one address`() throws {
        var fixture = try fixture(requires: true)
        let cookie = try learned(&fixture)
        fixture.context.client = IPAddress(v4: 0xc000_0202)
        #expect(try fixture.ask(question(cookie)).code == .badCookie)
    }
}
