// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// What a route does for the safety of those who use it.
    static let guardOptions: [Option] =
        securityHeaderOptions + basicAuthOptions + jwtOptions
        + compressOptions + maintenanceOptions

    static let guardGroups: [OptionGroup] = [
        OptionGroup(
            "routes[].security-headers",
            "Fields that tell browsers to be careful, also in answers of Martlet's own."
        ),
        OptionGroup("routes[].basic-auth", "Who may come in by name and password; others get 401."),
        OptionGroup(
            "routes[].jwt",
            "Who may come in by a signed token (`Authorization: Bearer`); others get 401."
        ),
        OptionGroup(
            "routes[].compress",
            "Compressing answers of endpoints for clients that want it; `{}` for the usual choice."
        ),
        OptionGroup(
            "routes[].maintenance",
            "What is answered while the route is being worked on; `{}` for 503."
        ),
        OptionGroup("routes[].jwt.claims", "What a token must say; one that does not gets 403."),
        OptionGroup("routes[].jwt.claim-headers", "What endpoints are told of a token."),
    ]

    static let referrerPolicies = [
        "no-referrer", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin",
        "same-origin", "strict-origin", "strict-origin-when-cross-origin", "unsafe-url",
    ]

    private static let securityHeaderOptions: [Option] = [
        Option(
            "routes[].security-headers.preset",
            .words(SecurityHeaderSettings.Preset.allCases.map(\.rawValue)),
            "standard",
            "Values of what is not given: `standard` breaks no site that has TLS, `strict` is for "
                + "new ones, `none` gives nothing."
        ),
        Option(
            "routes[].security-headers.hsts",
            .either("off", .duration(.zero...days(3650))),
            .absent("365d, with `strict` 730d"),
            "How long browsers come by TLS only (`Strict-Transport-Security`, told by TLS only); "
                + "`0s` makes them forget it."
        ),
        Option(
            "routes[].security-headers.hsts-subdomains",
            .boolean,
            .absent("true with `strict`"),
            "Whether that holds for all hosts below this one (`includeSubDomains`)."
        ),
        Option(
            "routes[].security-headers.hsts-preload",
            .boolean,
            "false",
            "Whether browsers may ship with it (`preload`), which is hard to take back."
        ),
        Option(
            "routes[].security-headers.nosniff",
            .boolean,
            .absent("true unless the preset is `none`"),
            "Whether browsers keep to the media type (`X-Content-Type-Options`)."
        ),
        Option(
            "routes[].security-headers.frame-options",
            .words(["deny", "same-origin", "off"]),
            .absent("`same-origin`, with `strict` `deny`"),
            "Which pages may show this one in a frame (`X-Frame-Options`)."
        ),
        Option(
            "routes[].security-headers.frame-ancestors",
            .text(1024),
            .absent("none"),
            "Sources whose pages may show this one in a frame, such as `'self' https://a.example` "
                + "(a further `Content-Security-Policy`)."
        ),
        Option(
            "routes[].security-headers.referrer-policy",
            .words(referrerPolicies + ["off"]),
            .absent("`strict-origin-when-cross-origin`, with `strict` `no-referrer`"),
            "What browsers tell other sites about where somebody came from (`Referrer-Policy`)."
        ),
        Option(
            "routes[].security-headers.permissions-policy",
            .text(1024),
            .absent("none; with `strict` no camera, place, microphone, payment, USB"),
            "What pages may use of the browser (`Permissions-Policy`); `off` for no such field."
        ),
        Option(
            "routes[].security-headers.override",
            .boolean,
            "false",
            "Whether these take the place of the endpoint's own fields instead of giving way."
        ),
    ]

    private static let basicAuthOptions: [Option] = [
        Option(
            "routes[].basic-auth.users",
            .filePath,
            .required,
            "File of `name:hash` lines; bcrypt, SHA-256, SHA-512 and yescrypt. A change is taken up "
                + "without a reload."
        ),
        Option(
            "routes[].basic-auth.realm",
            .text(128),
            "restricted",
            "What browsers show to people who are asked for a password."
        ),
        Option(
            "routes[].basic-auth.user-header",
            .fieldName,
            .absent("none"),
            "Field that tells endpoints the user's name; what clients send in it is taken out."
        ),
        Option(
            "routes[].basic-auth.strip",
            .boolean,
            "true",
            "Keep the password from endpoints: `Authorization` is taken out."
        ),
        Option(
            "routes[].basic-auth.cache",
            .duration(.zero...seconds(3600)),
            "10m",
            "How long a password that was right is not compared again; a new file ends it."
        ),
        Option(
            "routes[].basic-auth.attempts",
            .rate(1...10_000),
            "20/m",
            "Wrong passwords that a client may try; then it gets 429 for those it has not used yet."
        ),
    ]

    private static let jwtOptions: [Option] = [
        Option(
            "routes[].jwt.keys",
            .filePath,
            .required,
            "File of public keys: PEM (keys or certificates), or a JWK set. A change is taken up "
                + "without a reload."
        ),
        Option(
            "routes[].jwt.algorithms",
            .list(.words(["RS256", "ES256", "EdDSA"])),
            .absent("all three"),
            "Algorithms that count; each key verifies the one that it is made for."
        ),
        Option(
            "routes[].jwt.issuer",
            .text(512),
            .absent("anybody with a key"),
            "Who must have issued the token (`iss`)."
        ),
        Option(
            "routes[].jwt.audience",
            .list(.text(512)),
            .absent("anybody"),
            "For whom the token must be meant, one of these (`aud`)."
        ),
        Option(
            "routes[].jwt.claims.*",
            .text(512),
            .absent("nothing"),
            "Claims with the value that each must be, or have as a member; `scope`, as a word."
        ),
        Option(
            "routes[].jwt.claim-headers.*",
            .text(255),
            .absent("none"),
            "Fields that tell endpoints a claim, by its name; what clients send in them is taken out."
        ),
        Option(
            "routes[].jwt.leeway",
            .duration(.zero...seconds(300)),
            "30s",
            "How far clocks may be apart when `exp` and `nbf` are judged."
        ),
        Option(
            "routes[].jwt.require-expiry",
            .boolean,
            "true",
            "Whether a token must say when it ends (`exp`)."
        ),
        Option(
            "routes[].jwt.token-limit",
            .size(256...16_384),
            "8KiB",
            "Longest token that is looked at."
        ),
        Option(
            "routes[].jwt.cache",
            .duration(.zero...seconds(3600)),
            "5m",
            "The longest that a token which was right is not verified again; never beyond its end."
        ),
        Option(
            "routes[].jwt.strip",
            .boolean,
            "false",
            "Keep the token from endpoints: `Authorization` is taken out."
        ),
        Option(
            "routes[].jwt.realm",
            .text(128),
            "restricted",
            "Named to those who come without a token."
        ),
    ]

    private static let compressOptions: [Option] = [
        Option(
            "routes[].compress.codings",
            .list(.words(["zstd", "br", "gzip"])),
            .absent("zstd, br, gzip"),
            "Codings that are offered, the one to be preferred first."
        ),
        Option(
            "routes[].compress.types",
            .list(.mediaRange),
            .absent("text, JSON, JavaScript, XML, SVG, WebAssembly"),
            "Media types that are compressed, or kinds such as `text/*`; events when named alone."
        ),
        Option(
            "routes[].compress.min-size",
            .size(0...(1 << 30)),
            "1KiB",
            "Answers that say they are shorter stay as they are."
        ),
        Option(
            "routes[].compress.level",
            .integer(1...9),
            "4",
            "How hard each coder tries: 1 is quick, 9 is small; br stops at 7."
        ),
    ]

    private static let maintenanceOptions: [Option] = [
        Option(
            "routes[].maintenance.enabled",
            .boolean,
            "true",
            "Whether it is in force; with `false` it stands there for later."
        ),
        Option(
            "routes[].maintenance.status",
            .integer(400...599),
            "503",
            "Status of the answer."
        ),
        Option(
            "routes[].maintenance.body",
            .content(16_384),
            .absent("that of `file`, or none"),
            "Text of the answer."
        ),
        Option(
            "routes[].maintenance.file",
            .filePath,
            .absent("none"),
            "File with the text, at most 16 KiB; a change is taken up without a reload."
        ),
        Option(
            "routes[].maintenance.type",
            .text(255),
            "text/html; charset=utf-8",
            "Media type of the answer."
        ),
        Option(
            "routes[].maintenance.retry-after",
            .duration(seconds(1)...days(30)),
            .absent("not told"),
            "When clients may come again (`Retry-After`)."
        ),
        Option(
            "routes[].maintenance.allow",
            .list(.prefix),
            .absent("nobody"),
            "Networks whose clients are served all the same."
        ),
    ]
}
