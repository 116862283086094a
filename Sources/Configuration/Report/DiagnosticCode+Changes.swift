// SPDX-License-Identifier: Apache-2.0

/// What the reference page says about changes of policies that serve.
extension DiagnosticCode {
    var changeExplanation: CodeExplanation? {
        switch self {
        case .badMoment:
            .init(
                "not a moment of the calendar",
                "Moments are date-times of RFC 3339, with `Z` or an offset.",
                "Write `2026-12-01T22:00:00Z`."
            )
        case .badWeightStep:
            .init(
                "not a change of a weight",
                "It says which weight a branch goes to, how long that takes, and when it begins.",
                "Write `70 -> 0 over 10m at 2026-12-01T22:00:00Z`."
            )
        case .unknownBranch:
            .init(
                "no such branch",
                "The weighted policy has no branch of that name, or the policy is not weighted.",
                "Branches are called by their `name`, else by their pool, policy or address."
            )
        case .duplicateBranch:
            .init(
                "two branches of one name",
                "`active`, `rollout` and commands could mean either.",
                "Give one of them a `name`."
            )
        case .scheduleBreak:
            .init(
                "schedule that does not hold together",
                "A change begins before the one ahead has ended, or expects another weight.",
                "Look at what the message names; `->` may be left out."
            )
        case .migrationTooEarly:
            .init(
                "migration before the old TTL is over",
                "Resolvers may hold answers from before the TTL was lowered, and leave clients at "
                    + "the old place.",
                "Lower the TTL earlier, or move later."
            )
        case .loadWithoutLimits:
            .init(
                "load without limits",
                "The load of a branch is what its endpoints have in hand by `max-connections`, and "
                    + "none of them has it: nothing is ever shed.",
                "Give the pool's endpoints `max-connections`, or take `load-low` away."
            )
        case .idleSettle:
            .init(
                "rest of no answers",
                "Answers rest by the `settle` of the policy that a record names, and no record names "
                    + "this one.",
                "Say `settle` in the policies that records name."
            )
        case .idleMigration:
            .init(
                "migration that moves nobody",
                "Its policy has no branch but the one that it moves to.",
                "Add the branch that clients are to leave, or remove the migration."
            )
        default: nil
        }
    }
}
