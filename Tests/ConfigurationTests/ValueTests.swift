// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Configuration

@Suite struct `Values` {
    static let day = OptionType.duration(.zero...days(1))

    static let good: [(OptionType, String, OptionValue)] = [
        (day, "0", .interval(.zero)), (day, "250ms", .interval(.milliseconds(250))),
        (day, "1m30s", .interval(.seconds(90))), (day, "24h", .interval(.seconds(86_400))),
        (.ttl(.zero...days(1)), "30s", .interval(.seconds(30))),
        (.size(0...MiB(4)), "16KiB", .size(ByteCount(16_384))),
        (.size(0...MiB(4)), "2MB", .size(ByteCount(2_000_000))),
        (.size(0...10), "0", .size(ByteCount(0))),
        (.percentage(0...100), "20%", .percentage(.init(20))),
        (.integer(0...9), "08", .integer(8)), (.prime(3...99), "97", .integer(97)),
        (.boolean, "true", .bool(true)),
        (.listenAddress, ":80", .listen(ListenAddress(nil, port: 80))),
        (.listenAddress, "[::1]:80", .listen(ListenAddress(IPAddress(v6: 1), port: 80))),
        (.endpointAddress, "App.Example.:80", .endpoint(.name("app.example", port: 80))),
        (.statuses, "200", .statuses(200...200)), (.statuses, "200-299", .statuses(200...299)),
        (.rate(1...1000), "100/s", .rate(Rate(100, per: .seconds(1)))),
        (.rate(1...1000), "60/m", .rate(Rate(60, per: .seconds(60)))),
        (.rate(1...1000), "1000/h", .rate(Rate(1000, per: .seconds(3600)))),
        (.hashKey, "header:X-User", .hashKey(.header("x-user"))),
        (.hashKey, "query:Id", .hashKey(.query("Id"))),
        (.hostPattern, "*", .host(.any)),
        (.hostPattern, "*.Example.com", .host(.wildcard("example.com"))),
        (.hostPattern, "192.0.2.1", .host(.exact("192.0.2.1"))),
        (.hostPattern, "2001:DB8::1", .host(.exact("[2001:db8::1]"))),
        (.pathPattern, "/api/", .path(.prefix("/api/"))), (.pathPattern, "=/", .path(.exact("/"))),
        (.logOutput, "stderr", .output(.stderr)),
        (.logOutput, "./a.log", .output(.file("./a.log"))),
        (.mailbox, "root@example.com", .text("root.example.com")),
        (
            .record(.mx), "10  mail.example.com",
            .record(.mx(preference: 10, exchange: "mail.example.com"))
        ),
        (
            .record(.srv), "1 2 3 a.b.",
            .record(.srv(priority: 1, weight: 2, port: 3, target: "a.b."))
        ),
        (
            .record(.caa), "0 issue \"ca; x=1\"",
            .record(.caa(flags: 0, tag: "issue", value: "ca; x=1"))
        ),
        (
            .record(.https), "1 . alpn=h2,h3  port=\"8443\" ",
            .record(
                .https(
                    ServiceSettings(
                        priority: 1,
                        target: ".",
                        parameters: "alpn=h2,h3  port=\"8443\" "
                    )
                )
            )
        ),
        (
            .record(.svcb), "0\tAlias.example.net",
            .record(
                .svcb(ServiceSettings(priority: 0, target: "alias.example.net", parameters: ""))
            )
        ),
        (.either("off", day), "off", .word("off")),
        (.either("off", day), "1s", .interval(.seconds(1))),
    ]

    @Test(arguments: good)
    func `a good text is read`(type: OptionType, text: String, expected: OptionValue) throws {
        let value = try type.parse(text)
        #expect(value == expected)
        let again = try type.parse(value.description)
        #expect(again == value, "what is shown reads back")
    }

    static let bad: [(OptionType, String, DiagnosticCode, String?)] = [
        (day, "5", .notDuration, "did you mean `5s`?"),
        (day, "1s1m", .notDuration, "such as `1m30s`"), (day, "1s1s", .notDuration, nil),
        (.endpointAddress, "[::1]", .notAddress, "did you mean `[::1]:80`?"),
        (.endpointAddress, "0.0.0.0:80", .notAddress, nil),
        (.endpointAddress, "[::]:80", .notAddress, nil),
        (.endpointAddress, "239.1.2.3:80", .notAddress, nil),
        (.endpointAddress, "255.255.255.255:80", .notAddress, nil),
        (.endpointAddress, "[ff02::1]:80", .notAddress, nil),
        (day, "5 s", .notDuration, nil), (day, "5sec", .notDuration, "did you mean `5s`?"),
        (day, "1.5s", .notDuration, nil), (day, "s", .notDuration, nil),
        (day, "-1s", .notDuration, nil),
        (day, "25h", .outOfRange, "it must be 0s to 1d"),
        (day, "99999999999999999999s", .notDuration, nil),
        (day, "999999999999999999d", .outOfRange, nil),
        (.ttl(.zero...days(1)), "1500ms", .outOfRange, nil),
        (.size(0...MiB(4)), "16", .notSize, "did you mean `16B`?"),
        (.size(0...MiB(4)), "16K", .notSize, "did you mean `16KiB`?"),
        (.size(0...MiB(4)), "16mb", .notSize, "did you mean `16MB`?"),
        (.size(0...MiB(4)), "5MiB", .outOfRange, "it must be 0B to 4MiB"),
        (.size(0...MiB(4)), "999999999999999999GiB", .outOfRange, nil),
        (.percentage(0...100), "20", .notPercentage, "did you mean `20%`?"),
        (.percentage(0...100), "101%", .outOfRange, "it must be 0% to 100%"),
        (.integer(0...9), "ten", .notInteger, nil), (.integer(0...9), "1e3", .notInteger, nil),
        (.integer(0...9), "-1", .outOfRange, nil), (.integer(0...9), "", .notInteger, nil),
        (.integer(0...9), "99999999999999999999999", .outOfRange, nil),
        (.prime(3...99_999), "65536", .notPrime, "did you mean `65537`?"),
        (.prime(3...99), "98", .notPrime, "did you mean `97`?"),
        (.boolean, "yes", .notBoolean, "did you mean `true`?"),
        (.boolean, "off", .notBoolean, "did you mean `false`?"),
        (.words(["least-connections"]), "leastconn", .notWord, "did you mean `least-connections`?"),
        (
            .words(["least-connections"]), "least-conections", .notWord,
            "did you mean `least-connections`?"
        ),
        (.listenAddress, "8080", .notAddress, "did you mean `:8080`?"),
        (.listenAddress, "localhost:80", .notAddress, "did you mean `127.0.0.1:80`?"),
        (.listenAddress, "*:80", .notAddress, "did you mean `:80`?"),
        (.listenAddress, ":99999", .notAddress, nil),
        (.endpointAddress, "10.0.0.1", .notAddress, "did you mean `10.0.0.1:80`?"),
        (.endpointAddress, "10.0.0.256:80", .notAddress, nil),
        (.endpointAddress, "app", .notAddress, "did you mean `app:80`?"),
        (.endpointAddress, "app:0", .notAddress, nil),
        (.endpointAddress, "1.2.3.4:0", .notAddress, nil),
        (.endpointAddress, "http://app:80/x", .notAddress, "did you mean `app:80`?"),
        (.endpointAddress, "a..b:80", .notDomainName, nil),
        (.prefix, "10.0.0.1/8", .notPrefix, "did you mean `10.0.0.0/8`?"),
        (.prefix, "10.0.0.0/33", .notPrefix, nil),
        (.statuses, "2xx", .notStatus, "did you mean `200-299`?"),
        (.statuses, "299-200", .notStatus, "did you mean `200-299`?"),
        (.statuses, "99", .notStatus, nil), (.statuses, "1-2-3", .notStatus, nil),
        (.rate(1...1000), "100", .notRate, "did you mean `100/s`?"),
        (.rate(1...1000), "5/min", .notRate, "did you mean `5/m`?"),
        (.rate(1...1000), "5r/s", .notRate, "did you mean `5/s`?"),
        (.rate(1...1000), "/s", .notRate, nil), (.rate(1...1000), "", .notRate, nil),
        (.rate(1...1000), "1.5/s", .notRate, nil), (.rate(1...1000), "-1/s", .notRate, nil),
        (.rate(1...1000), "0/s", .outOfRange, nil), (.rate(1...1000), "1001/s", .outOfRange, nil),
        (.hashKey, "heder:x", .notHashKey, "did you mean `header:x`?"),
        (.hashKey, "header:", .notHashKey, nil), (.hashKey, "", .notHashKey, nil),
        (.hostPattern, "example.com:80", .notHost, "leave out scheme and port: `example.com`"),
        (.hostPattern, "a.*.com", .notHost, nil), (.hostPattern, "bücher.example", .notHost, nil),
        (.pathPattern, "api", .notPath, "did you mean `/api`?"),
        (.pathPattern, "/api/*", .notPath, "a path without `=` is a prefix already: `/api/`"),
        (.pathPattern, "/a?b", .notPath, nil), (.pathPattern, "/a b", .notPath, nil),
        (.requestTarget, "healthz", .notPath, "did you mean `/healthz`?"),
        (.logOutput, "sterr", .notWord, "did you mean `stderr`?"),
        (.hostName, "-a.example", .notDomainName, nil), (.hostName, "a/b", .notDomainName, nil),
        (.domainName, "a b", .notDomainName, nil), (.domainName, "a\\.b", .notDomainName, nil),
        (.domainName, "a..b", .notDomainName, nil), (.domainName, "", .notDomainName, nil),
        (.domainName, String(repeating: "a", count: 64), .notDomainName, nil),
        (.mailbox, "john.doe@example.com", .notDomainName, nil),
        (.mailbox, "@", .notDomainName, nil), (.endpointAddress, "@:80", .notDomainName, nil),
        (.hostPattern, "@", .notHost, nil), (.hostPattern, ".", .notHost, nil),
        (.record(.a), "2001:db8::1", .notRecord, "IPv6 addresses belong under `aaaa`"),
        (.record(.mx), "mail.example.com", .notRecord, "did you mean `10 mail.example.com`?"),
        (.record(.mx), "70000 mail", .notRecord, "a number of 0 to 65535"),
        (.record(.srv), "1 2 x", .notRecord, nil), (.record(.caa), "0 issue", .notRecord, nil),
        (
            .record(.https), "alpn=h2", .notRecord,
            "such as `1 . alpn=h2` or, for an alias, `0 www.example.net`"
        ),
        (.record(.https), ". alpn=h2", .notRecord, "a number of 0 to 65535"),
        (.record(.svcb), "1 alpn=h2", .notDomainName, nil),
        (.label, "-a", .badName, nil), (.label, "a b", .badName, nil),
        (.text(3), "abcd", .badText, nil), (.text(9), "a\u{1b}[31m", .badText, nil),
    ]

    @Test(arguments: bad)
    func `a bad text is refused with code and suggestion`(
        type: OptionType,
        text: String,
        code: DiagnosticCode,
        suggestion: String?
    ) {
        let fault = #expect(throws: ValueFault.self) { try type.parse(text) }
        #expect(fault?.code == code)
        if let suggestion { #expect(fault?.suggestion == suggestion) }
    }

    @Test func `a long text record is cut between characters`() throws {
        let value = try OptionType.record(.txt).parse(String(repeating: "é", count: 200))
        guard case .record(.txt(let strings)) = value else {
            Issue.record("no text record")
            return
        }
        #expect(strings.map(\.utf8.count) == [254, 146])
    }

    @Test(arguments: [
        ("timout", "timeout"), ("endpionts", "endpoints"), ("balanse", "balance"),
        ("first_byte", "first-byte"), ("Probe", "probe"),
    ])
    func `a misspelt word finds its neighbour`(wrong: String, right: String) {
        let keys = Schema.martlet.keys(of: "pools.*") + ["timeout", "first-byte"]
        #expect(Spelling.nearest(to: wrong, among: keys) == right)
    }

    @Test func `a far word finds nothing`() {
        #expect(Spelling.nearest(to: "colour", among: ["probe", "pool", "zone"]) == nil)
    }

    @Test func `names are taken or refused alike, whether they look plain or not`() throws {
        var texts = [""]
        for length in 1...5 {
            let shorter = texts.filter { $0.utf8.count == length - 1 }
            for text in shorter { texts += ["a", "-", ".", "_", "B", "0", "/"].map { text + $0 } }
        }
        let long = String(repeating: "a", count: 63)
        let name = "\(long).\(long).\(long).\(String(repeating: "a", count: 61))"
        texts += [long, long + "a", long + ".", name, name + ".", name + "a"]
        for text in texts {
            let whole = text.hasSuffix(".") ? String(text.dropLast()) : text
            let labels = whole.split(separator: ".", omittingEmptySubsequences: false)
            let isName = whole.utf8.count <= 253 && labels.allSatisfy { 1...63 ~= $0.utf8.count }
            let isHost =
                isName
                && labels.allSatisfy {
                    !$0.hasPrefix("-") && !$0.hasSuffix("-") && !$0.contains("/")
                }
            let (name, host) = (try? OptionType.zoneName(text), try? OptionType.domainName(text))
            guard name == (isName ? text.lowercased() : nil),
                host == (isHost ? text.lowercased() : nil)
            else {
                Issue.record("\(text): \(name ?? "refused"), \(host ?? "refused")")
                continue
            }
        }
    }
}
