// SPDX-License-Identifier: Apache-2.0
import Runtime
import Steering
import Testing

/// The reasons of failed probes are words that people look up.
@Suite struct ReasonPageTests {
    // What is no finding of a probe: other pages have it.
    private static let others: Set<HealthReason> = [
        .pending, .probePassed, .noProbe, .unresolved, .passiveFailures, .passiveErrorRate,
        .passiveLatency, .forcedUp, .forcedDown, .supposed,
    ]

    @Test func `every reason of a failed probe is on the page of probes`() throws {
        let folders = #filePath.split(separator: "/").dropLast(3)
        let path = "/" + folders.joined(separator: "/") + "/Documentation/operations/probes.md"
        let page = String(decoding: try File.read(path, limit: 1 << 20), as: UTF8.self)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }
        for reason in HealthReason.allCases where !Self.others.contains(reason) {
            // Those of a status stand in one row.
            let code = reason.word.split(separator: "-").last.flatMap { Int($0) }
            let word = code == nil ? reason.word : "status-503"
            #expect(rows.contains { $0.hasPrefix("| `\(word)`") }, "\(reason.word)")
        }
    }
}
