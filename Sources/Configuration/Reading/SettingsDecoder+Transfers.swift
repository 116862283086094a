// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// How zones go from server to server.
extension SettingsDecoder {
    func transferLimits(_ section: Section) -> TransferLimitSettings {
        TransferLimitSettings(
            concurrent: section.integer("concurrent"),
            incoming: section.integer("incoming"),
            sizeLimit: section.size("size-limit"),
            timeLimit: section.interval("time-limit")
        )
    }

    /// Reads what a zone says of transfers.
    func transfers(_ section: Section, into zone: inout ZoneSettings) {
        zone.transferTo = section.list("transfer-to").map(taker)
        zone.notify = section.list("notify").compactMap { entry in
            let key = transactionKey(entry, "key")
            return entry.server("address").map { address in
                NoticeSettings(
                    address: address,
                    key: key,
                    attempts: entry.integer("attempts"),
                    wait: entry.interval("wait")
                )
            }
        }
        zone.catalog = section.bool("catalog")
        zone.forwardUpdates = section.bool("forward-updates")
        zone.transferFrom = section.list("transfer-from").compactMap(primary)
    }

    /// What comes from a primary is nothing that the configuration says.
    func checkSecondary(_ section: Section) {
        for other in ["file", "soa", "records", "updates"] where section.has(other) {
            section.fault(
                .secondaryWithData,
                other,
                "\(section.title) comes from its primaries, and has `\(other)`",
                "remove one of the two"
            )
        }
    }

    /// A transfer has no signatures that are made as answers are.
    func checkSignedTransfers(_ section: Section, _ zone: ZoneSettings) {
        guard zone.dnssec != nil, !zone.transferTo.isEmpty else { return }
        section.fault(
            .unsignedTransfers,
            "transfer-to",
            "\(section.title) is signed as it is answered for, and goes out without signatures",
            "whoever answers with it has to sign it by the same keys: see `keys.follow`"
        )
    }

    private func taker(_ entry: Section) -> TakerSettings {
        var network: Prefix?
        if case .prefix(let prefix)? = entry.value("network") { network = prefix }
        if !entry.has("network"), !entry.has("key") {
            entry.report(
                .missingKey,
                entry.nameRange,
                "\(entry.title) needs `network` or `key`",
                "`network: 0.0.0.0/0` and `network: ::/0` let everybody take the zone"
            )
        }
        return TakerSettings(network: network, key: transactionKey(entry, "key"))
    }

    private func primary(_ entry: Section) -> PrimarySettings? {
        let key = transactionKey(entry, "key")
        let tls = entry.has("tls") ? entry.group("tls") : nil
        let security = tls.map {
            PrimaryTLSSettings(
                name: $0.text("name") ?? "",
                authorities: $0.text("authorities").map(resolve(path:))
            )
        }
        guard var address = entry.server("address") else { return nil }
        // RFC 9103 §7.1: TLS has a port of its own.
        if tls != nil, address.port == 53 { address = SocketAddress(address.ip, port: 853) }
        return PrimarySettings(address: address, key: key, tls: security)
    }
}
