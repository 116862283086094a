// SPDX-License-Identifier: Apache-2.0
internal import Runtime

/// The status page: one document that needs nothing from elsewhere.
///
/// Its style and its script are let in by a number that is new for each answer, so that text which
/// slipped into the page could never run: the policy allows nothing else.
enum StatusPage {
    private static let pieces: [ArraySlice<UInt8>] = {
        let mark = Array("{{nonce}}".utf8)
        let page = PackageResources.status_html
        var pieces: [ArraySlice<UInt8>] = []
        var start = 0
        var index = 0
        while index + mark.count <= page.count {
            if page[index] == mark[0], page[index..<index + mark.count].elementsEqual(mark) {
                pieces.append(page[start..<index])
                start = index + mark.count
                index = start
            } else {
                index += 1
            }
        }
        return pieces + [page[start...]]
    }()

    static var response: ServiceResponse {
        let nonce = String(ProcessControl.randomSeed(), radix: 36) + "0"
        let policy = [
            "default-src 'none'", "style-src 'nonce-\(nonce)'", "script-src 'nonce-\(nonce)'",
            "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'",
            "frame-ancestors 'none'",
        ]
        return ServiceResponse(
            status: 200,
            fields: [
                ("Content-Type", "text/html; charset=utf-8"),
                ("Content-Security-Policy", policy.joined(separator: "; ")),
                ("Referrer-Policy", "no-referrer"),
            ],
            body: .bytes(Array(pieces.joined(separator: nonce.utf8)))
        )
    }
}
