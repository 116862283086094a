// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import EdgeCache
internal import Essentials
internal import HTTPGateway
internal import Runtime

/// What is known of the disks of caches, so that a change is told once.
struct DiskWatch: Sendable {
    static let lookEvery = Interval.seconds(1)

    var known: [String: DiskStatus] = [:]
    var deadline = Instant.start
}

/// The disks of caches: what becomes of them is told, since nothing else fails.
extension Plane {
    /// When ``followDisks(_:)`` has something to do.
    var disksDeadline: Instant {
        let hasDisk = assembly.gateway.caches.contains { $0.disk != nil }
        return hasDisk ? diskWatch.deadline : .never
    }

    mutating func followDisks(_ now: Instant) {
        guard now >= disksDeadline else { return }
        diskWatch.deadline = now + DiskWatch.lookEvery
        var present: [String: DiskStatus] = [:]
        for plan in assembly.gateway.caches {
            guard let disk = plan.disk,
                let status = shared.http.shelf.store(of: plan.name)?.diskStatus
            else { continue }
            tell(plan.name, disk.folder, status, since: diskWatch.known[plan.name])
            present[plan.name] = status
        }
        diskWatch.known = present
    }

    private func tell(
        _ cache: String,
        _ folder: String,
        _ status: DiskStatus,
        since before: DiskStatus?
    ) {
        let fields = [JSONMember("cache", .string(cache)), JSONMember("folder", .string(folder))]
        let damages = status.damages - (before?.damages ?? 0)
        if damages > 0 {
            let what = damages == 1 ? "an object was" : "\(damages) objects were"
            note(
                .cacheDisk,
                .warning,
                "cache \(cache): \(what) damaged on the disk, and forgotten",
                fields + [JSONMember("objects", .integer(Int64(damages)))]
            )
        }
        guard status.state != before?.state else { return }
        switch status.state {
        case .opening: return
        case .waiting:
            let text = "cache \(cache): another process has \(folder); objects are in memory alone"
            note(.cacheDisk, .info, text, fields)
        case .serving:
            let isBack = before?.state == .failing
            let text = isBack ? "what is new is written again" : DiskWatch.found(status)
            note(.cacheDisk, .info, "cache \(cache): \(text)", fields)
        case .failing, .closed:
            let reason = status.error.map { ": \($0)" } ?? ""
            let what = status.failedAt.isEmpty ? "the disk is out of service" : status.failedAt
            var event = LogEvent(
                .cacheDisk,
                .error,
                realtime: Clock.realtime(),
                "cache \(cache): \(what)\(reason); what is new is kept in memory alone. Make room in "
                    + "\(folder), give it to the account that Martlet runs as, or take `disk` away; it is "
                    + "tried again every 30 s",
                fields
            )
            event.code = "M3190"
            log.record(event)
        }
    }
}

extension DiskWatch {
    fileprivate static func found(_ status: DiskStatus) -> String {
        let objects = status.found == 1 ? "1 object" : "\(status.found) objects"
        let milliseconds = (status.opening + 500_000) / 1_000_000
        return "\(objects) found on the disk in \(milliseconds) ms"
    }
}
