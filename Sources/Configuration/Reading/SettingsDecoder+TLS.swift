// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The part of a listener that makes it one with TLS.
extension SettingsDecoder {
    /// Certificates of one listener: each is parsed at every start.
    static let certificateLimit = 10_000

    func tls(
        _ section: Section,
        _ kind: String
    ) -> (settings: TLSSettings, certificates: [CertificateSettings]) {
        let group = section.group("tls")
        let settings = TLSSettings(
            minVersion: group.text("min-version") ?? "1.2",
            ciphers: group.text("ciphers"),
            groups: group.text("groups"),
            unknownName: group.word("unknown-name", UnknownNamePolicy.default),
            clientAuthorities: group.text("client-authorities").map(resolve(path:)),
            clientCertificate: group.word("client-certificate", ClientCertificatePolicy.required),
            tickets: group.bool("tickets"),
            ticketKeys: group.text("ticket-keys").map(resolve(path:)),
            earlyData: group.bool("early-data"),
            handshakeRate: handshakeRate(group),
            handshakeBurst: group.optionalInteger("handshake-burst"),
            minDays: group.integer("min-days")
        )
        if let reason = checks.lists(settings.ciphers, settings.groups) {
            let key = group.has("ciphers") ? "ciphers" : "groups"
            group.fault(.badCipherList, key, reason)
        }
        if let path = settings.clientAuthorities, let reason = checks.authorities(path) {
            group.fault(.badCertificate, "client-authorities", "`\(path)` \(reason)")
        }
        if let path = settings.ticketKeys { checkTickets(path, settings, group) }
        if settings.earlyData, !settings.tickets {
            group.fault(
                .excludingKeys,
                "early-data",
                "`early-data` comes with a ticket, and there is none with `tickets: false`",
                "leave one of both out"
            )
        }
        if kind == "dot", settings.earlyData {
            group.fault(
                .keyWithoutOther,
                "early-data",
                "`early-data` means nothing without `https`: nothing says how DNS is asked in it"
            )
        }
        let sections = section.list("certificates")
        if sections.isEmpty, !section.has("passthrough") || section.has("certificates") {
            section.fault(
                section.has("certificates") ? .emptyPolicy : .missingKey,
                section.has("certificates") ? "certificates" : kind,
                "a listener with `\(kind)` needs a certificate",
                "such as `certificates: [{ certificate: site.crt, key: site.key }]`"
            )
        }
        if sections.count > Self.certificateLimit {
            section.fault(
                .tooMany,
                "certificates",
                "\(sections.count) certificates, at most \(Self.certificateLimit) are taken"
            )
        }
        let certificates = sections.prefix(Self.certificateLimit).compactMap {
            certificate($0, minDays: settings.minDays)
        }
        return (settings, certificates)
    }

    private func handshakeRate(_ group: Section) -> Rate? {
        guard case .rate(let rate)? = group.value("handshake-rate") else { return nil }
        return rate
    }

    /// Names of one listener that pass: each costs a look-up table's entry.
    static let passthroughLimit = 10_000

    func passthrough(_ section: Section) -> [PassthroughSettings] {
        let sections = section.list("passthrough")
        if section.has("passthrough"), sections.isEmpty {
            section.fault(.emptyPolicy, "passthrough", "no name is passed on", "leave it out")
        }
        if sections.count > Self.passthroughLimit {
            section.fault(
                .tooMany,
                "passthrough",
                "\(sections.count) names, at most \(Self.passthroughLimit) are taken"
            )
        }
        var seen: Set<HostPattern> = []
        let entries = sections.prefix(Self.passthroughLimit).compactMap { entry in
            passthrough(entry, &seen)
        }
        if seen.contains(.any), section.has("certificates") {
            section.fault(
                .unreachable,
                "certificates",
                "no certificate is ever shown: `name: \"*\"` passes every connection on",
                "leave the certificates out, or name what is passed on"
            )
        }
        return entries
    }

    private func passthrough(
        _ entry: Section,
        _ seen: inout Set<HostPattern>
    ) -> PassthroughSettings? {
        var name: HostPattern?
        if case .host(let pattern)? = entry.value("name") { name = pattern }
        guard let pool = entry.text("pool"), let name else { return nil }
        if !seen.insert(name).inserted {
            entry.fault(.duplicateKey, "name", "`\(name.pattern)` is passed on already")
        }
        return PassthroughSettings(name: name, pool: pool)
    }

    private func checkTickets(_ path: String, _ settings: TLSSettings, _ group: Section) {
        if !settings.tickets {
            group.fault(
                .excludingKeys,
                "ticket-keys",
                "`ticket-keys` are of no use with `tickets: false`",
                "leave one of both out"
            )
        }
        switch checks.ticketKeys(path) {
        case .usable(false): break
        case .usable(true):
            group.fault(
                .openSecret,
                "ticket-keys",
                "every account of this machine may read or change `\(path)`",
                "`chmod 600 \(path)`"
            )
        case .unreadable(let reason):
            group.fault(.unreadableFile, "ticket-keys", "`\(path)` cannot be read: \(reason)")
        case .unusable(let reason):
            group.fault(.badTicketKeys, "ticket-keys", "`\(path)` \(reason)")
        }
    }

    private func certificate(_ section: Section, minDays: Int) -> CertificateSettings? {
        let key = section.text("key").map(resolve(path:))
        let ocsp = section.text("ocsp").map(resolve(path:))
        guard let path = section.text("certificate").map(resolve(path:)) else { return nil }
        let settings = CertificateSettings(certificate: path, key: key, ocsp: ocsp)
        if let ocsp, let reason = checks.staple(settings) {
            section.fault(.nothingStapled, "ocsp", "`\(ocsp)` \(reason)")
        }
        func place(_ isKey: Bool) -> String { isKey && key != nil ? "key" : "certificate" }
        switch checks.certificate(path, settings.keyFile) {
        case .usable(let days) where days < 0:
            section.fault(
                .certificateExpired,
                "certificate",
                "the certificate ended \(-days) day\(days == -1 ? "" : "s") ago"
            )
        case .usable(let days):
            guard minDays > 0, days < minDays else { break }
            section.fault(
                .certificateEndsSoon,
                "certificate",
                "the certificate ends in \(days) day\(days == 1 ? "" : "s")",
                "`tls.min-days` is \(minDays)"
            )
        case .unreadable(let isKey, let reason):
            let file = isKey ? settings.keyFile : path
            section.fault(.unreadableFile, place(isKey), "`\(file)` cannot be read: \(reason)")
        case .unusable(let isKey, let reason):
            let file = isKey ? settings.keyFile : path
            section.fault(.badCertificate, place(isKey), "`\(file)` \(reason)")
        case .mismatch:
            section.fault(
                .keyMismatch,
                place(true),
                "the key is not the one of the certificate"
            )
        }
        return settings
    }

    /// TLS with the endpoints of a pool; nil without the group.
    func originTLS(_ pool: Section) -> OriginTLSSettings? {
        guard pool.has("tls") else { return nil }
        let section = pool.group("tls")
        let settings = OriginTLSSettings(
            verify: section.bool("verify"),
            authorities: section.text("authorities").map(resolve(path:)),
            name: section.text("name"),
            minVersion: section.text("min-version") ?? "1.2"
        )
        if let path = settings.authorities, let reason = checks.authorities(path) {
            section.fault(.badCertificate, "authorities", "`\(path)` \(reason)")
        }
        return settings
    }
}
