// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Trying again, as pools and routes say it.
extension SettingsDecoder {
    func retry(_ section: Section) -> RetrySettings {
        let backoff = section.group("backoff")
        let settings = RetrySettings(
            attempts: section.integer("attempts"),
            budget: section.percentage("budget"),
            minimum: section.integer("minimum"),
            on: section.retryReasons("on"),
            perTryTimeout: section.optionalInterval("per-try-timeout"),
            backoff: BackoffSettings(base: backoff.interval("base"), cap: backoff.interval("cap")),
            nonIdempotent: section.word("non-idempotent", .keyed)
        )
        if settings.backoff.base > settings.backoff.cap {
            backoff.fault(
                .wrongOrder,
                backoff.has("base") ? "base" : "cap",
                "the first pause, \(settings.backoff.base), is longer than the longest, "
                    + "\(settings.backoff.cap)"
            )
        }
        return settings
    }
}

extension Section {
    func optionalRetryReasons(_ key: String) -> RetryReasons? {
        let reasons = retryReasons(key)
        return has(key) ? reasons : nil
    }

    fileprivate func retryReasons(_ key: String) -> RetryReasons {
        RetryReasons(
            conditions: texts(key).compactMap(RetryConditionName.init(rawValue:)),
            statuses: statuses(key)
        )
    }
}
