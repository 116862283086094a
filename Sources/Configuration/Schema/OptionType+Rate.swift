// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension OptionType {
    private static let ratePeriods: [(name: String, period: Interval, aliases: [String])] = [
        ("s", .seconds(1), ["sec", "second", "1s"]),
        ("m", .seconds(60), ["min", "minute", "1m"]),
        ("h", .seconds(3600), ["hour", "1h"]),
    ]

    /// `100/s`, `600/m`, `1000/h`.
    static func rate(_ text: String, _ range: ClosedRange<Int>) throws(ValueFault) -> Rate {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let digits = parts.first.map { $0.prefix { $0.isASCII && $0.isNumber } } ?? ""
        let unit = parts.count == 2 ? String(parts[1]) : ""
        let known = ratePeriods.first { $0.name == unit }
        guard let count = Int(digits), digits.count == parts[0].count, let known else {
            let near = ratePeriods.first { $0.name == unit || $0.aliases.contains(unit) }
            let isNear = !digits.isEmpty && (near != nil || parts.count == 1)
            throw ValueFault(
                .notRate,
                "`\(text)` is no rate",
                isNear
                    ? "did you mean `\(digits)/\(near?.name ?? "s")`?"
                    : "a number in a second, minute or hour: `100/s`, `600/m`, `1000/h`"
            )
        }
        guard range.contains(count) else {
            throw ValueFault(
                .outOfRange,
                "`\(text)` is out of range",
                "the number must be \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return Rate(count, per: known.period)
    }
}
