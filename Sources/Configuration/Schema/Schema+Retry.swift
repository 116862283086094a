// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// What is tried again, and how.
    static let retryOptions: [Option] = [
        Option(
            "pools.*.retry.on",
            .list(.retryReason),
            "connect, reset, timeout",
            "What is a reason to try again: failures, statuses of answers such as `502-504`, and of "
                + "gRPC such as `grpc-unavailable`."
        ),
        Option(
            "pools.*.retry.per-try-timeout",
            .either("off", .duration(milliseconds(1)...hours(24))),
            "off",
            "Time for the first byte of an attempt; the last one has `timeouts.first-byte`."
        ),
        Option(
            "pools.*.retry.backoff.base",
            .duration(.zero...minutes(1)),
            "0s",
            "Pause before the first retry, doubled for each further one; none where the "
                + "connection failed."
        ),
        Option(
            "pools.*.retry.backoff.cap",
            .duration(.zero...minutes(10)),
            "1s",
            "Longest pause before a retry."
        ),
        Option(
            "pools.*.retry.non-idempotent",
            nonIdempotent,
            "keyed",
            "Whether POST and the like are sent again once they may have reached an endpoint: "
                + "`keyed` with an `Idempotency-Key` only."
        ),
        Option(
            "routes[].retry-on",
            .list(.retryReason),
            .absent("the pool's `retry.on`"),
            "What is a reason to try again on this route."
        ),
        Option(
            "routes[].retry-per-try-timeout",
            .duration(milliseconds(1)...hours(24)),
            .absent("the pool's `retry.per-try-timeout`"),
            "Time for the first byte of an attempt on this route that is not the last."
        ),
        Option(
            "routes[].retry-non-idempotent",
            nonIdempotent,
            .absent("the pool's `retry.non-idempotent`"),
            "Whether POST and the like are sent again on this route."
        ),
    ]

    static let retryGroups: [OptionGroup] = [
        OptionGroup("pools.*.retry.backoff", "Pauses before retries.")
    ]

    private static let nonIdempotent = OptionType.words(
        NonIdempotentRetry.allCases.map(\.rawValue)
    )
}
