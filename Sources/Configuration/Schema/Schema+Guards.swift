// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// What a route does for the safety of those who use it.
    static let guardOptions: [Option] = securityHeaderOptions + basicAuthOptions

    static let guardGroups: [OptionGroup] = [
        OptionGroup(
            "routes[].security-headers",
            "Fields that tell browsers to be careful, also in answers of Martlet's own."
        ),
        OptionGroup("routes[].basic-auth", "Who may come in by name and password; others get 401."),
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
}
