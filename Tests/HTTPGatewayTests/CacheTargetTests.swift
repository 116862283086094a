// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Testing

@testable import HTTPGateway

@Suite("URLs of what is stored")
struct CacheTargetTests {
    private func key(_ url: String, by rule: CacheKeyRule = CacheKeyRule()) -> String? {
        guard case .key(let key) = CacheTarget(url)?.selection(by: rule) else { return nil }
        return CacheKeyRule.text(ofKey: key)
    }

    @Test(
        "a URL is the key of a request for it",
        arguments: [
            ("http://A.test:80/x?y=1#z", "http://a.test/x?y=1"),
            ("HTTPS://a.test", "https://a.test/"), ("http://a.test?q", "http://a.test/?q"),
            ("http://a.test:8080/%7eme/%2f", "http://a.test:8080/~me/%2f"),
        ]
    )
    func keys(url: String, text: String) { #expect(key(url) == text) }

    @Test("a question mark without anything behind it is a query too")
    func emptyQuery() throws {
        let rule = CacheKeyRule()
        let one = try #require(CacheTarget("http://a.test/x")?.selection(by: rule))
        let other = try #require(CacheTarget("http://a.test/x?")?.selection(by: rule))
        #expect(one != other)
    }

    @Test(
        "what no request can be for is no URL",
        arguments: [
            "", "a.test/x", "ftp://a.test/", "http://", "http:///x", "http://u@a.test/",
            "http://a.test/a b", "http://a.test/../x", "http://a.test/%zz", "http://a.test/\u{0}",
        ]
    )
    func refusals(url: String) { #expect(CacheTarget(url) == nil) }

    @Test("where fields or cookies count, a URL is what keys begin with")
    func fields() throws {
        var rule = CacheKeyRule()
        rule.cookies = [Array("theme".utf8)]
        guard case .beginning = CacheTarget("http://a.test/x")?.selection(by: rule) else {
            Issue.record("a URL alone is taken for a key")
            return
        }
    }
}
