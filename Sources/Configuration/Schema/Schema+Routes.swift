// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    static let routeOptions: [Option] =
        matchOptions + conditionOptions + actionOptions + limitOptions + guardOptions
        + changeOptions

    private static let matchOptions: [Option] = [
        Option(
            "routes[].name",
            .label,
            .absent("host and path"),
            "What the route is called in logs and metrics."
        ),
        Option(
            "routes[].host",
            .hostPattern,
            "*",
            "Host, or `*.` and a name for every host below it; `*` for every host."
        ),
        Option(
            "routes[].path",
            .pathPattern,
            "/",
            "Path prefix; with `=` before it exactly this path, with `~` an expression of RE2."
        ),
    ]

    private static let conditionOptions: [Option] = [
        Option(
            "routes[].when.method",
            .list(.method),
            .absent("any"),
            "Methods, one of which the request has."
        ),
        Option(
            "routes[].when.header",
            .list(.valueMatch),
            .absent("any"),
            "Tests of fields, one of which passes: `NAME`, `NAME=VALUE`, `^=`, `$=`, `*=`, `~`."
        ),
        Option(
            "routes[].when.cookie",
            .list(.valueMatch),
            .absent("any"),
            "Tests of cookies, one of which passes."
        ),
        Option(
            "routes[].when.query",
            .list(.valueMatch),
            .absent("any"),
            "Tests of query parameters as they were sent, one of which passes."
        ),
        Option(
            "routes[].when.json",
            .list(.valueMatch),
            .absent("any"),
            "Tests of members of a JSON body, one of which passes; a name with dots leads down."
        ),
        Option(
            "routes[].when.form",
            .list(.valueMatch),
            .absent("any"),
            "Tests of fields of an urlencoded form in the body as they were sent, one of which passes."
        ),
        Option(
            "routes[].when.content-type",
            .list(.mediaRange),
            .absent("any"),
            "Media types, or kinds such as `image/*`, one of which the body has."
        ),
        Option(
            "routes[].when.client",
            .list(.prefix),
            .absent("any"),
            "Networks, one of which the client's address lies in."
        ),
        Option(
            "routes[].when.tls",
            .boolean,
            .absent("any"),
            "Whether the request came by TLS."
        ),
        Option(
            "routes[].when.all",
            .conditions,
            .absent("none"),
            "Further conditions that must all hold."
        ),
        Option(
            "routes[].when.any",
            .conditions,
            .absent("none"),
            "Further conditions one of which must hold."
        ),
        Option(
            "routes[].when.not",
            .condition,
            .absent("none"),
            "A condition that must not hold."
        ),
    ]

    private static let actionOptions: [Option] = [
        Option(
            "routes[].pool",
            .reference(.pool),
            .absent("`split`, `redirect` or `respond` instead"),
            "Pool that serves."
        ),
        Option(
            "routes[].split.*",
            .integer(0...1_000_000),
            .absent("`pool`, `redirect` or `respond` instead"),
            "Pools that serve, each with its share of the requests."
        ),
        Option(
            "routes[].split-by",
            .either("request", .hashKey),
            "request",
            "What keeps its pool while the shares stay: each `request` is drawn anew, or a part.",
            beside: ["split"]
        ),
        Option(
            "routes[].redirect.to",
            .template,
            .required,
            "Location sent back, such as `https://{host}{uri}`."
        ),
        Option(
            "routes[].redirect.status",
            .words(["301", "302", "303", "307", "308"]),
            "308",
            "Status of the redirect: 308 and 301 for ever, 307 and 302 for now, 303 to a GET."
        ),
        Option(
            "routes[].respond.status",
            .integer(200...599),
            "200",
            "Status of the answer."
        ),
        Option(
            "routes[].respond.body",
            .content(16_384),
            .absent("no body"),
            "Text of the answer."
        ),
        Option(
            "routes[].respond.type",
            .text(255),
            "text/plain; charset=utf-8",
            "Media type of the answer."
        ),
        Option(
            "routes[].answer",
            .words(["dns"]),
            .absent("others answer"),
            "Martlet answers from its zones: `dns` is DNS over HTTPS (RFC 8484), by GET and POST."
        ),
        Option(
            "routes[].allow",
            .list(.prefix),
            .absent("everybody"),
            "Networks that are served; others get 403."
        ),
        Option(
            "routes[].deny",
            .list(.prefix),
            .absent("nobody"),
            "Networks that get 403, also where `allow` names them."
        ),
    ]

    private static let limitOptions: [Option] = [
        Option(
            "routes[].rate-limit.rate",
            .rate(1...1_000_000),
            .required,
            "Requests in a time that each key may make; others get 429."
        ),
        Option(
            "routes[].rate-limit.burst",
            .integer(1...1_000_000),
            .absent("the number of `rate`"),
            "Requests that a key may make at once after a rest."
        ),
        Option(
            "routes[].rate-limit.key",
            .either("route", .hashKey),
            "source-ip",
            "What tells requests apart: a part of them; with `route` all of them count together."
        ),
        Option(
            "routes[].rate-limit.ipv4-prefix",
            .integer(8...32),
            "32",
            "Leading bits of IPv4 addresses that tell clients apart."
        ),
        Option(
            "routes[].rate-limit.ipv6-prefix",
            .integer(16...128),
            "64",
            "Leading bits of IPv6 addresses that tell clients apart."
        ),
        Option(
            "routes[].rate-limit.dry-run",
            .boolean,
            "false",
            "Whether requests beyond the limit are only counted and served all the same."
        ),
    ]

    private static let changeOptions: [Option] = [
        Option(
            "routes[].rewrite.path",
            .template,
            .absent("the client's"),
            "Path sent to the endpoint; the query follows unless the text has `?`, `{query}`, `{uri}`."
        ),
        Option(
            "routes[].rewrite.host",
            .template,
            .absent("the client's"),
            "`Host` sent to the endpoint."
        ),
        Option(
            "routes[].request-headers.set.*",
            .template,
            .absent("as the client sent it"),
            "Fields of the request that are replaced."
        ),
        Option(
            "routes[].request-headers.add.*",
            .template,
            .absent("none"),
            "Fields that are added to the request."
        ),
        Option(
            "routes[].request-headers.remove",
            .list(.fieldName),
            .absent("none"),
            "Fields that are taken out of the request."
        ),
        Option(
            "routes[].response-headers.set.*",
            .template,
            .absent("as the endpoint sent it"),
            "Fields of the response that are replaced, also in answers of Martlet's own."
        ),
        Option(
            "routes[].response-headers.add.*",
            .template,
            .absent("none"),
            "Fields that are added to the response."
        ),
        Option(
            "routes[].response-headers.remove",
            .list(.fieldName),
            .absent("none"),
            "Fields that are taken out of the response."
        ),
        Option(
            "routes[].priority",
            .words(RoutePriority.allCases.map(\.rawValue)),
            "normal",
            "Who goes first when there is not enough for all: in the pool's queue, and when a "
                + "worker is overloaded."
        ),
        Option(
            "routes[].retry",
            .integer(0...7),
            .absent("the pool's `retry.attempts`"),
            "Further attempts on other endpoints after one that failed."
        ),
        Option(
            "routes[].timeout",
            .duration(milliseconds(10)...days(1)),
            .absent("the listener's `timeouts.request`"),
            "Time for the whole exchange; then 504, or the connection is cut."
        ),
        Option(
            "routes[].body-limit",
            .either("off", .size(0...(1 << 50))),
            "off",
            "Largest request body; a larger one gets 413."
        ),
    ]
}
