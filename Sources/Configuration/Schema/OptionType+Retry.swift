// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension OptionType {
    /// `connect, reset, 502-504`.
    static func retryReasons(_ text: String) throws(ValueFault) -> [OptionValue] {
        var values: [OptionValue] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            values.append(try retryReason(String(part.drop { $0 == " " })))
        }
        return values
    }

    /// `connect`, `reset`, `timeout`, `grpc-unavailable`, `503`, `502-504`.
    static func retryReason(_ text: String) throws(ValueFault) -> OptionValue {
        let words = RetryConditionName.allCases.map(\.rawValue)
        guard text.utf8.first.map(ASCII.isDigit) ?? false else {
            return .text(try word(text, words))
        }
        let range = try statuses(text)
        guard range.lowerBound >= 400 else {
            throw ValueFault(
                .outOfRange,
                "an answer with `\(text)` is no failure",
                "statuses to try again at are 400 to 599"
            )
        }
        return .statuses(range)
    }
}
