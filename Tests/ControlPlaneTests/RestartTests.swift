// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Testing

@testable import ControlPlane

@Suite struct RestartTests {
    private func waits(_ endings: [(RestartMachine.Ending, seconds: Int64)]) -> [Int64] {
        var machine = RestartMachine()
        var now = Instant(nanoseconds: 1_000_000_000)
        return endings.map { ending, seconds in
            now = now + .seconds(seconds)
            return machine.ended(ending, now: now).milliseconds
        }
    }

    @Test func `the first restart is at once and repeated crashes wait longer up to five seconds`()
    {
        let crashes = [(RestartMachine.Ending, seconds: Int64)](
            repeating: (.crashed, 1),
            count: 10
        )
        #expect(waits(crashes) == [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000])
    }

    @Test func `a quiet minute forgives`() {
        #expect(waits([(.crashed, 1), (.crashed, 1), (.crashed, 61)]) == [0, 100, 0])
        #expect(waits([(.crashed, 1), (.crashed, 1), (.crashed, 59)]) == [0, 100, 200])
    }

    @Test func `a hundred kills from outside are each followed by a restart at once`() {
        let kills = [(RestartMachine.Ending, seconds: Int64)](
            repeating: (.killedWhileServing, 0),
            count: 100
        )
        #expect(waits(kills).allSatisfy { $0 == 0 })
    }

    @Test func `a kill in between neither forgives nor counts`() {
        let endings: [(RestartMachine.Ending, seconds: Int64)] = [
            (.crashed, 1), (.killedWhileServing, 1), (.crashed, 1),
        ]
        #expect(waits(endings) == [0, 0, 100])
    }
}

@Suite struct RedactionTests {
    @Test(arguments: [
        ("GET /a?token=1&x HTTP/1.1", "GET /a?token=[redacted]&x HTTP/1.1"),
        ("GET http://u:p@h/a?b=c HTTP/1.1", "GET http://[redacted]@h/a?b=[redacted] HTTP/1.1"),
        ("GET /plain HTTP/1.1", "GET /plain HTTP/1.1"),
        ("GET /?a=b=c&d= HTTP", "GET /?a=[redacted]&d=[redacted] HTTP"),
    ])
    func `query values and user information go, names stay`(line: String, shown: String) {
        #expect(Redaction.text(Array(line.utf8)) == shown)
    }

    @Test func `credentials go whatever their letters' case, others stay`() {
        let head =
            "GET / HTTP/1.1\r\nHost: a\r\nAUTHORIZATION: Bearer x\r\ncookie: a=b\r\n"
            + "Set-Cookie: s=t\r\nReferer: /p?q=secret\r\nAccept: */*\r\n\r\n"
        let shown = Redaction.text(Array(head.utf8))
        #expect(
            shown
                == "GET / HTTP/1.1\nHost: a\nAUTHORIZATION: [redacted]\ncookie: [redacted]\n"
                + "Set-Cookie: [redacted]\nReferer: /p?q=[redacted]\nAccept: */*"
        )
    }

    @Test func `a head cut in the middle of a secret shows nothing of it`() {
        let shown = Redaction.text(Array("GET / HTTP/1.1\r\nAuthorization: Bea".utf8))
        #expect(!shown.contains("Bea"))
    }

    @Test func `bytes that are no text cannot reach a terminal`() {
        #expect(Redaction.text([0x1b, 0x5b, 0x41, 0xff]) == "\\x1b[A\\xff")
    }

    @Test func `a report names the end and every worker that had a request`() {
        let text = CrashReport.text(
            ends: ["was ended by SIGILL"],
            requests: [(1, "GET /x HTTP/1.1\nHost: a")],
            at: 0
        )
        #expect(text.contains("was ended by SIGILL."))
        #expect(text.contains("worker 1:\n    GET /x HTTP/1.1\n    Host: a\n"))
        #expect(text.contains("1970-01-01T00:00:00.000Z"))
    }
}
