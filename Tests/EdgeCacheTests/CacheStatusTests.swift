// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import Testing

@Suite struct CacheStatusTests {
    static func text(_ status: CacheStatus, name: String = "Martlet", room: Int = 200) -> String? {
        let name = Array(name.utf8)
        var isWhole = false
        let text = [UInt8](capacity: room) { output in
            isWhole = status.write(name: name.span, into: &output)
        }
        if !isWhole { #expect(text.isEmpty) }
        return isWhole ? String(decoding: text, as: UTF8.self) : nil
    }

    static func status(
        _ forward: CacheStatus.Forward? = nil,
        _ change: (inout CacheStatus) -> Void = { _ in }
    ) -> CacheStatus {
        var status = CacheStatus(forward)
        change(&status)
        return status
    }

    @Test func `the examples of RFC 9211 are written as they stand there`() {
        #expect(Self.text(Self.status(), name: "ExampleCache") == "ExampleCache; hit")
        #expect(Self.text(Self.status { $0.timeToLive = 376 }) == "Martlet; hit; ttl=376")
        #expect(Self.text(Self.status { $0.timeToLive = -412 }) == "Martlet; hit; ttl=-412")
        #expect(Self.text(Self.status(.uriMiss)) == "Martlet; fwd=uri-miss")
        let revalidated = Self.status(.stale) { $0.forwardStatus = 304 }
        #expect(Self.text(revalidated) == "Martlet; fwd=stale; fwd-status=304")
        let collapsed = Self.status(.uriMiss) { $0.isCollapsed = true }
        #expect(Self.text(collapsed) == "Martlet; fwd=uri-miss; collapsed")
        let string = Self.text(Self.status { $0.timeToLive = 545 }, name: "CDN Company Here")
        #expect(string == "\"CDN Company Here\"; hit; ttl=545")
    }

    @Test func `all that is known is told`() {
        let all = Self.status(.stale) {
            $0.forwardStatus = 304
            $0.isStored = true
            $0.timeToLive = 60
            $0.isCollapsed = true
            $0.detail = "full"
        }
        let text = "Martlet; fwd=stale; fwd-status=304; stored; ttl=60; collapsed; detail=full"
        #expect(Self.text(all) == text)
        let words = CacheStatus.Forward.allCases.map { Self.text(Self.status($0)) ?? "" }
        #expect(
            words.map { $0.dropFirst("Martlet; fwd=".count) } == [
                "bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial",
            ]
        )
    }

    @Test func `a hit was not sent on, whatever else is said`() {
        let status = Self.status {
            $0.isCollapsed = true
            $0.isStored = true
            $0.forwardStatus = 304
        }
        #expect(Self.text(status) == "Martlet; hit")
    }

    @Test(arguments: [
        ("a.b:80/c", "a.b:80/c"), ("*", "*"), ("1a", "\"1a\""), ("", "\"\""),
        ("a\"\\b", "\"a\\\"\\\\b\""), ("a;b", "\"a;b\""),
    ])
    func `a name that is no token is a string`(name: String, text: String) {
        #expect(Self.text(Self.status(), name: name) == text + "; hit")
    }

    @Test(arguments: ["a\r\nb", "\u{e4}", "a\u{7f}"])
    func `a name that can be neither is refused`(name: String) {
        #expect(Self.text(Self.status(), name: name) == nil)
    }

    @Test func `numbers have fifteen digits at most`() {
        for (number, text) in [(Int64.max, ""), (.min, "-")] {
            let status = Self.status { $0.timeToLive = number }
            #expect(Self.text(status) == "Martlet; hit; ttl=\(text)999999999999999")
        }
    }

    @Test func `what does not fit is not begun`() throws {
        let status = Self.status(.stale) {
            $0.forwardStatus = 200
            $0.isStored = true
            $0.timeToLive = -5
            $0.isCollapsed = true
            $0.detail = "x"
        }
        for name in ["Martlet", "\"a b\""] {
            let whole = try #require(Self.text(status, name: name))
            for room in 0..<whole.utf8.count {
                #expect(Self.text(status, name: name, room: room) == nil)
            }
            #expect(Self.text(status, name: name, room: whole.utf8.count) == whole)
        }
    }

    @Test func `it is a line of its own`() {
        let name = Array("Martlet".utf8)
        func line(_ room: Int) -> String? {
            var isWhole = false
            let text = [UInt8](capacity: room) { output in
                isWhole = Self.status(.miss).writeField(name: name.span, into: &output)
            }
            return isWhole ? String(decoding: text, as: UTF8.self) : nil
        }
        #expect(line(100) == "Cache-Status: Martlet; fwd=miss\r\n")
        for room in 0..<33 { #expect(line(room) == nil) }
    }

    @Test func `one word says it in the way of other servers`() {
        func word(
            _ forward: CacheStatus.Forward?,
            ttl: Int64? = nil,
            status: UInt16 = 0,
            isUpdating: Bool = false
        ) -> CacheWord {
            let all = Self.status(forward) {
                $0.timeToLive = ttl
                $0.forwardStatus = status
            }
            return CacheWord(all, isUpdating: isUpdating)
        }
        #expect(word(nil, ttl: 5) == .hit && word(nil) == .hit)
        #expect(word(nil, ttl: 0) == .stale && word(nil, ttl: -5) == .stale)
        #expect(word(nil, ttl: -5, isUpdating: true) == .updating)
        #expect(word(nil, ttl: 5, isUpdating: true) == .hit)
        #expect(word(.stale, status: 304) == .revalidated)
        #expect(word(.request, status: 304) == .revalidated)
        #expect(word(.stale, status: 200) == .expired && word(.stale) == .expired)
        #expect(word(.request) == .bypass && word(.bypass) == .bypass)
        #expect(word(.method) == .bypass && word(.bypass, status: 304) == .bypass)
        #expect(word(.uriMiss) == .miss && word(.varyMiss) == .miss && word(.miss) == .miss)
        #expect(word(.partial) == .miss)
        #expect(
            CacheWord.allCases.map { "\($0.text)" } == [
                "HIT", "MISS", "EXPIRED", "STALE", "UPDATING", "REVALIDATED", "BYPASS",
            ]
        )
    }
}
