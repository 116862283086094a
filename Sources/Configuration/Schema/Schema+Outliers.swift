// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// How an ejected endpoint comes back, and when being slow ejects.
    static let outlierOptions: [Option] = [
        Option(
            "pools.*.passive.half-open.requests",
            .integer(0...1000),
            "3",
            "Requests at a time that an endpoint gets after an ejection; 0 means all at once."
        ),
        Option(
            "pools.*.passive.half-open.successes",
            .integer(1...10_000),
            "5",
            "Successes that end this; one failure ejects again."
        ),
        Option(
            "pools.*.passive.latency.factor",
            .either("off", .integer(2...1000)),
            "off",
            "How many times the pool's median time to the first byte ejects an endpoint."
        ),
        Option(
            "pools.*.passive.latency.difference",
            .duration(milliseconds(1)...hours(1)),
            "50ms",
            "How much above the median it must be as well."
        ),
        Option(
            "pools.*.passive.latency.samples",
            .integer(5...100_000),
            "20",
            "Answers within the window that an endpoint is judged by at least."
        ),
        Option(
            "pools.*.passive.latency.endpoints",
            .integer(2...1000),
            "3",
            "Endpoints with so many answers that a median needs."
        ),
    ]

    static let outlierGroups: [OptionGroup] = [
        OptionGroup("pools.*.passive.half-open", "How an ejected endpoint comes back."),
        OptionGroup("pools.*.passive.latency", "Ejecting endpoints far slower than their pool."),
    ]
}
