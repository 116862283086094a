// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Prober

private func report(_ text: String) -> DependencyReport { DependencyReport(Array(text.utf8).span) }

@Suite struct DependencyReportTests {
    @Test(arguments: [
        (
            #"{"status":"fail","checks":{"db":{"status":"fail"},"cache":{"status":"pass"}}}"#,
            "db=fail"
        ),
        (
            #"{"status":"fail","checks":{"db:time":[{"status":"pass"},{"status":"fail"}]}}"#,
            "db:time=fail"
        ),
        (#"{"db":"fail","cache":"ok"}"#, "db=fail"),
        (
            #"{"dependencies":[{"name":"db","status":"fail"},{"name":"x","status":"ok"}]}"#,
            "db=fail"
        ),
        (#"{"status":"DOWN","components":{"db":{"status":"DOWN"}}}"#, "db=down"),
        (#"{"status":"DOWN","checks":[{"name":"db","status":"DOWN"}]}"#, "db=down"),
        (#"{"status":"Unhealthy","entries":{"db":{"status":"Unhealthy"}}}"#, "db=unhealthy"),
        (
            #"{"status":"ok","db":{"status":"error"},"disk":{"healthy":false}}"#,
            "db=error disk=fail"
        ),
        (#"{"checks":{"db":false,"cache":true}}"#, "db=fail"),
        (#"{"status":"fail"}"#, "status=fail"),
        ("  \r\n\t{\"db\": \"down\"}", "db=down"),
    ])
    func `a failing dependency is named whatever the shape`(text: String, expected: String) {
        #expect(report(text).failingText == expected)
        #expect(report(text).isTelling)
    }

    @Test(arguments: [
        #"{"status":"pass","checks":{"db":{"status":"pass"}}}"#,
        #"{"status":"ok","db":"ok","disk":"warn"}"#,
        #"{"status":"UP","components":{"db":{"status":"UP","details":{"error":"none"}}}}"#,
    ])
    func `a body of passing dependencies tells and names none`(text: String) {
        #expect(report(text).failingText == "")
        #expect(report(text).isTelling)
    }

    @Test(arguments: [
        "", "ok", "[1,2]", #"{"status":"fail""#, #"{"version":"1.2","maintenance":false}"#,
        #"{"name":"down town","uptime":3}"#, #"{"a":1,"a":2}"#,
        String(repeating: #"{"checks":"#, count: 40),
    ])
    func `a body that is something else says nothing`(text: String) {
        #expect(report(text).failingText == "")
        #expect(!report(text).isTelling)
    }

    @Test func `many failures are counted and names are made harmless`() {
        let many = (1...7).map { #""d\#($0)":"fail""# }.joined(separator: ",")
        #expect(report("{\(many)}").failingText == "d1=fail d2=fail d3=fail d4=fail +3")
        let odd = report(#"{"checks":{"a b\"\n<x>\#(String(repeating: "y", count: 60))":"fail"}}"#)
        #expect(odd.failingText.hasPrefix("a_b___x_yyy"))
        #expect(odd.failingText.utf8.count == 32 + "=fail".utf8.count)
    }
}
