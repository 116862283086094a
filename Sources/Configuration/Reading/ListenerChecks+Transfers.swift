// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Zones that go out by TLS (RFC 9103): what the door asks of a peer, so that nobody has to find out.
///
/// It is TLS 1.3 (§7.2), and a peer that is known by network and key, or by its certificate (§8.4).
extension ListenerChecks {
    func checkSecureTransfers(_ settings: Settings) {
        let secure = listeners.compactMap { settings, section -> (TLSSettings, Section)? in
            guard case .dns(let one) = settings, let tls = one.tls else { return nil }
            return (tls, section)
        }
        let offered = settings.zones.filter { !$0.transferTo.isEmpty }
        guard !secure.isEmpty, !offered.isEmpty else { return }
        for (tls, section) in secure {
            let written = section.group("tls")
            guard written.has("min-version"), tls.minVersion == "1.2" else { continue }
            written.fault(
                .oldTransferVersion,
                "min-version",
                "zones go out by TLS 1.3 alone: a peer that comes by TLS 1.2 is refused them",
                "write `min-version: \"1.3\"`, unless queries have to come by TLS 1.2"
            )
        }
        // Whoever has shown a certificate that is believed needs nothing else.
        let asksAll = secure.allSatisfy { tls, _ in
            tls.clientAuthorities != nil && tls.clientCertificate == .required
        }
        guard !asksAll else { return }
        let hasPlain = listeners.contains { settings, _ in
            if case .dns(let one) = settings { one.tls == nil } else { false }
        }
        let sections = root.members("zones")
        for zone in offered where !zone.transferTo.contains(where: \.isStrict) {
            let section = sections.first { ZoneName($0.name)?.apex == zone.name }
            section?.fault(
                .unmetTransfers,
                "transfer-to",
                "nobody can take \(section?.title ?? zone.name) by TLS: no entry has both `network` "
                    + "and `key`",
                hasPlain
                    ? "give an entry both; by TCP the zone can be taken as it is"
                    : "give an entry both, or have the listener ask for certificates of clients"
            )
        }
    }
}

extension TakerSettings {
    /// True for a peer that is known by its address and by its key.
    fileprivate var isStrict: Bool { network != nil && key != nil }
}
