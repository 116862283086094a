// SPDX-License-Identifier: Apache-2.0

/// What the reference page says about measured round trips.
extension DiagnosticCode {
    var latencyExplanation: CodeExplanation {
        switch self {
        case .badMeasurements:
            .init(
                "measurements that cannot be used",
                "The file of `latency.file` cannot be read, is too large, or a line is no measurement.",
                "Correct the line that the message names: `PLACE,TARGET,MILLISECONDS[,SAMPLES[,TIME]]` "
                    + "or a JSON object of these."
            )
        case .unnamedTarget:
            .init(
                "branch that measurements cannot name",
                "A branch of `latency` is a policy without a name, so no measurement can be about it.",
                "Give the branch a `target`."
            )
        case .duplicateTarget:
            .init(
                "target twice",
                "Two branches of one `latency` are the same target.",
                "Give each a `target` of its own."
            )
        case .measuredForNobody:
            .init(
                "measured for no target",
                "A listener has `measure-rtt`, and `latency.site` does not say which target this is.",
                "Set `latency.site`."
            )
        case .unknownTarget:
            .init(
                "target that no branch has",
                "Measurements are about a target that no branch of a `latency` policy is.",
                "Correct the name, or give the branch that `target`."
            )
        case .emptyMeasurements:
            .init(
                "no measurements",
                "The file of `latency.file` has no row.",
                "See that whatever writes it works; until then the nearest branch serves."
            )
        case .unplacedTarget:
            .init(
                "branch that nothing orders",
                "A branch of `latency` has no `at`, and nothing in the file brings measurements of it.",
                "Give it `at`, set `latency.file` or `latency.site`, or send measurements by the API."
            )
        default:
            .init(
                "measurements for nothing",
                "Nothing goes by them, or nothing makes them.",
                "Use `latency` in a policy, set `measure-rtt` at a listener, or leave the option out."
            )
        }
    }
}
