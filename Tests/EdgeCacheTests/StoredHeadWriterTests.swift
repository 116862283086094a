// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import HTTPProtocol
import Testing

@Suite struct StoredHeadWriterTests {
    static func kept(_ lines: [String], keepsCookies: Bool = false) throws -> [String] {
        let text = try #require(StoredHead.kept(lines, keepsCookies: keepsCookies))
        let lines = try #require(StoredHead.lines(text))
        return Array(lines.dropFirst())
    }

    @Test func `fields are kept as they came, known or not`() throws {
        let lines = [
            Exchange.date, "x-unknown:  a\t", "ETag: \"a\"", "X-Unknown: b", "Vary: Accept",
            "Cache-Control: max-age=60", "Content-Type: text/plain", "Content-Encoding: gzip",
            "Cache-Status: Origin; hit", "Via: 1.1 a", "Warning: 199 - x", "Set-Cookies: no",
        ]
        var wanted = lines
        wanted[1] = "x-unknown: a"
        #expect(try Self.kept(lines) == wanted)
    }

    @Test(arguments: [
        ["Connection: X-Hop", "X-Hop: 1"], ["Connection: close"], ["Keep-Alive: timeout=5"],
        ["Proxy-Connection: keep-alive"], ["TE: trailers"], ["Upgrade: h2c"],
        ["Transfer-Encoding: chunked"], ["Content-Length: 5"], ["Content-Range: bytes 0-4/5"],
        ["Age: 10"], ["Proxy-Authenticate: Basic"], ["proxy-authentication-info: a"],
        ["Proxy-Authorization: a"], ["Set-Cookie: a=b", "set-cookie: c=d"],
    ])
    func `what speaks of one hop, one message or one client is not kept`(lines: [String]) throws {
        #expect(try Self.kept([Exchange.date] + lines + ["X-A: 1"]) == [Exchange.date, "X-A: 1"])
    }

    @Test func `fields that no-cache and private name are not kept`() throws {
        let control = "Cache-Control: max-age=60, private=\"X-A, etag\", no-cache=x-b"
        let lines = [Exchange.date, "x-a: 1", "X-A: 2", "X-B: 3", "ETag: \"a\"", "X-C: 4", control]
        #expect(try Self.kept(lines) == [Exchange.date, "X-C: 4", control])
        // Without names they speak of all of it, and whether it is kept is judged elsewhere.
        let plain = [Exchange.date, "X-A: 1", "Cache-Control: no-cache"]
        #expect(try Self.kept(plain) == plain)
    }

    @Test func `cookies are kept where the rules say so`() throws {
        let lines = [Exchange.date, "Set-Cookie: a=b"]
        #expect(try Self.kept(lines, keepsCookies: true) == lines)
        #expect(try Self.kept(lines) == [Exchange.date])
    }

    @Test func `what has no date gets one, also where its own is not kept`() throws {
        #expect(try Self.kept(["X-A: 1"]) == ["X-A: 1", Exchange.date])
        let control = "Cache-Control: private=date"
        let other = "Date: Sat, 05 Nov 1994 08:49:37 GMT"
        #expect(try Self.kept([other, control]) == [control, Exchange.date])
        #expect(try Self.kept([other]) == [other])
    }

    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_825_599, "Tue, 29 Feb 2000 11:59:59 GMT"),
        (1_796_083_199, "Mon, 30 Nov 2026 23:59:59 GMT"),
        (1_753_876_509, "Wed, 30 Jul 2025 11:55:09 GMT"),
    ])
    func `the date is that of the second it came in`(seconds: Int64, text: String) throws {
        let kept = StoredHead.parse(StoredHead.text([])) { head, fields, bytes in
            [UInt8](capacity: 100) { output in
                _ = StoredHeadWriter.write(
                    head,
                    fields,
                    bytes,
                    keepsCookies: false,
                    now: WallTime(nanoseconds: seconds * 1_000_000_000),
                    into: &output
                )
            }
        }
        #expect(StoredHead.lines(kept)?.last == "Date: \(text)")
    }

    @Test(arguments: ["200 Fine", "404 Not Found", "200 ", "599 x"])
    func `what is kept is read again, and kept again as it is`(status: String) throws {
        let lines = ["x-a:1", "Content-Length: 3", "ETag: W/\"\u{e4}\"", "Connection: close"]
        let once = try #require(StoredHead.kept(lines, status: status))
        let twice = StoredHead.parse(once) { head, fields, bytes in
            #expect("\(head.status)" == status.prefix(3))
            #expect(fields.count == 3)
            return [UInt8](capacity: 2000) { output in
                _ = StoredHeadWriter.write(
                    head,
                    fields,
                    bytes,
                    keepsCookies: false,
                    now: Exchange.time(9),
                    into: &output
                )
            }
        }
        #expect(once == twice)
    }

    @Test func `what does not fit is not begun`() throws {
        let lines = ["X-A: 1", "Cache-Control: max-age=1"]
        let whole = try #require(StoredHead.kept(lines))
        for room in 0..<whole.count { #expect(StoredHead.kept(lines, room: room) == nil) }
        #expect(StoredHead.kept(lines, room: whole.count) == whole)
    }
}
