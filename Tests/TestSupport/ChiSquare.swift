// SPDX-License-Identifier: Apache-2.0

/// Says whether counts agree with the shares that are expected of them.
public enum ChiSquare {
    /// The statistic: 0 for a perfect fit, about the degrees of freedom for an honest draw.
    public static func statistic(_ counts: [Int], shares: [Double]) -> Double {
        let total = Double(counts.reduce(0, +))
        let whole = shares.reduce(0, +)
        guard total > 0, whole > 0, counts.count == shares.count else { return .infinity }
        var sum = 0.0
        for (count, share) in zip(counts, shares) {
            let expected = total * share / whole
            // What must never happen has no tolerance.
            if expected == 0 {
                if count != 0 { return .infinity }
                continue
            }
            sum += (Double(count) - expected) * (Double(count) - expected) / expected
        }
        return sum
    }

    /// True unless honest draws would differ as much less than once in ten thousand times.
    ///
    /// By the cube-root approximation of Wilson and Hilferty.
    public static func fits(_ counts: [Int], shares: [Double]) -> Bool {
        let freedom = Double(shares.count { $0 > 0 } - 1)
        let value = statistic(counts, shares: shares)
        guard freedom > 0 else { return value == 0 }
        let spread = 2 / (9 * freedom)
        let critical = 1 - spread + 3.719 * spread.squareRoot()
        return value <= freedom * critical * critical * critical
    }
}
