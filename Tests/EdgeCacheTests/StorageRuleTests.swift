// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import Testing

@Suite struct StorageRuleTests {
    static let kept: [Exchange] = [
        Exchange(response: ["Cache-Control: max-age=60"]),
        Exchange(response: ["Cache-Control: s-maxage=60"]),
        Exchange(response: [Exchange.date, "Expires: Sun, 06 Nov 1994 08:50:37 GMT"]),
        Exchange(status: 404, response: ["Cache-Control: max-age=60"]),
        // An explicit time lets any final status be kept (RFC 9111 §3), also one that is not known.
        Exchange(status: 302, response: ["Cache-Control: max-age=60"]),
        Exchange(status: 599, response: ["Cache-Control: max-age=60"]),
        Exchange(status: 500, response: ["Cache-Control: public", "ETag: \"a\""]),
        // Nothing but a validator: it is kept to be asked for.
        Exchange(response: ["ETag: \"a\""]),
        Exchange(response: ["Cache-Control: no-cache", "ETag: W/\"a\""]),
        Exchange(response: [Exchange.date, "Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT"]),
        Exchange(response: ["Cache-Control: private=\"X-A\", max-age=60"]),
        Exchange(response: ["Cache-Control: must-understand, no-store, max-age=60"]),
        Exchange(response: ["Vary: Accept-Encoding", "Cache-Control: max-age=60"]),
        Exchange(request: ["Authorization: x"], response: ["Cache-Control: s-maxage=60"]),
        Exchange(request: ["Authorization: x"], response: ["Cache-Control: public, max-age=60"]),
        Exchange(
            request: ["Authorization: x"],
            response: ["Cache-Control: must-revalidate, max-age=60"]
        ),
        // What clients say is advice.
        Exchange(request: ["Cache-Control: no-store"], response: ["Cache-Control: max-age=60"]),
        Exchange(method: "QUERY", response: ["Cache-Control: max-age=60"]),
        Exchange(response: ["Cache-Control: max-age=60", "Age: 61", "ETag: \"a\""]),
        Exchange(response: ["Cache-Control: max-age=0, stale-while-revalidate=5"]),
        Exchange(response: ["Cache-Control: max-age=0, stale-if-error=5"]),
        Exchange(response: ["Cache-Control: no-store", "CDN-Cache-Control: max-age=60"]),
    ]

    @Test(arguments: kept.indices)
    func `what may be kept is`(index: Int) throws { _ = try Self.kept[index].facts() }

    static let heeding: CacheRules = {
        var rules = CacheRules()
        rules.heedsClients = true
        return rules
    }()

    static let refused: [(Exchange, NotStored)] = [
        (Exchange(response: ["Cache-Control: no-store, max-age=60"]), .noStore),
        (Exchange(response: ["Cache-Control: max-age=60", "Cache-Control: no-store"]), .noStore),
        (Exchange(response: ["Cache-Control: private, max-age=60"]), .isPrivate),
        (Exchange(response: ["Cache-Control: private, s-maxage=60"]), .isPrivate),
        (
            Exchange(request: ["Authorization: x"], response: ["Cache-Control: max-age=60"]),
            .authorization
        ),
        (Exchange(method: "POST", response: ["Cache-Control: max-age=60"]), .method),
        (Exchange(method: "PUT", response: ["Cache-Control: max-age=60"]), .method),
        (Exchange(method: "OPTIONS", response: ["Cache-Control: max-age=60"]), .method),
        (Exchange(status: 103, response: ["Cache-Control: max-age=60"]), .status),
        (Exchange(status: 206, response: ["Cache-Control: max-age=60"]), .status),
        (Exchange(status: 304, response: ["Cache-Control: max-age=60"]), .status),
        (Exchange(status: 599, response: ["Cache-Control: must-understand, max-age=60"]), .status),
        (Exchange(status: 302, response: ["ETag: \"a\""]), .notExplicit),
        (Exchange(status: 500, response: ["ETag: \"a\""]), .notExplicit),
        (
            Exchange(
                status: 500,
                response: [
                    "CDN-Cache-Control: stale-while-revalidate=60",
                    "Expires: Sun, 06 Nov 1994 08:50:37 GMT",
                ]
            ),
            .notExplicit
        ),
        (Exchange(status: 599, response: ["Last-Modified: x"]), .notExplicit),
        (Exchange(response: ["Cache-Control: max-age=60", "Vary: *"]), .varies),
        (Exchange(response: ["Cache-Control: max-age=60", "Vary: a", "Vary: b, *"]), .varies),
        (Exchange(response: ["Cache-Control: max-age=60", "Set-Cookie: a=b"]), .cookie),
        (Exchange(response: []), .useless),
        (Exchange(response: ["ETag: a"]), .useless),
        (Exchange(response: ["Cache-Control: max-age=0"]), .useless),
        (Exchange(response: ["Cache-Control: max-age=60", "Age: 60"]), .useless),
        (Exchange(response: ["Cache-Control: max-age=x"]), .useless),
        (Exchange(response: ["Cache-Control: no-cache, max-age=60"]), .useless),
        (Exchange(response: ["Expires: 0"]), .useless),
        (
            Exchange(response: ["Cache-Control: must-revalidate, max-age=0, stale-if-error=9"]),
            .useless
        ),
        (
            Exchange(response: ["Cache-Control: max-age=60", "CDN-Cache-Control: no-store"]),
            .noStore
        ),
        (
            Exchange(
                request: ["Cache-Control: no-store"],
                response: ["Cache-Control: max-age=60"],
                rules: heeding
            ),
            .requestNoStore
        ),
    ]

    @Test(arguments: refused.indices)
    func `what may not be kept is not`(index: Int) {
        let (exchange, reason) = Self.refused[index]
        #expect(exchange.judge() == .refuse(reason))
    }

    static let lifetimes: [([String], Int64)] = [
        (["Cache-Control: max-age=60"], 60), (["Cache-Control: max-age=60, s-maxage=30"], 30),
        (["Cache-Control: s-maxage=90, max-age=60"], 90),
        // One that cannot be read means stale: it hides the others all the same.
        (["Cache-Control: s-maxage=x, max-age=60"], 0),
        (["Cache-Control: max-age=60, max-age=5"], 5),
        ([Exchange.date, "Expires: Sun, 06 Nov 1994 08:50:37 GMT"], 60),
        (["Expires: Sun, 06 Nov 1994 08:50:37 GMT"], 60),
        (["Cache-Control: max-age=5", "Expires: Sun, 06 Nov 1994 08:50:37 GMT"], 5),
        ([Exchange.date, "Expires: Sun, 06 Nov 1994 08:49:36 GMT"], 0),
        ([Exchange.date, "Expires: 0"], 0), ([Exchange.date, "Expires: "], 0),
        // The origin's clock is its own: what counts is the difference.
        (["Date: Sun, 06 Nov 1994 09:49:37 GMT", "Expires: Sun, 06 Nov 1994 09:50:37 GMT"], 60),
        // A tenth of the time that it has been as it is, and a day at most.
        ([Exchange.date, "Last-Modified: Sun, 06 Nov 1994 08:32:57 GMT"], 100),
        ([Exchange.date, "Last-Modified: Sun, 06 Nov 1988 08:32:57 GMT"], 86_400),
        ([Exchange.date, "Last-Modified: Sun, 06 Nov 1994 08:49:38 GMT"], 0),
        ([Exchange.date, "Expires: x", "Last-Modified: Sun, 06 Nov 1994 08:32:57 GMT"], 0),
        (["Cache-Control: max-age=99999999999"], 365 * 86_400),
        (["CDN-Cache-Control: must-revalidate", "Expires: Sun, 06 Nov 1994 08:50:37 GMT"], 0),
        (["CDN-Cache-Control: max-age=7", "Cache-Control: s-maxage=60"], 7),
        (["CDN-Cache-Control: max-age=7,", "Cache-Control: s-maxage=60"], 60),
    ]

    @Test(arguments: lifetimes.indices)
    func `a lifetime is what the origin says, or a guess`(index: Int) throws {
        let (lines, seconds) = Self.lifetimes[index]
        let facts = try Exchange(response: lines + ["ETag: \"a\""]).facts()
        #expect(facts.lifetime == .seconds(seconds), "\(lines)")
    }

    @Test func `a guess is one for statuses that may be kept by themselves`() throws {
        let lines = ["Last-Modified: Sun, 06 Nov 1994 08:32:57 GMT", "ETag: \"a\""]
        #expect(try Exchange(response: lines).facts().traits.contains(.isHeuristic))
        let other = try Exchange(status: 302, response: lines + ["Cache-Control: public"]).facts()
        #expect(other.lifetime == .seconds(100))
        let said = try Exchange(response: lines + ["Cache-Control: max-age=1"]).facts()
        #expect(!said.traits.contains(.isHeuristic))
    }

    static let ages: [([String], delay: Int64, age: Int64)] = [
        ([], 0, 0), (["Age: 5"], 0, 5), (["Age: 5, 9"], 0, 5), (["Age: 5", "Age: 9"], 0, 5),
        (["Age: -5"], 0, 0), (["Age: 5.5"], 0, 0), (["Age: x"], 0, 0), (["Age: \"5\""], 0, 0),
        (["Age: 99999999999"], 0, 2_147_483_647),
        // The answer has aged on its way.
        ([], 3, 3), (["Age: 5"], 3, 8),
        // By its date it is older than it says.
        (["Date: Sun, 06 Nov 1994 08:48:37 GMT"], 0, 60),
        (["Date: Sun, 06 Nov 1994 08:48:37 GMT", "Age: 5"], 3, 60),
        (["Date: Sun, 06 Nov 1994 08:48:37 GMT", "Age: 70"], 3, 73),
        // A clock ahead of ours makes nothing younger.
        (["Date: Sun, 06 Nov 1994 08:59:37 GMT", "Age: 5"], 0, 5), (["Date: x", "Age: 5"], 0, 5),
    ]

    @Test(arguments: ages.indices)
    func `an age is what RFC 9111 makes of date, age and delay`(index: Int) throws {
        let (lines, delay, age) = Self.ages[index]
        let response = lines + ["Cache-Control: max-age=9", "ETag: \"a\""]
        let facts = try Exchange(response: response, delay: delay).facts()
        #expect(facts.initialAge == .seconds(age))
        #expect(facts.age(Exchange.time(7)) == .seconds(age + 7))
        // A clock that goes back makes nothing younger than it came.
        #expect(facts.age(Exchange.time(-7)) == .seconds(age))
    }

    @Test func `a clock that ran back while the origin was asked is no delay`() throws {
        let lines = ["Cache-Control: max-age=9"]
        #expect(try Exchange(response: lines, delay: -5).facts().initialAge == .zero)
    }

    static let ruled: [(Int, [String], Bool, Int64?)] = [
        (200, [], false, 10), (201, [], false, 40), (404, [], false, 30), (500, [], false, 40),
        (502, [], false, 0), (599, [], false, 0),
        // What the origin says goes first, and what nobody can read says that it is stale.
        (200, ["Cache-Control: max-age=60"], false, 60), (200, ["Expires: 0"], false, 0),
        (200, ["Cache-Control: max-age=60"], true, 10), (200, ["Expires: 0"], true, 10),
        (200, ["Cache-Control: s-maxage=5"], true, 10),
        (200, ["Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT"], false, 10),
        // What it forbids stays forbidden, and so does what is not for everybody.
        (200, ["Cache-Control: no-store"], true, nil), (200, ["Cache-Control: private"], true, nil),
        (200, ["Set-Cookie: a=b"], true, nil), (206, [], true, nil), (304, [], true, nil),
    ]

    @Test(arguments: ruled)
    func `an operator says how long a status is fresh`(
        _ example: (status: Int, lines: [String], wins: Bool, seconds: Int64?)
    ) throws {
        var rules = CacheRules()
        rules.lifetimes = [
            CacheLifetime(200...599, .seconds(40)), CacheLifetime(404...404, .seconds(30)),
            CacheLifetime(500...599, .zero), CacheLifetime(200...200, .seconds(10)),
            CacheLifetime(500...500, .seconds(40)),
        ]
        rules.lifetimesWin = example.wins
        let lines = [Exchange.date, "ETag: \"a\""] + example.lines
        let exchange = Exchange(status: example.status, response: lines, rules: rules)
        guard let seconds = example.seconds else {
            guard case .refuse = exchange.judge() else {
                Issue.record("kept")
                return
            }
            return
        }
        let facts = try exchange.facts()
        #expect(facts.lifetime == .seconds(seconds))
        #expect(!facts.traits.contains(.isHeuristic))
    }
}
