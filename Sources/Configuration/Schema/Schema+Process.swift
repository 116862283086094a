// SPDX-License-Identifier: Apache-2.0
internal import Essentials

func milliseconds(_ count: Int64) -> Interval { .milliseconds(count) }
func seconds(_ count: Int64) -> Interval { .seconds(count) }
func minutes(_ count: Int64) -> Interval { .seconds(count * 60) }
func hours(_ count: Int64) -> Interval { .seconds(count * 3600) }
func days(_ count: Int64) -> Interval { .seconds(count * 86_400) }
func KiB(_ count: Int) -> Int { count << 10 }
func MiB(_ count: Int) -> Int { count << 20 }

extension Schema {
    static let processOptions: [Option] = [
        Option(
            "workers",
            .either("auto", .integer(1...256)),
            "auto",
            "Number of worker threads; `auto` means one per usable core.",
            restart: true
        ),
        Option(
            "user",
            .label,
            .text(Settings.defaultUser),
            "Account that the serving process runs as when started by root; `nobody` if missing.",
            restart: true
        ),
        Option(
            "state",
            .filePath,
            .absent(
                "one for each file, under `/var/lib/martlet` as root, else `~/.local/state/martlet`"
            ),
            "Folder for the health table, the overlay and the last good configuration.",
            restart: true
        ),
        Option(
            "shutdown-grace",
            .duration(.zero...hours(24)),
            "30s",
            "How long requests in flight may take after TERM before they are cut."
        ),
        Option(
            "shutdown-spread",
            .duration(.zero...hours(1)),
            "10s",
            "Last part of `shutdown-grace`, half of it at most, over which tunnels are closed."
        ),
        Option(
            "upgrade-timeout",
            .duration(milliseconds(100)...hours(1)),
            "30s",
            "How long the new program of an upgrade may take to be ready; then the old one goes on."
        ),
        Option(
            "cdn-id",
            .label,
            .absent("`martlet-` and 16 digits, drawn at each start"),
            "What this node calls itself in `CDN-Loop` (RFC 8586) of requests from routes with a cache; "
                + "no other node may have the same."
        ),
        Option(
            "limits.connections",
            .integer(1...1_000_000),
            "16384",
            "Client connections of all doors together; beyond them accepting waits."
        ),
        Option(
            "limits.header-bytes",
            .size(KiB(1)...KiB(16)),
            "16KiB",
            "Bytes of one request or response head; a longer request gets 431."
        ),
        Option(
            "limits.header-count",
            .integer(1...1000),
            "100",
            "Fields in one request or response head; a request with more gets 431."
        ),
        Option(
            "limits.request-line",
            .size(64...KiB(16)),
            "8KiB",
            "Bytes of the request line; a longer one gets 414."
        ),
        Option(
            "limits.buffered-body",
            .size(0...MiB(1)),
            "16KiB",
            "Body bytes kept so that an idempotent request with a body can be sent again."
        ),
        Option(
            "limits.body-prefix",
            .size(64...KiB(8)),
            "8KiB",
            "Beginning of a request body that `when.json` and `when.form` look at."
        ),
        Option(
            "limits.body-prefix-excess",
            .words(BodyPrefixExcess.allCases.map(\.rawValue)),
            "no-match",
            "What becomes of a longer body that such a condition asks for: what lies behind the "
                + "prefix is not seen, or 413."
        ),
        Option(
            "limits.learned-sessions",
            .integer(8...4_194_304),
            "65536",
            "Sessions of pools with `sticky.mode: learn` that are remembered, at 24 bytes; beyond "
                + "them those used longest ago are forgotten.",
            restart: true
        ),
        Option(
            "limits.concurrent-probes",
            .integer(1...65_536),
            "1024",
            "Probes that run at a time, each with a descriptor; more wait for their turn."
        ),
        Option(
            "limits.concurrent-commands",
            .integer(1...1024),
            "32",
            "Commands of probes that run at a time, each a process; more wait for their turn."
        ),
        Option(
            "limits.mirrored-requests",
            .integer(1...65_536),
            "256",
            "Copies by `routes[].mirror` at a time; beyond them none is made."
        ),
        Option(
            "limits.mirror-memory",
            .size(MiB(1)...MiB(4096)),
            "32MiB",
            "Memory for heads and bodies of such copies, in blocks of 64 KiB; beyond it none is made."
        ),
        Option(
            "limits.shed-lag",
            .either("off", .duration(milliseconds(1)...minutes(1))),
            "200ms",
            "How late a worker may be with its events before it refuses routes of low priority with "
                + "503, and normal ones at four times of it."
        ),
        Option(
            "admin.listen",
            .either("off", .listenAddress),
            "127.0.0.1:9180",
            "Where metrics, API and status page listen; they ask for no password."
        ),
        Option(
            "log.level",
            .words(LogLevel.allCases.map(\.rawValue)),
            "info",
            "The least severe event that is written."
        ),
        Option(
            "log.output",
            .logOutput,
            "stderr",
            "Where events go: `stderr`, `stdout` or a path."
        ),
        Option(
            "log.access.output",
            .logOutput,
            "off",
            "Where a line per request goes: `off`, `stdout`, `stderr` or a path."
        ),
        Option(
            "log.access.format",
            .words(AccessLogFormat.allCases.map(\.rawValue)),
            "combined",
            "Form of an access log line."
        ),
        Option(
            "log.requests.kept",
            .integer(0...65_536),
            "1024",
            "Requests of each worker that `martlet why` can tell about, at 512 bytes; 0 for none.",
            restart: true
        ),
        Option(
            "log.requests.share",
            .percentage(0...100),
            "1%",
            "Share of the requests with 2xx that are kept; of all others each one is."
        ),
    ]

    static let listenerOptions: [Option] = [
        Option(
            "listeners[].http",
            .listenAddress,
            .absent("this is no HTTP listener"),
            "Address and port of an HTTP listener; `:8080` means every address of the machine."
        ),
        Option(
            "listeners[].trusted-proxies",
            .list(.prefix),
            .absent("nobody is trusted"),
            "Peers whose forwarding fields and request id are believed.",
            beside: ["http", "https"]
        ),
        Option(
            "listeners[].forwarded",
            .words(ForwardedPolicy.allCases.map(\.rawValue)),
            "x-forwarded",
            "Which forwarding fields are sent to the endpoint.",
            beside: ["http", "https"]
        ),
        Option(
            "listeners[].request-id",
            .boolean,
            "true",
            "Give every request an `X-Request-Id`.",
            beside: ["http", "https"]
        ),
        Option(
            "listeners[].timeouts.header",
            .duration(milliseconds(10)...hours(1)),
            "10s",
            "Total time for a request head, from its first byte; then 408."
        ),
        Option(
            "listeners[].timeouts.body-rate",
            .either("off", .size(1...MiB(1024))),
            "500B",
            "Least number of request body bytes per second, after the first seconds; then 408."
        ),
        Option(
            "listeners[].timeouts.idle",
            .duration(milliseconds(10)...days(1)),
            "60s",
            "How long a kept connection may wait for its next request."
        ),
        Option(
            "listeners[].timeouts.send",
            .duration(milliseconds(10)...hours(24)),
            "10s",
            "How long a client may take no byte of a response."
        ),
        Option(
            "listeners[].timeouts.request",
            .either("off", .duration(milliseconds(10)...days(1))),
            "off",
            "Time for the whole exchange; a route may set its own."
        ),
        Option(
            "listeners[].dns",
            .listenAddress,
            .absent("this is no DNS listener"),
            "Address and port of a DNS listener, for UDP and TCP."
        ),
        Option(
            "listeners[].edns-size",
            .integer(512...4096),
            "1232",
            "Largest answer over UDP in bytes; longer ones are truncated.",
            beside: ["dns"]
        ),
        Option(
            "listeners[].ecs",
            .list(.either("any", .either("none", .prefix))),
            "any",
            "Resolvers whose client subnet (RFC 7871) counts: `any`, `none`, or their networks.",
            beside: ["dns", "dot"]
        ),
        Option(
            "listeners[].tcp-idle",
            .duration(milliseconds(10)...hours(1)),
            "10s",
            "How long a DNS client may take for its next query over TCP or TLS; for the first one of all, "
                + "the handshake included.",
            beside: ["dns", "dot"]
        ),
        Option(
            "listeners[].tcp-connections",
            .integer(1...100_000),
            "1024",
            "DNS clients connected by TCP or TLS at a time.",
            beside: ["dns", "dot"]
        ),
    ]
}
