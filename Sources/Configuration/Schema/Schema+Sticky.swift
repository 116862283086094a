// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// How a pool keeps clients at their endpoints.
    static let stickyOptions: [Option] = [
        Option(
            "pools.*.sticky.cookie",
            .label,
            .required,
            "Name of the cookie, another one for each pool that a browser may meet."
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
            .domainName,
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
            "A cookie that Martlet gives to clients keeps each of them at its endpoint. Its value "
                + "says nothing about the endpoint, and it is always `HttpOnly`."
        )
    ]
}
