// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime
internal import Steering

extension HTTPQuestion {
    /// What a whole answer comes to.
    struct Finding: Equatable {
        var outcome: ProbeOutcome
        var note = ""
    }

    /// Judges an answer by its status and the body that was read.
    ///
    /// A failing dependency that the body names says more than the status, so it is the reason.
    func judge(status: UInt16, body: Span<UInt8>) -> Finding {
        let report = dependencies == .ignore ? nil : DependencyReport(body)
        let failing = report?.failingText ?? ""
        guard statuses.contains(where: { $0.contains(status) }) else {
            if !failing.isEmpty {
                return Finding(outcome: .failure(.dependency, detail: failing))
            }
            let reason = HealthReason.status(Int(status))
            return Finding(outcome: .failure(reason, detail: "status \(status)"))
        }
        if dependencies == .require {
            if !failing.isEmpty {
                return Finding(outcome: .failure(.dependency, detail: failing))
            }
            if report?.isTelling != true {
                let detail = "no JSON body with a status"
                return Finding(outcome: .failure(.bodyMismatch, detail: detail))
            }
        }
        if !bodyContains.isEmpty, !ByteSearch.contains(body, Array(bodyContains.utf8)) {
            return Finding(outcome: .failure(.bodyMismatch, detail: "text not found"))
        }
        if let bodyExpression, !bodyExpression.matches(body) {
            return Finding(outcome: .failure(.bodyMismatch, detail: "expression does not match"))
        }
        return Finding(outcome: .success, note: failing)
    }

    /// True when the body's content matters, not only its end.
    var keepsBody: Bool {
        !bodyContains.isEmpty || bodyExpression != nil || dependencies != .ignore
            || role?.readsBody == true
    }
}

/// Looking for bytes in bytes.
enum ByteSearch {
    /// True when `needle` occurs in `bytes`.
    static func contains(_ bytes: Span<UInt8>, _ needle: [UInt8]) -> Bool {
        guard let first = needle.first else { return true }
        guard needle.count <= bytes.count else { return false }
        for start in 0...(bytes.count - needle.count) where bytes[start] == first {
            var length = 1
            while length < needle.count, bytes[start + length] == needle[length] { length += 1 }
            if length == needle.count { return true }
        }
        return false
    }
}
