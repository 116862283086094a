// SPDX-License-Identifier: Apache-2.0

extension Schema {
    /// What a listener allows a connection by HTTP/2.
    static let http2Options: [Option] = [
        Option(
            "listeners[].http2.enabled",
            .boolean,
            "true",
            "Speak HTTP/2 with clients: by ALPN on an HTTPS listener, by prior knowledge on a "
                + "plain one, where `false` answers the preface with 505."
        ),
        Option(
            "listeners[].http2.streams",
            .integer(1...250),
            "100",
            "Streams of a connection at a time; more are refused, for the client to send again."
        ),
        Option(
            "listeners[].http2.stream-window",
            .size(1024...65_536),
            "64KiB",
            "Request content of one stream that may wait to be passed on; then the client must."
        ),
        Option(
            "listeners[].http2.connection-window",
            .size(65_536...16_777_216),
            .absent("all streams' windows together, at most 4MiB"),
            "Request content of all streams of a connection that may wait; when it is full, every "
                + "upload of the connection waits for the slowest."
        ),
        Option(
            "listeners[].http2.tolerance",
            .percentage(10...1000),
            "100%",
            "Share of the shipped budgets for resets, PING, SETTINGS and the like that a "
                + "connection has before it is ended."
        ),
    ]
}
