// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    static let failoverOptions: [Option] = [
        Option(
            "steer.*.failover-within",
            .duration(milliseconds(100)...hours(24)),
            .absent("the time is computed, and not judged"),
            "Longest time in which resolvers leave a failed target; `check` warns when it may take longer."
        )
    ]
}
