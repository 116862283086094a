// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Lengths of time as the configuration spells them, for those who read them elsewhere.
public enum DurationText {
    /// Why a text is none, and what was probably meant.
    public struct Fault: Error, Equatable {
        /// One line.
        public let text: String
    }

    /// `250ms`, `5s`, `1m30s`, `24h`; `0` needs no unit.
    public static func read(
        _ text: String,
        in range: ClosedRange<Interval>
    ) throws(Fault) -> Interval {
        do throws(ValueFault) {
            return try OptionType.duration(text, range)
        } catch {
            throw Fault(
                text: [error.message, error.suggestion].compactMap(\.self).joined(separator: "; ")
            )
        }
    }
}
