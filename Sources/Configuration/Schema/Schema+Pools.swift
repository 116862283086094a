// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    static let poolOptions: [Option] = balanceOptions + endpointOptions + trafficOptions

    private static let balanceOptions: [Option] = [
        Option(
            "pools.*.balance",
            .words(BalanceMethod.allCases.map(\.rawValue)),
            "weighted-round-robin",
            "How an endpoint is chosen."
        ),
        Option(
            "pools.*.hash.key",
            .hashKey,
            "source-ip",
            "What `hash-ring`, `maglev` and `bounded-load` hash."
        ),
        Option(
            "pools.*.hash.virtual-nodes",
            .integer(1...10_000),
            "160",
            "Points on the ring per unit of weight, for `hash-ring` and `bounded-load`."
        ),
        Option(
            "pools.*.hash.table-size",
            .prime(3...5_000_011),
            "65537",
            "Places in the table of `maglev`: a prime, at least 100 times the endpoints."
        ),
        Option(
            "pools.*.hash.load-bound",
            .percentage(101...1000),
            "125%",
            "Load against the average that `bounded-load` gives an endpoint at most."
        ),
        Option(
            "pools.*.probe",
            .reference(.probe),
            .absent("endpoints count as up, `unchecked`"),
            "Probe that checks every endpoint."
        ),
        Option(
            "pools.*.slow-start",
            .duration(.zero...hours(1)),
            "0s",
            "Time in which a returned endpoint grows to its full share."
        ),
        Option(
            "pools.*.panic",
            .percentage(0...100),
            "0%",
            "Share of healthy endpoints below which health is ignored; `0%` means never."
        ),
        Option(
            "pools.*.drain",
            .duration(.zero...days(7)),
            "60s",
            "How long work may go on at a draining endpoint before it is cut."
        ),
        Option(
            "pools.*.drain-spread",
            .duration(.zero...hours(1)),
            "10s",
            "Last part of `drain`, half of it at most, over which tunnels are closed one by one."
        ),
        Option(
            "pools.*.queue.limit",
            .integer(0...1_000_000),
            "1024",
            "Requests that may wait while every endpoint is at its limit; more get 503."
        ),
        Option(
            "pools.*.queue.timeout",
            .duration(milliseconds(1)...hours(1)),
            "5s",
            "How long a request may wait; then 503."
        ),
    ]

    private static let endpointOptions: [Option] = [
        Option(
            "pools.*.endpoints[].address",
            .endpointAddress,
            .required,
            "Address or name, with a port; names are resolved again and again."
        ),
        Option(
            "pools.*.endpoints[].name",
            .text(128),
            .absent("the address"),
            "Name shown and used in the API."
        ),
        Option(
            "pools.*.endpoints[].weight",
            .integer(0...1000),
            "1",
            "Share of the work; 0 means eligible but never chosen."
        ),
        Option(
            "pools.*.endpoints[].tier",
            .integer(0...15),
            "0",
            "Backup tier: serves only when no endpoint of a lower tier can."
        ),
        Option(
            "pools.*.endpoints[].zone",
            .label,
            .absent("no zone"),
            "Label of the place it stands in, shown beside it."
        ),
        Option(
            "pools.*.endpoints[].max-connections",
            .integer(1...1_000_000),
            .absent("no bound"),
            "Requests at a time; more wait in the queue."
        ),
    ]

    private static let trafficOptions: [Option] = [
        Option(
            "pools.*.passive.failures",
            .integer(0...1000),
            "3",
            "Failures in a row within the window that eject an endpoint; 0 means never."
        ),
        Option(
            "pools.*.passive.window",
            .duration(milliseconds(100)...hours(1)),
            "30s",
            "Span over which failures and the error rate count."
        ),
        Option(
            "pools.*.passive.ejection",
            .duration(milliseconds(100)...hours(24)),
            "30s",
            "Length of the first ejection; each repeat is one longer."
        ),
        Option(
            "pools.*.passive.ejection-max",
            .duration(milliseconds(100)...days(7)),
            "5m",
            "Longest ejection."
        ),
        Option(
            "pools.*.passive.statuses",
            .list(.statuses),
            "502-504",
            "Response statuses that count as failures, beside broken connections and timeouts."
        ),
        Option(
            "pools.*.passive.error-rate",
            .percentage(0...100),
            "50%",
            "Share of failures in the window that ejects an endpoint; `0%` means never."
        ),
        Option(
            "pools.*.passive.minimum-volume",
            .integer(1...1_000_000),
            "100",
            "Requests in the window below which the error rate is not judged."
        ),
        Option(
            "pools.*.passive.max-ejected",
            .percentage(0...100),
            "50%",
            "Largest share of the endpoints that is ejected at a time."
        ),
        Option(
            "pools.*.timeouts.connect",
            .duration(milliseconds(1)...minutes(10)),
            "5s",
            "Time for a connection to an endpoint to open."
        ),
        Option(
            "pools.*.timeouts.first-byte",
            .duration(milliseconds(1)...hours(24)),
            "30s",
            "Time from the end of a request to the first byte of its response; then 504."
        ),
        Option(
            "pools.*.timeouts.between-bytes",
            .duration(milliseconds(1)...hours(24)),
            "30s",
            "Longest silence within a response."
        ),
        Option(
            "pools.*.timeouts.send",
            .duration(milliseconds(1)...hours(24)),
            "10s",
            "How long an endpoint may take no byte of a request."
        ),
        Option(
            "pools.*.timeouts.tunnel-idle",
            .duration(milliseconds(10)...days(30)),
            "24h",
            "Longest silence in a tunnel, as WebSocket uses."
        ),
        Option(
            "pools.*.protocol",
            .words(["http1", "http2", "auto"]),
            "http1",
            "Version of HTTP that endpoints are asked by: `http2` by prior knowledge on plain TCP "
                + "and by ALPN in TLS; with `auto` ALPN decides, and plain TCP is HTTP/1.1."
        ),
        Option(
            "pools.*.http2.streams",
            .integer(1...250),
            "100",
            "Requests at a time on one connection by HTTP/2; an endpoint may allow fewer."
        ),
        Option(
            "pools.*.http2.connections",
            .integer(1...1024),
            "32",
            "Connections by HTTP/2 to one endpoint and worker; when all are full, requests go to "
                + "other endpoints or wait in the queue."
        ),
        Option(
            "pools.*.keepalive.idle",
            .duration(milliseconds(10)...hours(24)),
            "30s",
            "How long an idle connection to an endpoint is kept."
        ),
        Option(
            "pools.*.keepalive.connections",
            .integer(0...10_000),
            "64",
            "Idle connections kept per endpoint and worker; 0 closes each after its request."
        ),
        Option(
            "pools.*.retry.attempts",
            .integer(0...7),
            "2",
            "Further attempts on other endpoints after one that failed."
        ),
        Option(
            "pools.*.retry.budget",
            .percentage(0...100),
            "20%",
            "Retries at a time, as a share of the requests in flight."
        ),
        Option(
            "pools.*.retry.minimum",
            .integer(0...10_000),
            "3",
            "Retries at a time that the budget always allows."
        ),
        Option(
            "pools.*.resolve.nameserver",
            .server(53),
            .absent("those of `/etc/resolv.conf`"),
            "DNS server asked for endpoints given by name."
        ),
        Option(
            "pools.*.resolve.min-ttl",
            .ttl(seconds(1)...days(1)),
            "5s",
            "An answer is kept at least this long."
        ),
        Option(
            "pools.*.resolve.max-ttl",
            .ttl(seconds(1)...days(7)),
            "5m",
            "An answer is kept at most this long."
        ),
    ]
}
