// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Moments of the calendar, and what happens at them.
extension OptionType {
    /// `2026-12-01T22:00:00Z`, or with an offset.
    static func moment(_ text: String) throws(ValueFault) -> WallTime {
        guard let moment = WallTime(rfc3339: text) else {
            throw ValueFault(
                .badMoment,
                "`\(text)` is no moment of the calendar",
                "such as `2026-12-01T22:00:00Z` or `2026-12-01T23:00:00+01:00`"
            )
        }
        return moment
    }

    /// `70 -> 0 over 10m at 2026-12-01T22:00:00Z`; what stands before the second weight, and
    /// `over`, may be left out.
    static func weightStep(_ text: String) throws(ValueFault) -> WeightStepSettings {
        var words = text.split(separator: " ").map(String.init)[...]
        let fault = ValueFault(
            .badWeightStep,
            "`\(text)` is no change of a weight",
            "such as `70 -> 0 over 10m at 2026-12-01T22:00:00Z`"
        )
        guard let first = words.popFirst() else { throw fault }
        var (from, weight) = (Int?.none, try Self.integer(first, 0...1_000_000))
        if words.first == "->" {
            words = words.dropFirst()
            guard let second = words.popFirst() else { throw fault }
            (from, weight) = (weight, try Self.integer(second, 0...1_000_000))
        }
        var over = Interval.zero
        if words.first == "over" {
            words = words.dropFirst()
            guard let length = words.popFirst() else { throw fault }
            over = try Self.duration(length, .zero...Interval.seconds(30 * 86_400))
        }
        guard words.popFirst() == "at", let moment = words.popFirst(), words.isEmpty else {
            throw fault
        }
        return WeightStepSettings(
            from: from,
            weight: weight,
            over: over,
            at: try Self.moment(moment)
        )
    }
}
