// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// Whom a connection or request is for, when proxies stand in front or behind.
    static let proxyOptions: [Option] = [
        Option(
            "listeners[].proxy-protocol",
            .words(ProxyProtocolPolicy.allCases.map(\.rawValue)),
            "off",
            "Whether connections of `trusted-proxies` begin with a PROXY header (version 1 or 2) "
                + "that names the client: `required` closes all others, `optional` serves them.",
            beside: ["trusted-proxies"]
        ),
        Option(
            "listeners[].timeouts.proxy-header",
            .duration(milliseconds(10)...minutes(1)),
            "3s",
            "Total time for a PROXY header; then the connection closes."
        ),
        Option(
            "listeners[].client-address",
            .words(ClientAddressSource.allCases.map(\.rawValue)),
            "connection",
            "Where the client's address is taken from: `connection`, or the last address in "
                + "`X-Forwarded-For` or `Forwarded` that is none of `trusted-proxies`.",
            beside: ["trusted-proxies"]
        ),
        Option(
            "listeners[].tracing",
            .boolean,
            "false",
            "Continue the trace of each request or begin one (W3C Trace Context): `traceparent` gets "
                + "a parent of ours, and the log the trace's id.",
            beside: ["http", "https"]
        ),
        Option(
            "listeners[].server-timing",
            .list(.prefix),
            .absent("nobody"),
            "Clients that are told how long their request took, and where, in `Server-Timing`.",
            beside: ["http", "https"]
        ),
        Option(
            "limits.unfinished-per-client",
            .either("off", .integer(1...1_000_000)),
            "1024",
            "Connections of one client (an IPv4 address or IPv6 /64) that have not sent a whole "
                + "request head yet; further ones are closed."
        ),
        Option(
            "pools.*.proxy-protocol",
            .words(["off", "v1", "v2"]),
            "off",
            "PROXY header that names the client in front of each connection to an endpoint, which "
                + "then serves one request; probes to the same port name nobody."
        ),
    ]
}
