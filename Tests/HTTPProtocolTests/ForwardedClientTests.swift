// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

/// Who the client is by these lines of a field, when 10.0.0.0/8 is trusted.
private func client(_ field: ClientAddressField, _ lines: [String]) -> String {
    var found = ForwardedClient()
    for line in lines {
        let bytes = Array(line.utf8)
        var reader = ForwardedReader(field)
        while let element = reader.next(bytes.span) {
            let isTrusted = element.map { $0.isIPv4 && $0.byte(0) == 10 } ?? false
            found.add(element, isTrusted: isTrusted)
        }
    }
    return found.address.map { "\($0)" } ?? "-"
}

@Suite struct ForwardedClientTests {
    @Test(arguments: [
        (["203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9, 10.0.0.1, 10.0.0.2"], "203.0.113.9"),
        (["198.51.100.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        (["198.51.100.1", "203.0.113.9,10.0.0.2"], "203.0.113.9"),
        (["10.1.1.1, 10.0.0.2"], "10.1.1.1"),
        (["10.9.9.9, 203.0.113.9"], "203.0.113.9"),
        (["unknown, 10.0.0.2"], "10.0.0.2"),
        (["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
        (["203.0.113.9, garbage"], "-"), ([""], "-"), ([" , ,"], "-"),
        (["203.0.113.9:4711"], "203.0.113.9"), (["[2001:db8::9]:4711"], "2001:db8::9"),
        (["[2001:db8::9]"], "2001:db8::9"), (["2001:db8::9 ,10.0.0.1"], "2001:db8::9"),
        (["::ffff:203.0.113.9"], "203.0.113.9"), (["203.0.113.9:"], "-"),
        (["203.0.113.9:x"], "-"), (["203.0.113.9:123456"], "-"), (["[203.0.113.9]"], "-"),
        (["\"203.0.113.9\""], "-"),
    ])
    func `X-Forwarded-For is believed up to the last address that is not trusted`(
        lines: [String],
        expected: String
    ) {
        #expect(client(.xForwardedFor, lines) == expected)
    }

    // RFC 7239 §4 and §7.4.
    @Test(arguments: [
        (
            ["for=192.0.2.43, for=198.51.100.17;by=203.0.113.60;proto=http;host=example.com"],
            "198.51.100.17"
        ),
        (["For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
        (["proto=https;FOR=192.0.2.43;by=10.0.0.1", "for=10.0.0.9"], "192.0.2.43"),
        (["for=\"_gazonk\""], "-"), (["for=unknown, for=10.0.0.1"], "10.0.0.1"),
        (["for=192.0.2.43, by=10.0.0.1"], "-"),
        (["for=\"192.0.2.43:80\";ext=\"a,b;for=1.2.3.4\""], "192.0.2.43"),
        (["ext=\"\\\",for=1.2.3.4\";for=192.0.2.43"], "192.0.2.43"),
        // A quote left open hides what the next proxy appended: nobody is believed.
        (["for=192.0.2.43;ext=\", for=203.0.113.9"], "-"),
        (["for=1.2.3.4, for=\", for=\"[2001:db8::1]\""], "-"),
    ])
    func `Forwarded is read as RFC 7239 has it`(lines: [String], expected: String) {
        #expect(client(.forwarded, lines) == expected)
    }

    @Test(arguments: [
        ("for=1.2.3.4", false), ("for=\"[::1]\", for=\"a\\\"\"", false), ("for=\"", true),
        ("for=\", for=203.0.113.9", true), ("for=\"\\", true),
    ])
    func `a value that ends inside of quotes is told`(text: String, isBroken: Bool) {
        let bytes = Array(text.utf8)
        var reader = ForwardedReader(.forwarded)
        while reader.next(bytes.span) != nil {}
        #expect(reader.isBroken == isBroken)
    }

    @Test func `no text leads outside of its bytes`() {
        var random = SeededRandom(seed: 11)
        let alphabet = Array("for=\"[]:;,\\ 1a.".utf8)
        for _ in 0..<20_000 {
            let count = Int(random.next() % 40)
            let bytes = (0..<count).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))]
            }
            for field in [ClientAddressField.xForwardedFor, .forwarded] {
                var reader = ForwardedReader(field)
                var elements = 0
                while reader.next(bytes.span) != nil { elements += 1 }
                #expect(elements <= count)
            }
        }
    }
}
