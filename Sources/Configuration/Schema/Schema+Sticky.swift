// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// How a pool keeps clients at their endpoints.
    static let stickyOptions: [Option] = [
        Option(
            "pools.*.sticky.mode",
            .words(StickyMode.allCases.map(\.rawValue)),
            "insert",
            "Whose the cookie is: Martlet's own; or the application's, whose value is replaced "
                + "(`rewrite`), gets a mark in front (`prefix`), or is remembered (`learn`)."
        ),
        Option(
            "pools.*.sticky.cookie",
            .label,
            .absent("`header` instead"),
            "Name of the cookie, another one for each pool that a browser may meet."
        ),
        Option(
            "pools.*.sticky.header",
            .fieldName,
            .absent("`cookie` instead"),
            "Field that names the session in place of a cookie, in requests and answers, for `learn`."
        ),
        Option(
            "pools.*.sticky.idle",
            .duration(seconds(1)...days(30)),
            "30m",
            "How long a session that was learnt is remembered without a request."
        ),
        Option(
            "pools.*.sticky.lifetime",
            .duration(seconds(1)...days(400)),
            .absent("until the browser closes"),
            "How long browsers keep the cookie (`Max-Age`)."
        ),
        Option(
            "pools.*.sticky.renew",
            .boolean,
            "false",
            "Give the cookie with every answer, so that `lifetime` begins again: it then bounds "
                + "idleness.",
            beside: ["lifetime"]
        ),
        Option(
            "pools.*.sticky.secure",
            .words(StickyCookieSecurity.allCases.map(\.rawValue)),
            "auto",
            "`auto`: the cookie is `Secure` when given by TLS; `always`: also by plain HTTP, when "
                + "a proxy in front speaks TLS."
        ),
        Option(
            "pools.*.sticky.same-site",
            .words(SameSitePolicy.allCases.map(\.rawValue)),
            "lax",
            "Whether browsers send the cookie along from pages of other sites (`SameSite`)."
        ),
        Option(
            "pools.*.sticky.path",
            .text(256),
            "/",
            "Prefix of the paths that browsers send the cookie for (`Path`)."
        ),
        Option(
            "pools.*.sticky.domain",
            .hostName,
            .absent("the host that was asked, alone"),
            "Domain with all hosts in it that browsers send the cookie to (`Domain`)."
        ),
        Option(
            "pools.*.sticky.strip",
            .boolean,
            "true",
            "Keep the cookie from endpoints: it means nothing to them."
        ),
        Option(
            "pools.*.sticky.key",
            .filePath,
            .absent("made at the first start and kept in the state folder"),
            "File with the secret that the cookie's values are made with, 16 bytes or more; nodes "
                + "with the same one agree."
        ),
    ]

    static let stickyGroups: [OptionGroup] = [
        OptionGroup(
            "pools.*.sticky",
            "A cookie that Martlet or the application gives keeps each client at its endpoint. What "
                + "Martlet writes says nothing about the endpoint; its own cookie is always `HttpOnly`."
        )
    ]
}
