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

    static let overloadGroups: [OptionGroup] = [
        OptionGroup(
            "pools.*.concurrency",
            "A limit of requests at a time that follows how long answers take."
        )
    ]
}
