// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// Tells, once the service is back, how the former serving process went and what it was doing.
enum CrashReport {
    /// Reports that are kept; the oldest gives way.
    static let kept = 10

    /// The last requests of all workers, redacted; workers that had none are left out.
    static func requests(_ ring: SharedMemory?) -> [(worker: Int, text: String)] {
        guard let ring else { return [] }
        return CrashRing.read(ring).enumerated().compactMap { worker, bytes in
            bytes.isEmpty ? nil : (worker, Redaction.text(bytes))
        }
    }

    /// The text of a report.
    static func text(
        ends: [String],
        requests: [(worker: Int, text: String)],
        at realtime: Int64
    ) -> String {
        var lines = ["Martlet \(Version.current), \(CivilTime(nanoseconds: realtime).rfc3339)", ""]
        lines += ends.map { "The serving process \($0)." }
        lines += ["", "The request that each worker began last (credentials and values removed):"]
        for request in requests {
            lines += ["", "worker \(request.worker):"]
            lines += request.text.split(separator: "\n", omittingEmptySubsequences: false).map {
                "    \($0)"
            }
        }
        if requests.isEmpty { lines += ["", "none"] }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Writes the report beside the state files, then forgets the requests.
    static func write(_ setup: ServiceSetup) -> LogEvent? {
        guard let end = setup.ends.last else { return nil }
        let realtime = Clock.realtime()
        let requests = requests(setup.ring)
        var event = LogEvent(
            .processRestarted,
            .error,
            realtime: realtime,
            "the former serving process \(end); restart \(setup.restarts)"
        )
        event.fields = requests.map { request in
            let first = request.text.split(separator: "\n").first.map(String.init) ?? ""
            return JSONMember("worker\(request.worker)", .string(first))
        }
        if let folder = setup.stateFolder {
            let path = "\(folder)/crash-\(setup.restarts % kept).txt"
            let report = text(ends: setup.ends, requests: requests, at: realtime)
            if (try? File.writeAtomically(path, Array(report.utf8))) != nil {
                event.fields.append(JSONMember("report", .string(path)))
            }
        }
        if let ring = setup.ring { CrashRing.clear(ring) }
        return event
    }
}
