// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// What bounds the requests that a pool has at a time.
    static let overloadOptions: [Option] = [
        Option(
            "pools.*.concurrency.limit",
            .words(["off", "adaptive"]),
            "off",
            "Whether requests at a time are bounded by a limit that follows how long answers take; "
                + "more wait in the queue."
        ),
        Option(
            "pools.*.concurrency.min",
            .integer(1...1_000_000),
            "4",
            "The least such limit."
        ),
        Option(
            "pools.*.concurrency.max",
            .integer(1...1_000_000),
            "1000",
            "The greatest such limit."
        ),
        Option(
            "pools.*.concurrency.tolerance",
            .percentage(105...1000),
            "150%",
            "How long answers may take, against their time at rest, before the limit falls."
        ),
    ]

    /// When another endpoint is asked as well.
    static let hedgeOptions: [Option] = [
        Option(
            "pools.*.hedge.after",
            .words(["off", "p50", "p75", "p90", "p95", "p99"]),
            "off",
            "Percentile of the times to the first byte after which a safe request without a body goes "
                + "to another endpoint as well; the first answer wins."
        ),
        Option(
            "pools.*.hedge.budget",
            .percentage(1...100),
            "5%",
            "Second attempts as a share of the requests."
        ),
        Option(
            "pools.*.hedge.min-delay",
            .duration(.zero...minutes(1)),
            "5ms",
            "Time before which there is none, however quick the answers are."
        ),
    ]

    static let overloadGroups: [OptionGroup] = [
        OptionGroup("pools.*.hedge", "Asking another endpoint as well when one takes long."),
        OptionGroup(
            "pools.*.concurrency",
            "A limit of requests at a time that follows how long answers take."
        ),
    ]
}
