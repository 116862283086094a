// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Foundation
import Runtime
import Synchronization
import Testing

@testable import ControlPlane
@testable import Steering

@Suite struct LogEventTests {
    private let noon = Int64(1_795_194_309_250_000_000)

    @Test func `an event is one line, whatever is in it`() {
        var event = LogEvent(.notice, .warning, realtime: noon, "a\nb")
        event.code = "M3001"
        event.fields = [
            JSONMember("plain", "x"), JSONMember("spaced", "a b"), JSONMember("evil", "a\n\"b"),
            JSONMember("number", 7),
        ]
        #expect(
            event.line == "2026-11-20T17:05:09.250Z warning notice M3001 a\\nb plain=x "
                + #"spaced="a b" evil="a\n\"b" number=7"#
        )
    }

    @Test func `a change of health says who, why and since which generation`() {
        let event = HealthEvent(
            slot: 3,
            identity: EndpointIdentity(pool: "web", host: "10.0.0.1", port: 80),
            name: "web-1",
            change: .health(from: .up, to: .down),
            reason: .dependency,
            detail: "db=fail",
            generation: 17,
            at: Instant(nanoseconds: 5_000_000_000),
            closesConnections: false
        )
        let moment = Moment(now: Instant(nanoseconds: 6_000_000_000), realtime: noon)
        let line = LogEvent(event, at: moment)
        #expect(line.level == .warning)
        #expect(line.realtime == noon - 1_000_000_000)
        #expect(line.message == "web/web-1 is down: dependency, db=fail")
        let wanted = "pool=web endpoint=web-1 from=up to=down reason=dependency"
        #expect(line.line.contains(wanted), "\(line.line)")
    }

    @Test func `kinds are words that can be searched for`() {
        for kind in EventKind.allCases {
            #expect(kind.rawValue.utf8.allSatisfy { $0 == 0x2d || (0x61...0x7a).contains($0) })
        }
    }
}

@Suite struct EventLogTests {
    @Test func `events are numbered, kept, and written from their level on`() {
        let log = EventLog(level: .warning)
        log.record(LogEvent(.notice, .error, realtime: 0, "one"))
        log.record(LogEvent(.notice, .info, realtime: 0, "two"))
        log.record(LogEvent(.notice, .debug, realtime: 0, "three"))
        #expect(log.events(after: 0).map(\.message) == ["one", "two"])
        #expect(log.events(after: 1).map(\.sequence) == [2])
        #expect(log.latest == 3)
        #expect(log.ring.waiting == "1970-01-01T00:00:00.000Z error notice one\n".utf8.count)
    }

    @Test func `old events make room for new ones`() {
        let log = EventLog(level: .error)
        for _ in 0..<EventLog.capacity * 3 { log.record(LogEvent(.notice, realtime: 0, "x")) }
        let kept = log.events(after: 0)
        #expect(kept.count >= EventLog.capacity && kept.count < EventLog.capacity * 2)
        #expect(kept.last?.sequence == UInt64(EventLog.capacity * 3))
    }
}

@Suite struct LogFilesTests {
    private static let counter = Atomic<Int>(0)

    private func path() -> String {
        let number = LogFilesTests.counter.add(1, ordering: .relaxed).newValue
        return "/tmp/martlet-log-test-\(ProcessControl.identifier)-\(number)"
    }

    private func content(_ path: String) -> String {
        String(decoding: (try? File.read(path, limit: 1 << 20)) ?? [], as: UTF8.self)
    }

    @Test func `lines of several rings come whole, and a moved file is opened again`() {
        let (path, moved) = (path(), self.path())
        defer {
            File.remove(path)
            File.remove(moved)
        }
        let rings = [ByteRing(capacity: 4096), ByteRing(capacity: 4096)]
        var files = LogFiles { _ in }
        files.setStreams([LogStream(name: "access", output: .file(path), rings: rings)])
        var expected = 0
        for round in 0..<200 {
            for (number, ring) in rings.enumerated() {
                let line = "ring \(number) line \(round) \(String(repeating: "x", count: 100))\n"
                ring.write(Array(line.utf8).span)
                expected += 1
            }
            files.drain()
        }
        let lines = content(path).split(separator: "\n")
        #expect(lines.count == expected)
        #expect(lines.allSatisfy { $0.hasPrefix("ring ") && $0.hasSuffix("xxx") })
        #expect(rename(path, moved))
        rings[0].write(Array("before\n".utf8).span)
        files.drain()
        files.reopen()
        rings[0].write(Array("after\n".utf8).span)
        files.close()
        #expect(content(moved).hasSuffix("before\n"))
        #expect(content(path) == "after\n")
    }

    // The runtime has no rename of its own: the content is enough for this test.
    // Not by a child process: reaping one would take the ended children of other tests.
    private func rename(_ from: String, _ to: String) -> Bool {
        (try? FileManager.default.moveItem(atPath: from, toPath: to)) != nil
    }

    @Test func `dropped lines are counted and said`() {
        let said = Mutex<[LogEvent]>([])
        let ring = ByteRing(capacity: 4096)
        var files = LogFiles { event in said.withLock { $0.append(event) } }
        files.setStreams([LogStream(name: "access", output: .off, rings: [ring])])
        let line = [UInt8](repeating: 0x61, count: 1000)
        for _ in 0..<10 { ring.write(line.span) }
        files.drain()
        let events = said.withLock { $0 }
        #expect(events.map(\.kind) == [.logDropped])
        #expect(events.first?.message == "6 lines of the access log dropped")
        files.drain()
        #expect(said.withLock(\.count) == 1, "said once")
    }

    @Test func `a file that cannot be opened is said, and costs no worker anything`() {
        let said = Mutex<[LogEvent]>([])
        let ring = ByteRing(capacity: 4096)
        var files = LogFiles { event in said.withLock { $0.append(event) } }
        let output = LogOutput.file("/nonexistent/log")
        files.setStreams([LogStream(name: "access", output: output, rings: [ring])])
        ring.write(Array("lost\n".utf8).span)
        files.drain()
        #expect(ring.waiting == 0)
        #expect(said.withLock { $0.map(\.kind) } == [.logFailed])
    }

    @Test func `the thread writes what waits before it ends`() throws {
        let path = path()
        defer { File.remove(path) }
        let log = EventLog(level: .info)
        let thread = try LogThread()
        thread.setStreams([LogStream(name: "events", output: .file(path), rings: [log.ring])])
        try thread.start { log.record($0) }
        for number in 0..<100 { log.record(LogEvent(.notice, realtime: 0, "event \(number)")) }
        thread.stop()
        #expect(content(path).split(separator: "\n").count == 100)
        #expect(thread.droppedLines.map(\.count) == [0])
    }
}
