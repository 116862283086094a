// SPDX-License-Identifier: Apache-2.0
internal import Steering

/// What a probe makes of the time that an endpoint's certificate has left.
public struct CertificateRule: Sendable, Equatable {
    /// Days that it must have left.
    public var leastDays: Int
    /// True when fewer fail the probe; otherwise they are only named.
    public var isRequired: Bool

    /// A rule from its parts.
    public init(leastDays: Int, isRequired: Bool) {
        self.leastDays = leastDays
        self.isRequired = isRequired
    }

    /// What a certificate comes to that ends at `ends`; both times are in seconds since 1970.
    ///
    /// The texts change once a day, so that a log says it once a day.
    func judge(ends: Int64, now: Int64) -> HTTPQuestion.Finding {
        let left = ends.subtractingReportingOverflow(now).partialValue
        guard left < Int64(leastDays) &* CertificateRule.day else {
            return HTTPQuestion.Finding(outcome: .success)
        }
        let text = "certificate \(CertificateRule.text(left))"
        guard isRequired else { return HTTPQuestion.Finding(outcome: .success, note: text) }
        return HTTPQuestion.Finding(outcome: .failure(.certificateEnding, detail: text))
    }

    private static let day: Int64 = 86_400

    private static func text(_ left: Int64) -> String {
        let days = left / day
        return switch (left, days) {
        case (..<0, _): "has ended"
        case (_, 0): "ends within a day"
        case (_, 1): "ends in 1 day"
        default: "ends in \(days) days"
        }
    }
}
