// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import HTTPGateway

@Suite struct DoorAccessTests {
    /// ann: secret, bob: open, kim: sesame, joy: yes.
    static let file = """
        # members
        ann:$6$rounds=1000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/

        bob:$5$rounds=1000$saltsalt$R1POFbiq2hAKcmmkDHu2iNugM5cdQ7FxxuYEQVZfha0:more
        kim:$2b$04$i6KnG4QadntDOnReY4oPBOVZjDR/oTGUtXEjyxNiWb0p6sv2Xh.9u\r
        joy:$y$j75$wCuGHeuNOsKBRv4Cgq4Hs0$hkgzjllpSDOWgyTmO7wf/CMjPbuArbH6I12PQxlzPr0
        """

    static func stage(
        log: AccessLogFormat = .combined,
        _ change: @Sendable (inout PasswordPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        var plan = PasswordPlan(users: try UserTable(Array(file.utf8)), realm: "A \"b\"")
        plan.userField = "X-User"
        change(&plan)
        let access = plan
        return try DoorHarness {
            $0.accessLog = log
            $0.routes[0].access = .password(access)
        }
    }

    static func basic(_ pair: String) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
        let bytes = Array(pair.utf8)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << ((3 - group.count) * 8)
            for place in 0...group.count { text.append(letters[bits >> (18 - place * 6) & 63]) }
            text += String(repeating: "=", count: 3 - group.count)
        }
        return "Authorization: Basic \(text)\r\n"
    }

    /// The answer to one request on a connection of its own.
    static func ask(_ stage: inout DoorHarness, _ fields: String) -> String {
        stage.hearAll(stage.visit(get(fields: fields + "Connection: close\r\n")))
    }

    @Test(arguments: ["ann:secret", "bob:open", "kim:sesame", "joy:yes"])
    func `every form of hash lets its user in, and the endpoint learns the name alone`(
        pair: String
    ) throws {
        var stage = try Self.stage()
        let name = pair.prefix(3)
        let text = Self.ask(&stage, "X-User: root\r\n" + Self.basic(pair))
        #expect(text.hasPrefix("HTTP/1.1 200 "))
        let told = stage.told(0)
        #expect(told.contains("\r\nX-User: \(name)\r\n"))
        #expect(told.components("X-User") == 1 && !told.contains("Authorization"))
        #expect(stage.count(.accessVerified) == 1 && stage.count(.accessKnown) == 0)
        #expect(try stage.lines().allSatisfy { $0.hasSuffix(" ok") })
        #expect(stage.leftovers() == [])
    }

    @Test func `a password that was right is not compared again while it is known`() throws {
        var stage = try Self.stage { $0.strips = false }
        for _ in 0..<3 { #expect(Self.ask(&stage, Self.basic("ann:secret")).contains(" 200 ")) }
        #expect(stage.count(.accessVerified) == 1 && stage.count(.accessKnown) == 2)
        #expect(stage.told(0).contains("Authorization: Basic "))
        stage.advance(.seconds(601))
        #expect(Self.ask(&stage, Self.basic("ann:secret")).contains(" 200 "))
        #expect(stage.count(.accessVerified) == 2)
        #expect(Self.ask(&stage, Self.basic("ann:Secret")).contains(" 401 "))
        #expect(stage.leftovers() == [])
    }

    @Test func `nothing need be known for a password to be right`() throws {
        var stage = try Self.stage { $0.cache = .zero }
        for _ in 0..<2 { #expect(Self.ask(&stage, Self.basic("bob:open")).contains(" 200 ")) }
        #expect(stage.count(.accessVerified) == 2)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        "", "Authorization: Basic\r\n", "Authorization: Basic \r\n", "Authorization: Basic x\r\n",
        "Authorization: Bearer YW5uOnNlY3JldA==\r\n", "Authorization: YW5uOnNlY3JldA==\r\n",
        "Authorization: Basic YW5uOnNlY3JldA\r\n", "Authorization: BasicYW5uOnNlY3JldA==\r\n",
        "Authorization: Basic YW5uOnNlY3JldA==\r\nAuthorization: Basic YW5uOnNlY3JldA==\r\n",
        "Authorization: Basic YW5uOnNlY3JldA== x\r\n", "Proxy-Authorization: Basic YW5u\r\n",
    ])
    func `what is no name and password is answered by the challenge`(fields: String) throws {
        var stage = try Self.stage()
        let text = Self.ask(&stage, fields)
        #expect(text.hasPrefix("HTTP/1.1 401 Unauthorized\r\n"))
        let challenge = "\r\nWWW-Authenticate: Basic realm=\"A \\\"b\\\"\", charset=\"UTF-8\"\r\n"
        #expect(text.contains(challenge))
        #expect(stage.told(0).isEmpty)
        #expect(stage.count(.unauthorized) == 1)
        #expect(try stage.lines().allSatisfy { $0.hasSuffix(" unauthorized") })
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        "ann:secre", "ann:secret\0", "ann:", ":secret", "nobody:secret", "ann", "Ann:secret",
        "ann:secret:", "ann:open", "# members:x",
    ])
    func `a wrong pair does not come in`(pair: String) throws {
        var stage = try Self.stage()
        #expect(Self.ask(&stage, Self.basic(pair)).hasPrefix("HTTP/1.1 401 "))
        #expect(stage.told(0).isEmpty)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        "GET /b HTTP/1.1\r\nHost: a.example\r\nCookie: half=", "GET /b HTTP/1.1\r\nX: y\r\n\r\n",
    ])
    func `who waits for a verdict keeps their fields, whatever others say`(other: String) throws {
        var stage = try Self.stage(log: .off)
        let fields = Self.basic("ann:secret") + "Cookie: mine=1\r\n"
        let guest = stage.visit(get(fields: fields))
        _ = stage.visit(other)
        #expect(stage.hear(guest, until: "hello").contains("hello"))
        #expect(stage.told(0).contains("\r\nCookie: mine=1\r\n"))
    }

    @Test func `guessing ends at the budget, and what is known still comes in`() throws {
        var stage = try Self.stage { $0.attempts = 3 }
        #expect(Self.ask(&stage, Self.basic("ann:secret")).contains(" 200 "))
        for guess in 0..<3 {
            #expect(Self.ask(&stage, Self.basic("bob:\(guess)")).contains(" 401 "))
        }
        let text = Self.ask(&stage, Self.basic("bob:open"))
        #expect(text.contains(" 429 ") && text.contains(": auth-limited\n"))
        #expect(text.contains("\r\nRetry-After: 20\r\n"))
        #expect(Self.ask(&stage, Self.basic("ann:secret")).contains(" 200 "))
        stage.advance(.seconds(20))
        #expect(Self.ask(&stage, Self.basic("bob:open")).contains(" 200 "))
        #expect(stage.count(.authLimited) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `by HTTP 2, with a body, and on a kept connection it is the same`() throws {
        var stage = try Self.stage()
        var client = try HTTP2Guest(&stage)
        let pair = String(Self.basic("kim:sesame").dropFirst(15).dropLast(1))
        let first = client.ask(&stage, "POST", "/", [("authorization", pair)], content: "hello")
        #expect(stage.answer(&client, first).status == "200")
        #expect(stage.told(0).hasSuffix("hello") || stage.told(0).contains("hello"))
        let second = client.ask(&stage, "GET", "/", [])
        let refused = stage.answer(&client, second)
        #expect(refused.status == "401")
        #expect(refused.fields.contains { $0.hasPrefix("www-authenticate: Basic realm=") })
        let guest = stage.visit(get("/1"))
        stage.hear(guest, until: ": unauthorized\n")
        stage.send(guest, get("/2", fields: Self.basic("joy:yes")) + get("/3"))
        stage.hear(guest, until: "hello")
        #expect(stage.turn { $0.heard(guest).components(": unauthorized\n") == 2 })
        #expect(stage.leftovers() == [])
    }

    @Test func `without a usable file nobody comes in`() throws {
        var stage = try Self.stage { $0.users = nil }
        let text = Self.ask(&stage, Self.basic("ann:secret"))
        #expect(text.contains(" 503 ") && text.contains(": auth-unavailable\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `who leaves, and whose route changes, while a password is compared`() throws {
        var stage = try Self.stage { $0.attempts = 1 }
        let guest = stage.visit(get(fields: Self.basic("ann:guess")))
        stage.turn { $0.count(.accessVerified) == 1 }
        stage.leave(guest, reset: true)
        #expect(stage.turn { $0.count(.clientGone) + $0.count(.unauthorized) == 1 })
        // The guess of somebody who has gone counts as well.
        var status = ""
        for _ in 0..<50 where status != "429" {
            status = String(Self.ask(&stage, Self.basic("ann:secret")).dropFirst(9).prefix(3))
        }
        #expect(status == "429" || status == "200")
        #expect(stage.leftovers() == [])
    }

    @Test func `a reload while a password is compared asks anew`() throws {
        var stage = try Self.stage()
        let guest = stage.visit(get(fields: Self.basic("ann:secret")))
        stage.turn { $0.count(.accessVerified) == 1 }
        let other = "ann:" + Self.file.split(separator: "\n")[2].dropFirst(4)
        stage.plan.routes[0].access = .password(
            PasswordPlan(users: try UserTable(Array(other.utf8)), realm: "B")
        )
        let snapshot = GatewaySnapshot(stage.plan, health: stage.health, generation: 2)
        stage.door.adopt(snapshot, loop: &stage.loop, now: stage.now)
        #expect(stage.hear(guest, until: "unauthorized").contains("realm=\"B\""))
        #expect(stage.count(.accessVerified) == 2)
        #expect(stage.leftovers() == [])
    }
}

@Suite struct UserTableTests {
    @Test(arguments: [
        ("", "has no user"), ("\n\n", "has no user"), ("ann", "line 1"), (":x", "line 1"),
        ("a b:$6$salt$x", "line 1"), ("ann:secret", "none of bcrypt"), ("ann:", "none of bcrypt"),
        ("ann:$apr1$abcdefgh$aaaaaaaaaaaaaaaaaaaaaa", "none of bcrypt"),
        ("ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "none of bcrypt"), ("ann:$6$salt", "none"),
        ("ann:rqXexS6ZhobKA", "none of bcrypt"),
    ])
    func `a bad file is refused, and its hashes are not told`(text: String, fault: String) {
        #expect {
            try UserTable(Array(text.utf8))
        } throws: { error in
            let message = (error as? UserTable.Fault)?.message ?? ""
            return message.contains(fault) && !message.contains("W6ph5")
                && !message.contains("rqXe")
        }
    }

    @Test func `a name stands once`() throws {
        let line = DoorAccessTests.file.split(separator: "\n")[1]
        #expect(throws: UserTable.Fault.self) { try UserTable(Array("\(line)\n\(line)".utf8)) }
        #expect(try UserTable(Array(DoorAccessTests.file.utf8)).count == 4)
    }

    @Test func `a file of comments lets nobody in`() throws {
        let table = try UserTable(Array("# nobody\n\n".utf8))
        #expect(table.count == 0)
        #expect(!table.hash(of: Array("ann".utf8)[...]).isKnown)
    }

    @Test func `a full set of verified digests gives up what ends first`() {
        var table = VerifiedTable()
        let now = Instant.start
        func digest(_ high: UInt64) -> Digest128 { Digest128(low: 5, high: high) }
        #expect(!table.holds(Digest128(low: 0, high: 0), now: now))
        for place in 1...4 {
            let until = now + .seconds(Int64(place))
            table.insert(digest(UInt64(place)), until: until, now: now)
        }
        table.insert(digest(9), until: now + .seconds(9), now: now)
        #expect(
            (1...9).map { table.holds(digest($0), now: now) } == [
                false, true, true, true, false, false, false, false, true,
            ]
        )
        #expect(!table.holds(digest(2), now: now + .seconds(2)))
        #expect(!table.holds(Digest128(low: 0, high: 0), now: now))
    }
}
