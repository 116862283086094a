// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// What changes about policies while they serve.
    static let steerChangeOptions: [Option] = weightChangeOptions + rolloutOptions + moveOptions

    private static let weightChangeOptions: [Option] = [
        Option(
            "steer.**.name",
            .label,
            .absent("what its pool, policy or address is called"),
            "What a branch is called in commands and explanations."
        ),
        Option(
            "steer.**.schedule",
            .list(.weightStep),
            .absent("the weight stays as it is"),
            "Changes of a branch's weight: `0 over 10m at 2026-12-01T22:00:00Z`, or with the weight "
                + "before, `70 -> 0 over 10m at ...`; without `over` at once."
        ),
        Option(
            "steer.**.load-low",
            .percentage(0...1000),
            .absent("the weight does not depend on the load"),
            "Load of the endpoints below a branch, by their `max-connections`, from which on its "
                + "weight falls.",
            beside: ["load-high"]
        ),
        Option(
            "steer.**.load-high",
            .percentage(1...1000),
            .absent("the weight does not depend on the load"),
            "Load at which a branch gets nothing any more, as long as another one can serve.",
            beside: ["load-low"]
        ),
        Option(
            "steer.**.active",
            .label,
            .absent("the weights decide"),
            "The branch that gets all clients until `martlet steer switch` names another one.",
            beside: ["weighted"]
        ),
        Option(
            "steer.*.settle",
            .duration(.zero...hours(1)),
            "0s",
            "How long answers stay as they are after a change before members that have returned are "
                + "taken; doubled while they flap. What goes down leaves at once."
        ),
        Option(
            "steer.*.settle-most",
            .duration(seconds(1)...hours(24)),
            "10m",
            "The longest that flapping leads to.",
            beside: ["settle"]
        ),
    ]

    private static let rolloutOptions: [Option] = [
        Option(
            "steer.**.rollout",
            .label,
            .absent("no branch is brought up step by step"),
            "The branch that is brought up step by step, once `martlet steer rollout` starts it.",
            beside: ["weighted"]
        ),
        Option(
            "steer.**.rollout-steps",
            .list(.percentage(0...100)),
            .absent("5%, 25%, 50%, 100%"),
            "Its shares, one after the other.",
            beside: ["rollout"]
        ),
        Option(
            "steer.**.rollout-hold",
            .duration(seconds(1)...hours(168)),
            "10m",
            "How long each share holds.",
            beside: ["rollout"]
        ),
        Option(
            "steer.**.rollout-start",
            .moment,
            .absent("when a command starts it"),
            "When it begins by itself.",
            beside: ["rollout"]
        ),
        Option(
            "steer.**.rollout-errors",
            .decimal(0...100),
            "1",
            "Percent points by which its share of failed requests may be above that of the others.",
            beside: ["rollout"]
        ),
        Option(
            "steer.**.rollout-latency",
            .percentage(0...10_000),
            "25%",
            "By how much slower than the others it may answer.",
            beside: ["rollout"]
        ),
        Option(
            "steer.**.rollout-samples",
            .integer(1...1_000_000),
            "50",
            "Requests of either side without which traffic says nothing.",
            beside: ["rollout"]
        ),
        Option(
            "steer.**.rollout-halt",
            .words(RolloutHalt.allCases.map(\.rawValue)),
            "back",
            "What becomes of its share when it falls behind: back to nothing, or it stays.",
            beside: ["rollout"]
        ),
    ]

    private static let moveOptions: [Option] = [
        Option(
            "migrations.*.steer",
            .reference(.steer),
            .required,
            "The weighted policy whose clients move."
        ),
        Option("migrations.*.to", .label, .required, "The branch that they move to."),
        Option(
            "migrations.*.ttl",
            .ttl(seconds(1)...hours(24)),
            .absent("30s; where the policy's `ttl` is no longer than that, half of it"),
            "Highest TTL of the answers while the name moves."
        ),
        Option(
            "migrations.*.lower-at",
            .moment,
            .absent("when `martlet steer migrate NAME start` is given"),
            "When the TTL is lowered."
        ),
        Option(
            "migrations.*.switch-at",
            .moment,
            .absent("when `martlet steer migrate NAME switch` is given"),
            "When the clients move; never before the old TTL has run out."
        ),
        Option(
            "migrations.*.raise-after",
            .duration(.zero...hours(168)),
            "10m",
            "How long the TTL stays low after the move, so that a move back is quick."
        ),
    ]

    static let changeGroups: [OptionGroup] = [
        OptionGroup(
            "migrations.*",
            "Moving a name without leaving clients at the old place.",
            noun: "migration"
        )
    ]
}
