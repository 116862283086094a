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
    /// What need not be said again.
    var noted: Set<Note> = []

    /// What is said once of a certificate, or of a response, as it was.
    enum Note: Hashable {
        case ending(CertificateSettings, Int)
        case unstapled(CertificateSettings, Int)
    }

    /// Databases that are being read.
    var geography: GeographyLoad?
    /// True when files have changed since that began.
    var isGeographyStale = false

    static let interval = Interval.seconds(2)
    static let rotation = Interval.seconds(3600)

    /// The next of both.
    var deadline: Instant { min(looksAt, rotatesAt) }

    mutating func begin(_ settings: Settings, _ now: Instant) {
        stamps = nil
        noted = noted.filter { note in
            switch note {
            case .ending(let files, _), .unstapled(let files, _):
                settings.certificates.contains(files)
            }
        }
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
        noteEnds(Clock.realtime())
        followGeography()
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
        exchangeTickets(changed)
        exchangeGeography(changed)
        exchangeMeasurements(changed)
    }

    /// Takes up changed ticket keys; bad ones leave the former ones in force.
    private mutating func exchangeTickets(_ changed: Set<String>) {
        let realtime = Clock.realtime()
        for path in settings.ticketFiles where changed.contains(path) {
            var certificates = assembly.certificates
            let wasKnown = certificates.tickets[path] != nil
            let isNew = certificates.loadTickets(path, realtime: realtime) {
                path throws(CertificateFiles.Unreadable) in try link.file(path)
            }
            assembly.certificates = certificates
            let field = JSONMember("ticket_keys", .string(path))
            if let fault = certificates.ticketFindings[path]?.fault(path) {
                var event = LogEvent(
                    .certificate,
                    .error,
                    realtime: realtime,
                    "the former ticket keys serve on: \(fault.text)",
                    [field]
                )
                event.code = fault.code.rawValue
                log.record(event)
            } else if isNew {
                note(.certificate, .info, "new ticket keys are in force", [field])
                // Known keys are replaced in place; a listener without any has yet to get them.
                if !wasKnown { needsSnapshot = true }
            }
        }
    }

    /// Says once of each certificate that it, or what is stapled to it, comes to its end.
    private mutating func noteEnds(_ realtime: Int64) {
        let seconds = realtime / 1_000_000_000
        for listener in settings.listeners {
            let least = listener.tls?.minDays ?? 0
            for files in listener.certificates {
                guard let one = assembly.certificates.loaded[files] else { continue }
                let field = JSONMember("certificate", .string(files.certificate))
                let days = one.days(realtime: realtime)
                if days < least, watch.noted.insert(.ending(files, one.pairDigest)).inserted {
                    let text = days < 0 ? "the certificate has ended" : "it ends in \(days) days"
                    var event = LogEvent(.certificate, .warning, realtime: realtime, text, [field])
                    event.code = DiagnosticCode.certificateEndsSoon.rawValue
                    log.record(event)
                }
                if let ends = one.stapleEnds, ends <= seconds,
                    watch.noted.insert(.unstapled(files, one.digest)).inserted
                {
                    let text = "nothing is stapled any more: the OCSP response is over"
                    var event = LogEvent(.certificate, .error, realtime: realtime, text, [field])
                    event.code = DiagnosticCode.nothingStapled.rawValue
                    log.record(event)
                }
            }
        }
    }

    /// Says what of a certificate's files is in force now, and why the rest is not.
    private func noteNew(
        _ files: CertificateSettings,
        _ one: LoadedCertificate,
        isPairNew: Bool
    ) {
        let field = JSONMember("certificate", .string(files.certificate))
        if isPairNew {
            let days = one.days(realtime: Clock.realtime())
            let text = "a new certificate is in force: it has \(days) days"
            note(.certificate, .info, text, [field])
        } else if one.stapleFault == nil, one.stapleEnds != nil {
            note(.certificate, .info, "a new OCSP response is stapled", [field])
        }
        guard let fault = one.stapleFault, let path = files.ocsp else { return }
        let what = one.stapleEnds == nil ? "nothing is stapled" : "the former response stays"
        var event = LogEvent(
            .certificate,
            .error,
            realtime: Clock.realtime(),
            "\(what): '\(path)' \(fault)",
            [field]
        )
        event.code = DiagnosticCode.nothingStapled.rawValue
        log.record(event)
    }

    /// Reads the pairs that these files belong to; a bad one leaves the old one in force.
    private mutating func exchange(_ changed: Set<String>) {
        var certificates = assembly.certificates
        var hasNew = false
        let realtime = Clock.realtime()
        for files in settings.certificates
        where changed.contains(files.certificate) || changed.contains(files.keyFile)
            || files.ocsp.map(changed.contains) == true
        {
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
                guard let one = certificates.loaded[files] else { continue }
                noteNew(files, one, isPairNew: before.loaded[files]?.pairDigest != one.pairDigest)
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
        for path in settings.ticketFiles {
            _ = certificates.loadTickets(path, realtime: realtime) {
                path throws(CertificateFiles.Unreadable) in try link.file(path)
            }
        }
        certificates.keep(only: settings)
        return certificates
    }

    /// At a start a pair that cannot be used is left out: the other ones, and the other doors,
    /// are worth more than a refusal.
    static func noteFaults(_ settings: Settings, _ certificates: CertificateFiles, _ log: EventLog)
    {
        for path in settings.ticketFiles {
            guard let fault = certificates.ticketFindings[path]?.fault(path) else { continue }
            var event = LogEvent(
                .certificate,
                .error,
                realtime: Clock.realtime(),
                "sessions are resumed here only: \(fault.text)",
                [JSONMember("ticket_keys", .string(path))]
            )
            event.code = fault.code.rawValue
            log.record(event)
        }
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
