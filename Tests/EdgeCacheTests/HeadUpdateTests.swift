// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import HTTPProtocol
import Testing

@Suite struct HeadUpdateTests {
    static let status = "304 Not Modified"
    static let modified = "Last-Modified: Sun, 06 Nov 1994 08:32:57 GMT"

    static func text(
        _ stored: [String],
        _ newer: [String],
        bound: FieldSet = [],
        room: Int = 2000
    ) -> [UInt8]? {
        StoredHead.parse(StoredHead.text(stored)) { head, fields, bytes in
            StoredHead.parse(StoredHead.text(newer, status: status)) { _, newerFields, newerBytes in
                var isWhole = false
                let text = [UInt8](capacity: room) { output in
                    isWhole = HeadUpdate.write(
                        head,
                        fields,
                        bytes,
                        with: newerFields,
                        newerBytes,
                        bound: bound,
                        keepsCookies: false,
                        now: Exchange.time(0),
                        into: &output
                    )
                }
                #expect(isWhole || text.isEmpty)
                return isWhole ? text : nil
            }
        }
    }

    static func updated(
        _ stored: [String],
        _ newer: [String],
        bound: FieldSet = []
    ) throws -> [String] {
        let whole = try #require(text(stored, newer, bound: bound))
        return try #require(StoredHead.lines(whole))
    }

    @Test func `a newer field takes the place of all stored lines of its name`() throws {
        let old = "Date: Sat, 05 Nov 1994 08:49:37 GMT"
        let stored = [old, "X-A: 1", "x-a: 2", "X-B: 3", "Cache-Control: max-age=1", "ETag: \"a\""]
        let newer = [Exchange.date, "x-A: 4", "X-A: 5", "Cache-Control: max-age=60", "X-C: 6"]
        #expect(
            try Self.updated(stored, newer)
                == ["HTTP/1.1 200 Fine", "X-B: 3", "ETag: \"a\""] + [
                    Exchange.date, "x-A: 4", "X-A: 5", "Cache-Control: max-age=60", "X-C: 6",
                ]
        )
    }

    @Test func `that a name begins with Content says nothing`() throws {
        let stored = [Exchange.date, "Content-Type: a/a", "Content-Encoding: gzip", "Content-X: 1"]
        let newer = [Exchange.date, "Content-Type: b/b", "Content-Encoding: br", "Content-X: 2"]
        #expect(try Self.updated(stored, newer) == ["HTTP/1.1 200 Fine"] + newer)
    }

    @Test(arguments: [
        ["Content-Length: 0"], ["Content-Range: bytes 0-4/5"], ["Age: 7"], ["Set-Cookie: a=b"],
        ["Connection: X-A", "X-A: 7"], ["Proxy-Authenticate: Basic"], ["Keep-Alive: timeout=5"],
        ["Proxy-Authentication-Info: x"],
    ])
    func `what is kept of no response is not taken from a newer one`(lines: [String]) throws {
        let stored = [Exchange.date, "X-A: 1"]
        let updated = try Self.updated(stored, [Exchange.date] + lines)
        #expect(updated == ["HTTP/1.1 200 Fine", "X-A: 1", Exchange.date])
    }

    @Test func `what this cache made of the content stays`() throws {
        let stored = [Exchange.date, "Content-Encoding: gzip", "X-A: 1"]
        let newer = [Exchange.date, "Content-Encoding: br", "X-A: 2"]
        #expect(
            try Self.updated(stored, newer, bound: [.contentEncoding])
                == ["HTTP/1.1 200 Fine", "Content-Encoding: gzip", Exchange.date, "X-A: 2"]
        )
    }

    @Test func `what the newer head makes private goes`() throws {
        let control = "Cache-Control: private=\"X-A\", no-cache=\"x-b\""
        let stored = [Exchange.date, "X-A: 1", "X-B: 2", "X-C: 3"]
        #expect(
            try Self.updated(stored, [Exchange.date, "X-A: 4", control])
                == ["HTTP/1.1 200 Fine", "X-C: 3", Exchange.date, control]
        )
    }

    @Test func `a newer head without a date is of now`() throws {
        let old = "Date: Sat, 05 Nov 1994 08:49:37 GMT"
        #expect(try Self.updated([old], ["X-A: 1"]).suffix(2) == ["X-A: 1", Exchange.date])
        #expect(try Self.updated([old], [old]).suffix(1) == [old])
    }

    @Test func `what does not fit is not begun`() throws {
        let (stored, newer) = (["X-A: 1", "X-B: 2"], ["X-A: 3"])
        let whole = try #require(Self.text(stored, newer))
        for room in 0..<whole.count { #expect(Self.text(stored, newer, room: room) == nil) }
        #expect(Self.text(stored, newer, room: whole.count) == whole)
    }

    // MARK: Which

    static func selection(
        _ stored: [String],
        _ newer: [String],
        isOnly: Bool = true
    ) -> HeadUpdate.Selection {
        StoredHead.parse(StoredHead.text(stored)) { _, fields, bytes in
            StoredHead.parse(StoredHead.text(newer, status: status)) { _, newerFields, newerBytes in
                HeadUpdate.selects(
                    fields,
                    bytes,
                    by: newerFields,
                    newerBytes,
                    isOnly: isOnly,
                    now: Exchange.time(0)
                )
            }
        }
    }

    @Test(arguments: [
        (["ETag: \"a\""], ["ETag: \"a\""], HeadUpdate.Selection.each),
        (["ETag: \"a\"", modified], ["ETag: \"a\""], .each),
        (["ETag: W/\"a\""], ["ETag: W/\"a\""], .latest),
        (["ETag: \"a\""], ["ETag: W/\"a\""], .latest), ([modified], [modified], .latest),
        (["ETag: \"a\"", modified], [modified], .latest),
        ([modified], ["Last-Modified: Sunday, 06-Nov-94 08:32:57 GMT"], .latest),
        (["ETag: W/\"a\"", modified], ["ETag: W/\"a\"", modified], .latest),
        // What is no tag is the same when its octets are.
        (["ETag: a"], ["ETag: a"], .latest), (["X-A: 1"], ["X-A: 2"], .latest),
    ])
    func `a 304 is for what has its validators`(
        stored: [String],
        newer: [String],
        selection: HeadUpdate.Selection
    ) { #expect(Self.selection(stored, newer) == selection) }

    @Test(arguments: [
        (["ETag: \"a\""], ["ETag: \"b\""]), (["ETag: W/\"a\""], ["ETag: \"a\""]),
        ([modified], ["ETag: \"a\"", modified]), (["X-A: 1"], ["ETag: \"a\""]),
        (["ETag: W/\"a\""], ["ETag: W/\"b\""]), (["ETag: a"], ["ETag: b"]),
        (["ETag: \"a\""], [modified]), ([modified], ["ETag: W/\"a\"", modified]),
        ([modified], ["Last-Modified: Sun, 06 Nov 1994 08:32:58 GMT"]),
        (
            ["ETag: W/\"a\"", modified],
            ["ETag: W/\"a\"", "Last-Modified: Sun, 06 Nov 1994 08:32:58 GMT"]
        ),
        (["ETag: \"a\""], ["X-A: 1"]), ([modified], ["X-A: 1"]), (["ETag: a"], ["ETag: \"a\""]),
    ])
    func `and for nothing else`(stored: [String], newer: [String]) {
        #expect(Self.selection(stored, newer) == .none)
    }

    @Test func `a 304 without validators is for the only response without any`() {
        #expect(Self.selection([], []) == .latest)
        #expect(Self.selection([], [], isOnly: false) == .none)
        #expect(Self.selection(["ETag: \"a\""], ["ETag: \"a\""], isOnly: false) == .each)
    }

    // MARK: HEAD

    static func headMatches(_ stored: [String], _ newer: [String]) -> Bool {
        StoredHead.parse(StoredHead.text(stored)) { _, fields, bytes in
            StoredHead.parse(StoredHead.text(newer)) { _, newerFields, newerBytes in
                HeadUpdate.headMatches(
                    fields,
                    bytes,
                    length: 5,
                    by: newerFields,
                    newerBytes,
                    now: Exchange.time(0)
                )
            }
        }
    }

    @Test(arguments: [
        (["ETag: \"a\""], ["ETag: \"a\"", "Content-Length: 5"]), ([], ["Content-Length: 5"]),
        (["ETag: W/\"a\"", modified], ["ETag: W/\"a\"", modified]), (["ETag: \"a\""], []),
    ])
    func `HEAD that tells of what is stored freshens it`(stored: [String], newer: [String]) {
        #expect(Self.headMatches(stored, newer))
    }

    @Test(arguments: [
        (["ETag: \"a\""], ["ETag: \"b\"", "Content-Length: 5"]),
        (["ETag: \"a\""], ["ETag: \"a\"", "Content-Length: 6"]),
        (["ETag: \"a\""], ["ETag: W/\"a\""]), ([], ["ETag: \"a\""]), ([], [modified]),
        ([modified], ["Last-Modified: Sun, 06 Nov 1994 08:32:58 GMT"]),
        (["ETag: \"a\"", modified], ["ETag: \"b\"", modified]),
    ])
    func `and HEAD that tells of something else does not`(stored: [String], newer: [String]) {
        #expect(!Self.headMatches(stored, newer))
    }
}
