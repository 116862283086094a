// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// What is known of the files of certificates between two looks.
struct CertificateWatch: Sendable {
    /// One number for each file, different after each change; nil when all are to be read.
    var stamps: [Int64]?
    /// When they are looked at again.
    var looksAt = Instant.never
    /// When the keys of tickets are replaced.
    var rotatesAt = Instant.never

    static let interval = Interval.seconds(2)
    static let rotation = Interval.seconds(3600)

    /// The next of both.
    var deadline: Instant { min(looksAt, rotatesAt) }

    mutating func begin(_ settings: Settings, _ now: Instant) {
        stamps = nil
        looksAt = settings.watchedFiles.isEmpty ? .never : now + CertificateWatch.interval
        if rotatesAt == .never, looksAt != .never { rotatesAt = now + CertificateWatch.rotation }
    }
}

/// Certificates follow their files without a reload: validated first, then swapped.
extension Plane {
    /// Does what is due.
    mutating func followCertificates(_ now: Instant) {
        if now >= watch.rotatesAt {
            watch.rotatesAt = now + CertificateWatch.rotation
            tickets?.rotate()
        }
        guard now >= watch.looksAt else { return }
        watch.looksAt = now + CertificateWatch.interval
        let files = settings.watchedFiles
        let stamps = link.stamps(count: files.count)
        guard stamps.count == files.count, stamps != watch.stamps else { return }
        let known = watch.stamps ?? []
        let changed = Set(
            files.indices.filter { $0 >= known.count || known[$0] != stamps[$0] }.map { files[$0] }
        )
        watch.stamps = stamps
        exchange(changed)
        exchangeAccess(changed)
    }

    /// Reads the pairs that these files belong to; a bad one leaves the old one in force.
    private mutating func exchange(_ changed: Set<String>) {
        var certificates = assembly.certificates
        var hasNew = false
        let realtime = Clock.realtime()
        for files in settings.certificates
        where changed.contains(files.certificate) || changed.contains(files.keyFile) {
            let before = certificates
            let isNew = certificates.load(files, realtime: realtime) {
                path throws(CertificateFiles.Unreadable) in try link.file(path)
            }
            let field = JSONMember("certificate", .string(files.certificate))
            if let fault = certificates.findings[files]?.fault(files) {
                // An expired one is refused only where there is a better one to keep.
                let isWorse = before.loaded[files].map { $0.days(realtime: realtime) >= 0 } ?? true
                guard isWorse || !isNew else { continue }
                certificates = before
                var event = LogEvent(
                    .certificate,
                    .error,
                    realtime: realtime,
                    "the former certificate serves on: \(fault.text)",
                    [field]
                )
                event.code = fault.code.rawValue
                log.record(event)
            } else if isNew {
                hasNew = true
                let days = certificates.loaded[files]?.days(realtime: realtime) ?? 0
                note(
                    .certificate,
                    .info,
                    "a new certificate is in force: it has \(days) days",
                    [field]
                )
            }
        }
        guard hasNew else { return }
        assembly.certificates = certificates
        needsSnapshot = true
    }

    /// Reads every pair of a configuration anew.
    static func load(
        _ settings: Settings,
        known: CertificateFiles,
        _ link: inout SupervisorLink
    ) -> CertificateFiles {
        var certificates = known
        let wanted = settings.certificates
        let realtime = Clock.realtime()
        for files in wanted {
            _ = certificates.load(files, realtime: realtime) {
                path throws(CertificateFiles.Unreadable) in try link.file(path)
            }
        }
        certificates.keep(only: wanted)
        return certificates
    }

    /// At a start a pair that cannot be used is left out: the other ones, and the other doors,
    /// are worth more than a refusal.
    static func noteFaults(_ settings: Settings, _ certificates: CertificateFiles, _ log: EventLog)
    {
        for files in settings.certificates {
            guard let fault = certificates.findings[files]?.fault(files) else { continue }
            var event = LogEvent(
                .certificate,
                .error,
                realtime: Clock.realtime(),
                fault.code == .certificateExpired
                    ? "it serves all the same: \(fault.text)" : "it is left out: \(fault.text)",
                [JSONMember("certificate", .string(files.certificate))]
            )
            event.code = fault.code.rawValue
            log.record(event)
        }
    }
}
