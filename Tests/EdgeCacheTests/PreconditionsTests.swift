// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import Testing

@Suite struct PreconditionsTests {
    static let modified = "Last-Modified: Sun, 06 Nov 1994 08:32:57 GMT"

    static func isUnchanged(_ request: [String], _ response: [String]) -> Bool {
        Exchange.withRequest("GET", request) { _, fields, bytes in
            Exchange.withResponse(200, response) { storedFields, storedBytes in
                Preconditions.isUnchanged(
                    fields,
                    bytes,
                    StoredValidators(storedFields, storedBytes, received: Exchange.time(0)),
                    now: Exchange.time(5)
                )
            }
        }
    }

    @Test(arguments: [
        (["If-None-Match: \"a\""], ["ETag: \"a\""], true),
        (["If-None-Match: W/\"a\""], ["ETag: \"a\""], true),
        (["If-None-Match: \"a\""], ["ETag: W/\"a\""], true),
        (["If-None-Match: \"b\", \"a\""], ["ETag: \"a\""], true),
        (["If-None-Match: \"b\"", "If-None-Match: \"a\""], ["ETag: \"a\""], true),
        (["If-None-Match: *"], [], true), (["If-None-Match: *"], ["ETag: \"a\""], true),
        (["If-None-Match: \"b\""], ["ETag: \"a\""], false),
        (["If-None-Match: a"], ["ETag: \"a\""], false),
        (["If-None-Match: \"a\""], ["ETag: a"], false),
        (["If-None-Match: \"a\""], [], false), (["If-None-Match: "], ["ETag: \"a\""], false),
        // The tag hides the date, whatever either says.
        (
            ["If-None-Match: \"b\"", "If-Modified-Since: Sun, 06 Nov 1994 08:32:57 GMT"],
            ["ETag: \"a\"", modified], false
        ),
        (
            ["If-None-Match: \"a\"", "If-Modified-Since: Sun, 06 Nov 1984 08:32:57 GMT"],
            ["ETag: \"a\"", modified], true
        ),
        (["If-Modified-Since: Sun, 06 Nov 1994 08:32:57 GMT"], [modified], true),
        (["If-Modified-Since: Sun, 06 Nov 1994 08:32:58 GMT"], [modified], true),
        (["If-Modified-Since: Sun, 06 Nov 1994 08:32:56 GMT"], [modified], false),
        (["If-Modified-Since: x"], [modified], false),
        (
            [
                "If-Modified-Since: Sun, 06 Nov 1994 08:32:57 GMT",
                "If-Modified-Since: Sun, 06 Nov 1994 08:32:57 GMT",
            ], [modified], false
        ),
        // Without Last-Modified its date counts, or when it came.
        (["If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"], [Exchange.date], true),
        (["If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT"], [Exchange.date], false),
        (["If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"], [], true),
        (["If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT"], [], false),
        ([], ["ETag: \"a\"", modified], false),
    ])
    func `304 is for who has what is stored`(
        request: [String],
        response: [String],
        isUnchanged: Bool
    ) {
        #expect(Self.isUnchanged(request, response) == isUnchanged)
    }

    @Test(arguments: [
        ("\"a\"", ["ETag: \"a\""], true), ("\"b\"", ["ETag: \"a\""], false),
        ("W/\"a\"", ["ETag: \"a\""], false), ("\"a\"", ["ETag: W/\"a\""], false),
        ("\"a\"", [], false), ("a", ["ETag: \"a\""], false),
        ("Sun, 06 Nov 1994 08:32:57 GMT", [Exchange.date, modified], true),
        ("Sun, 06 Nov 1994 08:32:58 GMT", [Exchange.date, modified], false),
        ("Sun, 06 Nov 1994 08:32:56 GMT", [Exchange.date, modified], false),
        ("Sun, 06 Nov 1994 08:49:37 GMT", [Exchange.date], false),
        // It may have changed twice in the second that it came in.
        (
            "Sun, 06 Nov 1994 08:49:30 GMT",
            [Exchange.date, "Last-Modified: Sun, 06 Nov 1994 08:49:30 GMT"], false
        ),
        ("x", [Exchange.date, modified], false), ("", [modified], false),
    ])
    func `a range is for who has the rest of what is stored`(
        ifRange: String,
        response: [String],
        isAllowed: Bool
    ) {
        let allowed = Exchange.withResponse(200, response) { fields, bytes in
            let stored = StoredValidators(fields, bytes, received: Exchange.time(0))
            return Preconditions.allowsRange(
                Array(ifRange.utf8).span,
                stored,
                now: Exchange.time(5)
            )
        }
        #expect(allowed == isAllowed)
        let free = Exchange.withResponse(200, response) { fields, bytes in
            let stored = StoredValidators(fields, bytes, received: Exchange.time(0))
            return Preconditions.allowsRange(nil, stored, now: Exchange.time(5))
        }
        #expect(free)
    }
}
