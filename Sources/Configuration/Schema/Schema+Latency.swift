// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// Round trips between clients and targets.
    static let latencyOptions: [Option] = [
        Option(
            "latency.file",
            .filePath,
            .absent("nothing is imported"),
            "File of measurements made elsewhere: lines of `PLACE,TARGET,MILLISECONDS[,SAMPLES[,TIME]]` "
                + "or of JSON; a changed file is taken up without a reload."
        ),
        Option(
            "latency.site",
            .label,
            .absent("nothing is measured here"),
            "The target that this process is: what listeners with `measure-rtt` measure is for it."
        ),
        Option(
            "latency.min-samples",
            .integer(1...1000),
            "5",
            "Round trips below which a row counts for nothing."
        ),
        Option(
            "latency.max-age",
            .duration(seconds(1)...days(365)),
            "24h",
            "Age beyond which a row counts for nothing; imported rows without a time do not age."
        ),
        Option(
            "latency.margin",
            .percentage(0...90),
            "10%",
            "How much shorter the round trip of a branch must be to take the place of another, of that "
                + "one's round trip."
        ),
        Option(
            "latency.min-gain",
            .duration(.zero...seconds(1)),
            "5ms",
            "The same as a time; the larger of both counts."
        ),
        Option(
            "latency.interval",
            .duration(milliseconds(100)...hours(1)),
            "10s",
            "Least time between two tables of what was measured; making one takes at most a tenth of "
                + "a core."
        ),
        Option(
            "latency.rows",
            .integer(16...1_000_000),
            "65536",
            "Rows of what is learnt, one for each place and target, at about 200 bytes; beyond them "
                + "the least useful give way."
        ),
        Option(
            "listeners[].measure-rtt",
            .boolean,
            "false",
            "Measure the round trips of its clients, for `latency.site`; those of trusted proxies are "
                + "left out.",
            beside: ["http", "https"]
        ),
    ]

    static let latencyGroups: [OptionGroup] = [
        OptionGroup(
            "latency",
            "Round trips between clients and targets, for policies with `latency`."
        )
    ]
}
