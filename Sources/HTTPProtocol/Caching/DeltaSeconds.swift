// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// A number of seconds as `Age`, `Retry-After` and directives write it (RFC 9111 §1.2.2).
public enum DeltaSeconds: BitwiseCopyable, Sendable, Equatable {
    /// There is none.
    case absent
    /// Something else than digits stands there.
    case invalid
    /// Seconds; what 31 bits do not hold is the greatest that they do, some 68 years.
    case seconds(UInt32)

    /// The greatest number, which stands for every greater one (RFC 9111 §1.2.2).
    public static let greatest = UInt32(Int32.max)

    /// Reads digits alone: no sign, no point, no blank.
    public init(_ text: Span<UInt8>) {
        var value: UInt64 = 0
        for index in text.indices {
            guard ASCII.isDigit(text[index]) else {
                self = .invalid
                return
            }
            value = min(value &* 10 &+ UInt64(text[index] &- 0x30), UInt64(DeltaSeconds.greatest))
        }
        self = text.isEmpty ? .invalid : .seconds(UInt32(truncatingIfNeeded: value))
    }

    /// The number, where there is one.
    @inlinable public var value: Int64? {
        if case .seconds(let seconds) = self { Int64(seconds) } else { nil }
    }

    /// True when something was said, well or badly.
    @inlinable public var isPresent: Bool { self != .absent }
}
