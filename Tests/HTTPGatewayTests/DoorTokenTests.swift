// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Testing

@testable import HTTPGateway

/// Tokens that `openssl` and PyJWT have made; see `Tests/HTTPGatewayTests/Tokens.swift`.
@Suite struct DoorTokenTests {
    static func plan(_ change: (inout TokenPlan) -> Void = { _ in }) throws -> TokenPlan {
        var plan = TokenPlan(keys: try TokenKeys(Array(Tokens.set.utf8)), realm: "api")
        plan.issuer = "https://issuer.example"
        plan.audience = ["other", "api"]
        change(&plan)
        return plan
    }

    static func judge(
        _ token: String,
        now: Int64 = 1_900_000_000,
        _ change: (inout TokenPlan) -> Void = { _ in }
    ) throws -> TokenVerdict {
        let plan = try plan(change)
        let keys = try #require(plan.keys)
        let bytes = Array(token.utf8)
        return TokenMachine(plan: plan, keys: keys).judge(bytes.span, now: now)
    }

    @Test(arguments: [Tokens.rs256, Tokens.es256, Tokens.eddsa, Tokens.nameless])
    func `each algorithm is verified`(token: String) throws {
        #expect(try Self.judge(token) == .valid(until: 2_000_000_030))
    }

    @Test(arguments: Tokens.attacks)
    func `attacks come to nothing`(attack: Tokens.Attack) throws {
        let verdict = try Self.judge(attack.token)
        #expect(verdict == .invalid(attack.fault), "\(attack.name)")
    }

    @Test func `one changed octet anywhere breaks a token`() throws {
        let token = Array(Tokens.es256.utf8)
        for index in token.indices {
            var changed = token
            changed[index] = token[index] == 0x41 ? 0x42 : 0x41
            let verdict = try Self.judge(String(decoding: changed, as: UTF8.self))
            guard case .invalid = verdict else {
                Issue.record("\(index): \(verdict)")
                continue
            }
        }
        for count in token.indices {
            let verdict = try Self.judge(String(decoding: token[..<count], as: UTF8.self))
            guard case .invalid = verdict else {
                Issue.record("cut at \(count): \(verdict)")
                continue
            }
        }
    }

    @Test func `time, issuer, audience and claims are judged`() throws {
        let token = Tokens.rs256
        #expect(try Self.judge(token, now: 2_000_000_029) == .valid(until: 2_000_000_030))
        #expect(try Self.judge(token, now: 2_000_000_030) == .invalid(.expired))
        #expect(try Self.judge(token, now: 1_799_999_969) == .invalid(.early))
        #expect(try Self.judge(token, now: 1_799_999_970) == .valid(until: 2_000_000_030))
        #expect(try Self.judge(token) { $0.issuer = "https://issuer.exampl" } == .invalid(.issuer))
        #expect(try Self.judge(token) { $0.audience = ["web2"] } == .invalid(.audience))
        #expect(try Self.judge(token) { $0.audience = [] } == .valid(until: 2_000_000_030))
        #expect(try Self.judge(token) { $0.algorithms = ["ES256"] } == .invalid(.algorithm))
        #expect(try Self.judge(token) { $0.tokenLimit = 300 } == .invalid(.tooLong))
        func claim(_ name: String, _ value: String) throws -> TokenVerdict {
            try Self.judge(token) { $0.required = [TokenPlan.Claim(claim: name, value: value)] }
        }
        for (name, value) in [
            ("scope", "read"), ("scope", "read write"), ("roles", "admin"), ("level", "3"),
            ("staff", "true"),
        ] {
            #expect(try claim(name, value) == .valid(until: 2_000_000_030), "\(name)")
        }
        for (name, value) in [
            ("scope", "rea"), ("scope", "admin"), ("roles", "adm"), ("level", "4"), ("none", ""),
        ] {
            #expect(try claim(name, value) == .lacking, "\(name)")
        }
        #expect(try Self.judge(Tokens.endless) == .invalid(.endless))
        #expect(try Self.judge(Tokens.endless) { $0.needsEnd = false } == .valid(until: nil))
    }

    @Test func `claims are compared octet by octet, and only a scope word by word`() {
        func holds(_ name: String, _ text: String, _ wanted: String) -> Bool {
            let claims = JSONValue.object([JSONMember(name, .string(text))])
            return TokenMachine.holds(claims, name, wanted)
        }
        #expect(holds("sub", "Kim", "Kim") && holds("scope", "read write", "write"))
        #expect(!holds("sub", "\u{212A}im", "Kim"), "the sign of the kelvin is another letter")
        #expect(!holds("sub", "bob alice", "alice"), "a name with a blank is one name")
        #expect(JSONValue.object([JSONMember("\u{212A}", .null)])["K"] == nil)
    }

    @Test func `a named key is the one, however many have no name`() throws {
        let x = "pdSuwAzKCbD5Xj29_elxrXLF-syo57xJF1PpqhKnMLc"
        let key = #"{"kty":"OKP","crv":"Ed25519","x":"\#(x)""#
        let list = Array(repeating: key + "}", count: 8) + [key + #","kid":"d1"}"#]
        let keys = try TokenKeys(Array(#"{"keys":[\#(list.joined(separator: ","))]}"#.utf8))
        #expect(keys.candidates(.eddsa, name: "d1").count == 1)
        #expect(keys.candidates(.eddsa, name: "d2").count == 8)
        #expect(keys.candidates(.eddsa, name: nil).isEmpty, "too many to try")
        let none = try TokenKeys(Array(#"{"keys":[]}"#.utf8))
        #expect(none.candidates(.eddsa, name: nil).isEmpty)
    }

    @Test func `what is required and what is told are not the same rule`() throws {
        let claim = TokenPlan.Claim(claim: "scope", value: "admin")
        let required = try Self.plan { $0.required = [claim] }
        let told = try Self.plan { $0.fields = [claim] }
        let short = try Self.plan { $0.cache = .zero }
        let plain = try Self.plan()
        #expect(Set([required, told, short, plain].map(\.identity)).count == 4)
    }

    @Test func `trailers tell an endpoint nothing about who asks`() throws {
        let plan = try Self.plan { $0.fields = [TokenPlan.Claim(claim: "sub", value: "X-Subject")] }
        var stage = try DoorHarness { $0.routes[0].access = .token(plan) }
        stage.door.tick(now: stage.now, realtime: 1_900_000_000 * 1_000_000_000)
        let head =
            "POST / HTTP/1.1\r\nHost: www.example.com\r\nAuthorization: Bearer "
            + "\(Tokens.rs256)\r\nTransfer-Encoding: chunked\r\n\r\n"
        let guest = stage.visit(
            head + "2\r\nhi\r\n0\r\nX-Subject: root\r\nX_Subject: root\r\n\r\n"
        )
        #expect(stage.turn { $0.heard(guest).contains("hello") })
        let told = stage.told(0)
        #expect(told.contains("\r\nX-Subject: ann\r\n") && told.hasSuffix("2\r\nhi\r\n0\r\n\r\n"))
        #expect(!told.contains("root"))
    }

    @Test func `the door verifies once, tells endpoints claims, and forgets at the end`() throws {
        let plan = try Self.plan {
            $0.fields = [
                TokenPlan.Claim(claim: "sub", value: "X-Subject"),
                TokenPlan.Claim(claim: "level", value: "X-Level"),
                TokenPlan.Claim(claim: "evil", value: "X-Evil"),
                TokenPlan.Claim(claim: "roles", value: "X-Roles"),
            ]
            $0.cache = .seconds(3600)
        }
        var stage = try DoorHarness { $0.routes[0].access = .token(plan) }
        let end: Int64 = 2_000_000_030
        stage.door.tick(now: stage.now, realtime: (end - 100) * 1_000_000_000)
        let fields =
            "Authorization: bearer \(Tokens.rs256)\r\nX-Subject: root\r\nX-Evil: 1\r\n"
            + "X_Level: 9\r\n"
        let guest = stage.visit(get(fields: fields) + get(fields: fields))
        #expect(stage.turn { $0.heard(guest).components("hello") == 2 })
        #expect(stage.count(.accessVerified) == 1 && stage.count(.accessKnown) == 1)
        let told = stage.told(0)
        #expect(told.components("\r\nX-Subject: ann\r\n") == 2)
        #expect(told.components("\r\nX-Level: 3\r\n") == 2)
        #expect(told.components("X-Subject") == 2 && !told.contains("X-Evil"))
        #expect(!told.contains("X_Level"), "CGI makes one variable of both spellings")
        #expect(!told.contains("X-Roles") && told.contains("Authorization: bearer "))
        // Known for an hour, but never beyond its own end.
        stage.advance(.seconds(101))
        stage.door.tick(now: stage.now, realtime: (end + 1) * 1_000_000_000)
        let late = stage.hearAll(stage.visit(get(fields: fields + "Connection: close\r\n")))
        #expect(late.hasPrefix("HTTP/1.1 401 "))
        let told401 = "WWW-Authenticate: Bearer realm=\"api\", error=\"invalid_token\", "
        #expect(late.contains(told401 + "error_description=\"the token has expired\"\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `the challenge says no more than is wrong`() throws {
        let plan = try Self.plan {
            $0.required = [TokenPlan.Claim(claim: "scope", value: "admin")]
        }
        var stage = try DoorHarness { $0.routes[0].access = .token(plan) }
        stage.door.tick(now: stage.now, realtime: 1_900_000_000 * 1_000_000_000)
        func ask(_ stage: inout DoorHarness, _ fields: String) -> String {
            stage.hearAll(stage.visit(get(fields: fields + "Connection: close\r\n")))
        }
        let bare = ask(&stage, "")
        #expect(
            bare.contains("401 ") && bare.contains("\r\nWWW-Authenticate: Bearer realm=\"api\"\r\n")
        )
        let lacking = ask(&stage, "Authorization: Bearer \(Tokens.es256)\r\n")
        #expect(lacking.hasPrefix("HTTP/1.1 403 "))
        #expect(lacking.contains("Bearer realm=\"api\", error=\"insufficient_scope\"\r\n"))
        let wrong = ask(&stage, "Authorization: Bearer x.y.z\r\n")
        #expect(wrong.contains("401 ") && wrong.contains("error=\"invalid_token\""))
        #expect(stage.told(0).isEmpty && stage.count(.insufficientScope) == 1)
        #expect(stage.leftovers() == [])
    }
}

@Suite struct TokenKeyTests {
    @Test(arguments: [
        ("", "no public key"), ("{}", "no list `keys`"), ("{\"keys\":[{}]}", "no public key"),
        ("{\"keys\":", "is no JWK set"), (Tokens.privateKey, "neither"),
        ("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n", "damaged"),
        (Tokens.shortRSA, "2048"), (Tokens.otherCurve, "P-256"),
        ("{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}", "a secret"),
        (Tokens.set.replacing("\"e1\"", with: "\"r1\""), "two keys"),
    ])
    func `a bad file is refused`(text: String, fault: String) {
        #expect {
            try TokenKeys(Array(text.utf8))
        } throws: { ($0 as? TokenKeys.Fault)?.message.contains(fault) ?? false }
    }

    @Test func `PEM holds keys and certificates, a set passes over what is not for signatures`()
        throws
    {
        let pem = try TokenKeys(Array((Tokens.publicKey + "text\n" + Tokens.certificate).utf8))
        #expect(pem.entries.map(\.key.algorithm) == [.rs256, .es256])
        #expect(pem.entries.allSatisfy { $0.name == nil })
        let set = try TokenKeys(Array(Tokens.set.utf8))
        #expect(set.entries.map(\.name) == ["r1", "e1", "d1"])
        #expect(set.entries.map(\.key.algorithm) == [.rs256, .es256, .eddsa])
        let named = "\"kid\":\"r1\","
        let other = Tokens.set.replacing(named, with: named + "\"key_ops\":[\"encrypt\"],")
        #expect(try TokenKeys(Array(other.utf8)).entries.map(\.name) == ["e1", "d1"])
        #expect(set.candidates(.rs256, name: "e1").isEmpty)
        #expect(set.candidates(.es256, name: nil).count == 1)
    }

    @Test(arguments: [
        (#"{"sub":"ann"}"#, "sub", "ann"), (#"{ "a" : {"sub":"x"}, "sub" : "ann" }"#, "sub", "ann"),
        (#"{"a":["sub",{"sub":1}],"sub":7}"#, "sub", "7"), (#"{"sub":true}"#, "sub", "true"),
        (#"{"sub":null}"#, "sub", ""), (#"{"sub":["a"]}"#, "sub", ""), (#"{"sub":{}}"#, "sub", ""),
        (#"{"x":"\"sub\":1","sub":-1.5e3}"#, "sub", "-1.5e3"), (#"{"sub":"a\nb"}"#, "sub", ""),
        (#"{"sub":"a\u000db"}"#, "sub", ""), (#"{"sub":" a"}"#, "sub", ""),
        (#"{"sub":"ä"}"#, "sub", ""), (#"{"s\u0075b":"x"}"#, "sub", ""),
        (#"{"x":"sub"}"#, "sub", ""),
        (#"{"sub""#, "sub", ""), (#"{"sub":"#, "sub", ""), (#"{"sub":"a"#, "sub", "a"),
        ("", "sub", ""),
        (#"{"sub":"a\"#, "sub", ""),
    ])
    func `a claim is found in the outermost object`(text: String, name: String, value: String) {
        let (letters, wanted) = (Array(text.utf8), Array(name.utf8))
        let range = ClaimReader.find(wanted.span, in: letters.span)
        let found = String(decoding: letters[Int(range.start)..<range.end], as: UTF8.self)
        #expect(found == value)
    }
}
