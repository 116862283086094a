// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import Testing

@Suite struct ReuseRuleTests {
    /// The response's `Cache-Control`, the request's fields, the second, and the verdict; with clients
    /// heeded, and without where that is another one.
    struct Case {
        var response: String
        var request: [String] = []
        var second: Int64
        var heeding: ReuseVerdict
        var plain: ReuseVerdict

        init(
            _ response: String,
            _ request: [String] = [],
            at second: Int64,
            _ heeding: ReuseVerdict,
            plain: ReuseVerdict? = nil
        ) {
            self.response = response
            self.request = request
            self.second = second
            self.heeding = heeding
            self.plain = plain ?? heeding
        }
    }

    static let cases = [
        Case("max-age=60", at: 0, .fresh), Case("max-age=60", at: 59, .fresh),
        Case("max-age=60", at: 60, .ask(.stale)), Case("max-age=60", at: -9, .fresh),
        Case("no-cache, max-age=60", at: 0, .ask(.mustAsk)),
        Case("no-cache=\"X-A\", max-age=60", at: 0, .fresh),
        // RFC 5861.
        Case("max-age=60, stale-while-revalidate=30", at: 60, .staleWhileAsking),
        Case("max-age=60, stale-while-revalidate=30", at: 89, .staleWhileAsking),
        Case("max-age=60, stale-while-revalidate=30", at: 90, .ask(.stale)),
        Case("max-age=60, stale-while-revalidate=x", at: 60, .ask(.stale)),
        Case("max-age=60, stale-while-revalidate=30, must-revalidate", at: 60, .ask(.stale)),
        Case("max-age=60, stale-while-revalidate=30, proxy-revalidate", at: 60, .ask(.stale)),
        Case("s-maxage=60, stale-while-revalidate=30", at: 60, .ask(.stale)),
        // What clients say.
        Case("max-age=60", ["Cache-Control: no-cache"], at: 5, .ask(.request), plain: .fresh),
        Case("max-age=60", ["Pragma: no-cache"], at: 5, .ask(.request), plain: .fresh),
        Case(
            "max-age=60",
            ["Pragma: x", "Pragma: No-Cache"],
            at: 5,
            .ask(.request),
            plain: .fresh
        ),
        Case("max-age=60", ["Pragma: no-cache", "Cache-Control: a"], at: 5, .fresh),
        Case("max-age=60", ["Cache-Control: max-age=0"], at: 5, .ask(.request), plain: .fresh),
        Case("max-age=60", ["Cache-Control: max-age=5"], at: 5, .fresh),
        Case("max-age=60", ["Cache-Control: max-age=4"], at: 5, .ask(.request), plain: .fresh),
        Case("max-age=60", ["Cache-Control: max-age=x"], at: 5, .ask(.request), plain: .fresh),
        Case("max-age=60", ["Cache-Control: max-age=4, max-stale=1"], at: 5, .fresh),
        Case("max-age=60", ["Cache-Control: min-fresh=55"], at: 5, .fresh),
        Case("max-age=60", ["Cache-Control: min-fresh=56"], at: 5, .ask(.request), plain: .fresh),
        Case("max-age=60", ["Cache-Control: min-fresh=x"], at: 5, .ask(.request), plain: .fresh),
        Case("max-age=60", ["Cache-Control: max-stale=5"], at: 65, .stale, plain: .ask(.stale)),
        Case("max-age=60", ["Cache-Control: max-stale=5"], at: 66, .ask(.stale)),
        Case("max-age=60", ["Cache-Control: max-stale"], at: 999, .stale, plain: .ask(.stale)),
        Case("max-age=60", ["Cache-Control: max-stale=x"], at: 65, .ask(.stale)),
        Case("max-age=60, must-revalidate", ["Cache-Control: max-stale"], at: 65, .ask(.stale)),
        Case("max-age=60, proxy-revalidate", ["Cache-Control: max-stale"], at: 65, .ask(.stale)),
        Case("s-maxage=60", ["Cache-Control: max-stale"], at: 65, .ask(.stale)),
        Case("no-cache", ["Cache-Control: max-stale"], at: 5, .ask(.mustAsk)),
        Case("max-age=60", ["Cache-Control: only-if-cached"], at: 5, .fresh),
        Case(
            "max-age=60",
            ["Cache-Control: only-if-cached"],
            at: 60,
            .unavailable,
            plain: .ask(.stale)
        ),
        Case(
            "max-age=60",
            ["Cache-Control: only-if-cached, max-stale"],
            at: 60,
            .stale,
            plain: .ask(.stale)
        ),
        Case(
            "no-cache",
            ["Cache-Control: only-if-cached"],
            at: 5,
            .unavailable,
            plain: .ask(.mustAsk)
        ),
        // RFC 8246.
        Case("max-age=60, immutable", ["Cache-Control: no-cache"], at: 5, .fresh),
        Case("max-age=60, immutable", ["Cache-Control: max-age=0"], at: 5, .fresh),
        Case("max-age=60, immutable", ["Cache-Control: no-cache"], at: 60, .ask(.stale)),
        Case(
            "max-age=60, immutable, stale-while-revalidate=9",
            ["Cache-Control: no-cache"],
            at: 60,
            .ask(.stale),
            plain: .staleWhileAsking
        ),
        Case(
            "max-age=60, immutable",
            ["Cache-Control: max-age=4"],
            at: 5,
            .ask(.request),
            plain: .fresh
        ),
    ]

    @Test(arguments: cases.indices)
    func `a stored response is used as RFC 9111 has it`(index: Int) throws {
        let one = Self.cases[index]
        let lines = ["Cache-Control: \(one.response)", "ETag: \"a\""]
        for heedsClients in [true, false] {
            var rules = CacheRules()
            rules.heedsClients = heedsClients
            let facts = try Exchange(response: lines, rules: rules).facts()
            let verdict = ReuseRule(rules).judge(
                Exchange.request("GET", one.request),
                facts,
                now: Exchange.time(one.second)
            )
            #expect(
                verdict == (heedsClients ? one.heeding : one.plain),
                "\(one.response) \(one.request) at \(one.second), heeding: \(heedsClients)"
            )
        }
    }

    @Test(arguments: [
        ("max-age=60, stale-if-error=30", Int64(89), true),
        ("max-age=60, stale-if-error=30", 90, false), ("max-age=60", 59, true),
        ("max-age=60", 60, false), ("max-age=60, stale-if-error=x", 60, false),
        ("max-age=60, stale-if-error=30, must-revalidate", 60, false),
        ("max-age=60, stale-if-error=30, proxy-revalidate", 60, false),
        ("s-maxage=60, stale-if-error=30", 60, false),
        ("no-cache, max-age=60, stale-if-error=30", 5, false),
    ])
    func `a failing origin lets stale ones be used for a while`(
        response: String,
        second: Int64,
        isAllowed: Bool
    ) throws {
        let lines = ["Cache-Control: \(response)", "ETag: \"a\""]
        let facts = try Exchange(response: lines).facts()
        let may = ReuseRule(CacheRules()).mayServeOnError(facts, now: Exchange.time(second))
        #expect(may == isAllowed)
    }

    @Test func `an operator may allow it where the origin says nothing`() throws {
        var rules = CacheRules()
        rules.staleIfError = .seconds(100)
        let facts = try Exchange(response: ["Cache-Control: max-age=60"], rules: rules).facts()
        #expect(ReuseRule(rules).mayServeOnError(facts, now: Exchange.time(159)))
        #expect(!ReuseRule(rules).mayServeOnError(facts, now: Exchange.time(160)))
        let said = ["Cache-Control: max-age=60, stale-if-error=0"]
        let other = try Exchange(response: said, rules: rules).facts()
        #expect(!ReuseRule(rules).mayServeOnError(other, now: Exchange.time(60)))
    }

    @Test func `an operator may have it asked for meanwhile where the origin says nothing`() throws
    {
        var rules = CacheRules()
        rules.staleWhileRevalidate = .seconds(100)
        func verdict(_ said: String, _ now: Int64) throws -> ReuseVerdict {
            let facts = try Exchange(response: ["Cache-Control: " + said], rules: rules).facts()
            return ReuseRule(rules).judge(Exchange.request(), facts, now: Exchange.time(now))
        }
        #expect(try verdict("max-age=60", 159) == .staleWhileAsking)
        #expect(try verdict("max-age=60", 160) == .ask(.stale))
        #expect(try verdict("max-age=60, stale-while-revalidate=0", 60) == .ask(.stale))
        #expect(try verdict("max-age=60, must-revalidate", 60) == .ask(.stale))
    }

    @Test func `an operator may let s-maxage stand beside what RFC 5861 allows`() throws {
        var rules = CacheRules()
        rules.allowsStaleBesideSharedMaxAge = true
        func verdict(_ said: String) throws -> ReuseVerdict {
            let facts = try Exchange(response: ["Cache-Control: \(said)"], rules: rules).facts()
            return ReuseRule(rules).judge(Exchange.request(), facts, now: Exchange.time(60))
        }
        #expect(try verdict("s-maxage=60, stale-while-revalidate=30") == .staleWhileAsking)
        #expect(try verdict("s-maxage=60") == .ask(.stale))
        let bound = "s-maxage=60, stale-while-revalidate=30, must-revalidate"
        #expect(try verdict(bound) == .ask(.stale))
    }

    @Test func `no time and no lifetime overflows`() throws {
        let facts = try Exchange(
            response: ["Cache-Control: max-age=99999999999", "Age: 99999999999", "ETag: \"a\""]
        ).facts()
        for nanoseconds in [Int64.min, -1, 0, .max] {
            let now = WallTime(nanoseconds: nanoseconds)
            _ = ReuseRule(CacheRules()).judge(Exchange.request(), facts, now: now)
            _ = ReuseRule(CacheRules()).mayServeOnError(facts, now: now)
            _ = facts.freshFor(now)
        }
    }
}
