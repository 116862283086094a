// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Testing

@Suite struct ServerCookieTests {
    static func octets(_ hexadecimal: String) -> [UInt8] {
        let digits = hexadecimal.utf8.compactMap(ASCII.hexDigit)
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    static func text(_ cookie: ServerCookie?) -> String? {
        guard let cookie else { return nil }
        return [cookie.client, cookie.head, cookie.hash].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    func judge(
        _ cookie: String,
        from address: String,
        at time: UInt32,
        _ secrets: [String]
    ) throws -> (state: CookieState, answer: ServerCookie)? {
        let keys = try secrets.map { try #require(SipKey(ServerCookieTests.octets($0))) }
        let bytes = QueryBytes()
        let option = bytes.option(10, ServerCookieTests.octets(cookie))
        let query = bytes.edns(options: option)
        #expect(query.read.verdict == .accept)
        let ip = try #require(IPAddress(address))
        return CookieSecrets(keys).judge(query.read, query.bytes.span, from: ip, at: time)
    }

    static let secret = "e5e973e5a6b2a43f48e7dc849e37bfcf"
    static let rolled = ["445536bcd2513298075a5d379663c962", "dd3bdf9344b678b185a6f5cb60fca715"]

    @Test func `a first cookie is that of RFC 9018 A.1`() throws {
        let found = try judge(
            "2464c4abcf10c957",
            from: "198.51.100.100",
            at: 1_559_731_985,
            [ServerCookieTests.secret]
        )
        #expect(found?.state == .new)
        let expected = "2464c4abcf10c957010000005cf79f111f8130c3eee29480"
        #expect(ServerCookieTests.text(found?.answer) == expected)
    }

    @Test func `a cookie of forty minutes is renewed as in RFC 9018 A.2`() throws {
        let found = try judge(
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
            from: "198.51.100.100",
            at: 1_559_734_385,
            [ServerCookieTests.secret]
        )
        #expect(found?.state == .good)
        let expected = "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"
        #expect(ServerCookieTests.text(found?.answer) == expected)
    }

    // The example's own times are nearly two hours apart, which §4.3 no longer believes.
    @Test func `reserved octets are hashed as they are and answered as zeros, as in RFC 9018 A.3`()
        throws
    {
        let sent = "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5"
        let secrets = [ServerCookieTests.secret]
        let then = try judge(sent, from: "203.0.113.203", at: 1_559_727_985, secrets)
        #expect(then?.state == .good)
        let later = try judge(sent, from: "203.0.113.203", at: 1_559_734_700, secrets)
        #expect(later?.state == .bad)
        let expected = "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"
        #expect(ServerCookieTests.text(later?.answer) == expected)
    }

    @Test func `a former secret is believed and not made with, as in RFC 9018 A.4`() throws {
        let sent = "22681ab97d52c298010000005cf7c57926556bd0934c72f8"
        let from = "2001:db8:220:1:59de:d0f4:8769:82b8"
        let found = try judge(sent, from: from, at: 1_559_741_961, ServerCookieTests.rolled)
        #expect(found?.state == .good)
        let expected = "22681ab97d52c298010000005cf7c609a6bb79d16625507a"
        #expect(ServerCookieTests.text(found?.answer) == expected)
        let alone = Array(ServerCookieTests.rolled.prefix(1))
        #expect(try judge(sent, from: from, at: 1_559_741_961, alone)?.state == .bad)
        // One that is made and not yet first: a server that is told of it later.
        let staged = Array(ServerCookieTests.rolled.reversed())
        let made = try #require(ServerCookieTests.text(found?.answer))
        #expect(try judge(made, from: from, at: 1_559_741_970, staged)?.state == .good)
    }

    /// Seconds since the cookie was made, whether it is believed, and whether it is made anew.
    static let ages: [(seconds: Int64, isGood: Bool, isNew: Bool)] = [
        (0, true, false), (1800, true, false), (1801, true, true), (3600, true, true),
        (3601, false, true), (-300, true, false), (-301, false, true), (1 << 31, false, true),
    ]

    @Test(arguments: ages.indices)
    func `cookies are believed for an hour, and renewed after half of one`(index: Int) throws {
        let (seconds, isGood, isNew) = ServerCookieTests.ages[index]
        let sent = "2464c4abcf10c957010000005cf79f111f8130c3eee29480"
        for wrap in [0, 1] as [Int64] {
            let time = UInt32(truncatingIfNeeded: 1_559_731_985 + seconds + wrap << 32)
            let found = try judge(
                sent,
                from: "198.51.100.100",
                at: time,
                [ServerCookieTests.secret]
            )
            #expect(found?.state == (isGood ? .good : .bad))
            #expect((ServerCookieTests.text(found?.answer) != sent) == isNew)
        }
    }

    // MARK: A secret that changes by itself (RFC 7873 §7.1)

    static let root = SipKey(3, 4)

    /// What a server's own secret makes of a cookie that was made at another time.
    func judgeOwn(
        madeAt made: UInt32,
        at time: UInt32
    ) throws -> (state: CookieState, sent: ServerCookie, answer: ServerCookie) {
        let secrets = CookieSecrets(daily: ServerCookieTests.root)
        let address = IPAddress(v4: 9)
        let sent = secrets.make(client: 5, for: address, at: made)
        let text = try #require(ServerCookieTests.text(sent))
        let bytes = QueryBytes()
        let query = bytes.edns(options: bytes.option(10, ServerCookieTests.octets(text)))
        let found = secrets.judge(query.read, query.bytes.span, from: address, at: time)
        let judged = try #require(found)
        return (judged.state, sent, judged.answer)
    }

    @Test func `a server's own secret is another one each day`() {
        var made: Set<UInt64> = []
        for time in [0, 86_399, 86_400, 1_559_731_985, .max] as [UInt32] {
            let day = time / 86_400
            let halves = [0, 1].map { (number: UInt8) in
                let octets = [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: day >> $0) } + [number]
                return SipHash.shortDigest(octets.span, key: ServerCookieTests.root)
            }
            let ofDay = CookieSecrets([SipKey(halves[0], halves[1])])
            let cookie = CookieSecrets(daily: ServerCookieTests.root)
                .make(client: 1, for: IPAddress(v4: 2), at: time)
            #expect(cookie == ofDay.make(client: 1, for: IPAddress(v4: 2), at: time))
            made.formUnion(halves)
        }
        #expect(made.count == 8, "two days of the five are one")
    }

    @Test func `a cookie of the day before is believed for its hour, and a new one comes back`()
        throws
    {
        let midnight: UInt32 = 20_000 * 86_400
        for (made, time, state, isKept) in [
            (midnight - 600, midnight - 1, CookieState.good, true),
            (midnight - 600, midnight, .good, false),
            (midnight - 600, midnight + 3000, .good, false),
            (midnight - 600, midnight + 3001, .bad, false),
            (midnight, midnight + 1800, .good, true), (midnight, midnight + 1801, .good, false),
            (midnight + 200, midnight - 100, .good, false),
        ] as [(UInt32, UInt32, CookieState, Bool)] {
            let found = try judgeOwn(madeAt: made, at: time)
            #expect(found.state == state, "\(made) \(time)")
            #expect((found.answer == found.sent) == isKept, "\(made) \(time)")
            #expect(try judgeOwn(madeAt: time, at: time).answer.hash != 0)
        }
    }

    static let bad: [(String, String)] = [
        ("another address", "2464c4abcf10c957010000005cf79f111f8130c3eee29481"),
        ("another client", "2464c4abcf10c958010000005cf79f111f8130c3eee29480"),
        ("another version", "2464c4abcf10c957020000005cf79f111f8130c3eee29480"),
        ("another time", "2464c4abcf10c957010000005cf79f121f8130c3eee29480"),
        ("8 octets of a server", "2464c4abcf10c957010000005cf79f11"),
        ("32 octets of a server", "2464c4abcf10c957" + String(repeating: "01", count: 32)),
    ]

    @Test(arguments: bad.indices)
    func `what is not ours is not believed`(index: Int) throws {
        let (name, sent) = ServerCookieTests.bad[index]
        let secrets = [ServerCookieTests.secret]
        let found = try judge(sent, from: "198.51.100.100", at: 1_559_731_985, secrets)
        #expect(found?.state == .bad, "\(name)")
        #expect(found?.answer.client == UInt64(sent.prefix(16), radix: 16), "\(name)")
    }

    @Test(arguments: [0, 1, 7, 9, 15, 41, 100])
    func `lengths that RFC 7873 does not know are malformed`(length: Int) {
        let bytes = QueryBytes()
        let option = bytes.option(10, [UInt8](repeating: 1, count: length))
        #expect(bytes.edns(options: option).read.verdict == .reject(.formatError))
    }

    @Test func `of several cookies the first counts, and without secrets none`() throws {
        let bytes = QueryBytes()
        let options = bytes.option(10, [1, 2, 3, 4, 5, 6, 7, 8]) + bytes.option(10, Array(9...16))
        let query = bytes.edns(options: options)
        let ip = IPAddress(v4: 1)
        let secrets = CookieSecrets([SipKey(1, 2)])
        let found = secrets.judge(query.read, query.bytes.span, from: ip, at: 5)
        #expect(found?.answer.client == 0x0102_0304_0506_0708)
        #expect(CookieSecrets().judge(query.read, query.bytes.span, from: ip, at: 5) == nil)
        #expect(secrets.judge(bytes.read, bytes.bytes.span, from: ip, at: 5) == nil)
    }
}
