// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import HTTPProtocol
import Testing

@Suite struct InvalidationTests {
    static func found(
        _ lines: [String],
        _ source: Invalidation.Source = .location,
        isSecure: Bool = true,
        host: String = "Example.com:8443",
        path: String = "/b/c/d;p",
        room: Int = 200
    ) -> String? {
        let (host, path) = (Array(host.utf8), Array(path.utf8))
        return Exchange.withResponse(201, lines) { fields, bytes in
            var place: Invalidation.Place?
            let text = [UInt8](capacity: room) { output in
                let target = Invalidation.Target(
                    isSecure: isSecure,
                    host: host.span,
                    path: path.span
                )
                place = Invalidation.write(source, of: fields, bytes, for: target, into: &output)
            }
            guard let place else {
                #expect(text.isEmpty)
                return nil
            }
            func part(_ range: ByteRange) -> String {
                String(decoding: text[Int(range.start)..<range.end], as: UTF8.self)
            }
            let query = place.query.map { "?" + part($0) } ?? ""
            #expect(String(decoding: text, as: UTF8.self) == part(place.path) + query)
            return part(place.path) + query
        }
    }

    @Test func `what is no error and perhaps changed something invalidates`() {
        for method in [Method.post, .put, .delete, .patch, .other] {
            for status: UInt16 in [200, 201, 204, 303, 399] {
                #expect(Invalidation.isDue(method, status: status))
            }
            for status: UInt16 in [100, 199, 400, 404, 500, 503] {
                #expect(!Invalidation.isDue(method, status: status))
            }
        }
        for method in [Method.get, .head, .options, .trace, .query] {
            #expect(!Invalidation.isDue(method, status: 200))
        }
    }

    // The cases of RFC 3986 §5.4 with a path that fits this target.
    @Test(arguments: [
        ("g", "/b/c/g"), ("./g", "/b/c/g"), ("g/", "/b/c/g/"), ("/g", "/g"),
        ("?y", "/b/c/d;p?y"), ("g?y", "/b/c/g?y"), ("g#s", "/b/c/g"), ("g?y#s", "/b/c/g?y"),
        (";x", "/b/c/;x"), ("g;x", "/b/c/g;x"), ("g;x?y#s", "/b/c/g;x?y"), (".", "/b/c/"),
        ("./", "/b/c/"), ("..", "/b/"), ("../", "/b/"), ("../g", "/b/g"), ("../..", "/"),
        ("../../", "/"), ("../../g", "/g"), ("../../../g", "/g"), ("../../../../g", "/g"),
        ("/./g", "/g"), ("/../g", "/g"), ("g.", "/b/c/g."), (".g", "/b/c/.g"),
        ("g..", "/b/c/g.."), ("..g", "/b/c/..g"), ("./../g", "/b/g"), ("./g/.", "/b/c/g/"),
        ("g/./h", "/b/c/g/h"), ("g/../h", "/b/c/h"), ("g;x=1/./y", "/b/c/g;x=1/y"),
        ("g;x=1/../y", "/b/c/y"), ("g?y/../x", "/b/c/g?y/../x"), ("g#s/../x", "/b/c/g"),
    ])
    func `references are resolved as RFC 3986 does`(reference: String, found: String) {
        #expect(Self.found(["Location: \(reference)"]) == found)
        #expect(Self.found(["content-location: \(reference)"], .contentLocation) == found)
    }

    @Test(arguments: [
        ("https://example.com:8443/x?y", "/x?y"), ("HTTPS://EXAMPLE.com.:8443/x", "/x"),
        ("//example.com:8443/x", "/x"), ("https://example.com:8443", "/"),
        ("https://example.com:8443?q", "/?q"), ("/%7Ea/%2e%2E/%41?%41", "/A?%41"),
        ("/a%2fb/..", "/"), ("//example.com:8443/a//b/../c", "/a//c"), ("/?", "/?"),
    ])
    func `what has the same origin is invalidated, in its plain form`(
        reference: String,
        found: String
    ) { #expect(Self.found(["Location: \(reference)"]) == found) }

    @Test(arguments: [
        ("https", true, "example.com", "https://example.com:443/x"),
        ("http", false, "example.com:80", "http://example.com/x"),
        ("IPv6", false, "[::1]:8080", "http://[::1]:8080/x"),
        ("IPv6 without a port", false, "[::1]", "//[::1]:80/x"),
    ])
    func `the port of a scheme may be told or not`(
        name: String,
        isSecure: Bool,
        host: String,
        reference: String
    ) {
        #expect(
            Self.found(["Location: \(reference)"], isSecure: isSecure, host: host) == "/x",
            "\(name)"
        )
    }

    @Test(arguments: [
        "https://example.org:8443/x", "http://example.com:8443/x", "https://example.com/x",
        "https://example.com:443/x", "//example.com/x", "https://a@example.com:8443/x",
        "https://example.com:8443@evil.example/x", "https:/x", "https:x", "mailto:a@b", "a:b",
        "ftp://example.com:8443/x", "https://sub.example.com:8443/x", "///x",
    ])
    func `what has another origin is not touched`(reference: String) {
        #expect(Self.found(["Location: \(reference)"]) == nil)
        #expect(Self.found(["Content-Location: \(reference)"], .contentLocation) == nil)
    }

    @Test(arguments: ["", "#a", "/a b", "/a%", "/a%4", "/a%zz", "/a\\..\\b", "/\u{e4}", "/a|b"])
    func `what is no reference, or names the target, invalidates nothing`(reference: String) {
        #expect(Self.found(["Location: \(reference)"]) == nil)
    }

    @Test func `a field counts when it comes once`() {
        #expect(Self.found([]) == nil)
        #expect(Self.found(["Location: /a", "Location: /b"]) == nil)
        #expect(Self.found(["Location: /a", "Content-Location: /b"]) == "/a")
        #expect(Self.found(["Location: /a", "Content-Location: /b"], .contentLocation) == "/b")
        #expect(Self.found(["Content-Location: /b"]) == nil)
    }

    @Test func `what does not fit invalidates nothing`() throws {
        for reference in ["/abc/def?ghi", "../x", "?q"] {
            let whole = try #require(Self.found(["Location: \(reference)"]))
            for room in 0..<whole.utf8.count {
                #expect(Self.found(["Location: \(reference)"], room: room) == nil)
            }
        }
        // A path that grows before dots take it back needs the room for that.
        #expect(Self.found(["Location: /abcdef/../a"], room: 12) == "/a")
    }
}
