// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// Where spans of traces go.
    static let tracingOptions: [Option] = [
        Option(
            "tracing.otlp.endpoint",
            .text(1024),
            .absent("no spans are exported"),
            "URL that spans are sent to by OTLP over HTTP, in JSON, such as "
                + "`http://localhost:4318/v1/traces`; listeners with `tracing: true` make them."
        ),
        Option(
            "tracing.otlp.headers.*",
            .text(4096),
            .absent("none"),
            "Further fields of these requests."
        ),
        Option(
            "tracing.otlp.authorities",
            .filePath,
            .absent("those of the system"),
            "File of authorities in PEM that may vouch for the collector.",
            beside: ["endpoint"]
        ),
        Option(
            "tracing.otlp.timeout",
            .duration(milliseconds(50)...minutes(1)),
            "10s",
            "How long a request to the collector may take, from connecting to the answer's end.",
            beside: ["endpoint"]
        ),
        Option(
            "tracing.otlp.share",
            .percentage(0...100),
            "1%",
            "Share of the traces begun here that are sampled; what a client's `traceparent` says "
                + "holds for its trace.",
            beside: ["endpoint"]
        ),
        Option(
            "tracing.otlp.queue",
            .integer(16...65_536),
            "2048",
            "Spans that wait to be sent, those of the batch on its way aside; beyond them the oldest "
                + "are dropped and counted.",
            beside: ["endpoint"]
        ),
        Option(
            "tracing.otlp.batch",
            .integer(1...8192),
            "512",
            "Spans in one request; as soon as so many wait they are sent.",
            beside: ["endpoint"]
        ),
        Option(
            "tracing.otlp.every",
            .duration(milliseconds(50)...minutes(1)),
            "5s",
            "How long a span may wait for others to be sent with.",
            beside: ["endpoint"]
        ),
        Option(
            "tracing.otlp.service",
            .text(255),
            "martlet",
            "The `service.name` that the spans belong to.",
            beside: ["endpoint"]
        ),
        Option(
            "tracing.otlp.attributes.*",
            .text(1024),
            .absent("none"),
            "Further attributes of the resource, such as `deployment.environment.name`."
        ),
    ]

    static let tracingGroups: [OptionGroup] = [
        OptionGroup("tracing", "What becomes of traces."),
        OptionGroup("tracing.otlp", "Where spans are exported to."),
        OptionGroup("tracing.otlp.headers", "Fields by name.", beside: ["endpoint"]),
        OptionGroup("tracing.otlp.attributes", "Attributes by name.", beside: ["endpoint"]),
    ]
}
