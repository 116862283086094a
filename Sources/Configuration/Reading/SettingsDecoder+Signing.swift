// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    /// What `dnssec` of a zone says; nil for a zone that is not signed here.
    func signing(_ section: Section, _ zone: ZoneName) -> SigningSettings? {
        guard section.has("dnssec") else { return nil }
        let group = section.group("dnssec")
        var settings = SigningSettings()
        settings.algorithm = group.word("algorithm", .ecdsa)
        settings.denial = group.word("denial", .nsec)
        if settings.denial == .nsec3 { checkRoomForHashes(group, zone) }
        settings.signatureLifetime = group.interval("signature-lifetime")
        settings.signatureRefresh = group.interval("signature-refresh")
        settings.keyTTL = group.interval("key-ttl")
        settings.otherSigners = group.bool("other-signers")
        settings.keys = keys(group.group("keys"))
        if settings.signatureRefresh >= settings.signatureLifetime {
            group.fault(
                .wrongOrder,
                group.has("signature-refresh") ? "signature-refresh" : "signature-lifetime",
                "signatures would never hold for `signature-refresh`, which is no less than "
                    + "`signature-lifetime`",
                "a third of the lifetime is usual"
            )
        }
        return settings
    }

    // RFC 5155 §10.1: a label of 32 digits stands before the name of the zone.
    private func checkRoomForHashes(_ group: Section, _ zone: ZoneName) {
        let most = 255 - 33
        let length = zone.apex.utf8.count + 1
        guard length > most else { return }
        group.fault(
            .outOfRange,
            "denial",
            "the name of the zone has \(length) octets, and NSEC3 has room for \(most) beside a hash",
            "`denial: nsec` has room for all"
        )
    }
}
