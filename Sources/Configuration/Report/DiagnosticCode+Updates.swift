// SPDX-License-Identifier: Apache-2.0

extension DiagnosticCode {
    var updateExplanation: CodeExplanation {
        switch self {
        case .openUpdates:
            .init(
                "updates by everybody",
                "A rule of `updates` names neither a key nor networks.",
                "Say who may change the zone: `key: NAME`, or `networks: [PREFIX]`."
            )
        case .wildcardUpdateName:
            .init(
                "rule for the wildcard name",
                "`*` in `names` of a rule of `updates` is the one name `*` of the zone: changes of "
                    + "all others are refused.",
                "`zone` for every name, `*.NAME` for all below one."
            )
        default:
            .init(
                "names of updates",
                "`names` of a rule of `updates` holds something that names nothing in the zone.",
                "`zone`, a name of the zone, `subtree:NAME`, `*.NAME`; `self` and `self-subtree` in "
                    + "rules with a `key`."
            )
        }
    }
}
