// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    /// What `dnssec` of a zone says; nil for a zone that is not signed here.
    func signing(_ section: Section) -> SigningSettings? {
        guard section.has("dnssec") else { return nil }
        let group = section.group("dnssec")
        var settings = SigningSettings()
        settings.algorithm = group.word("algorithm", .ecdsa)
        settings.denial = group.word("denial", .nsec)
        settings.signatureLifetime = group.interval("signature-lifetime")
        settings.signatureRefresh = group.interval("signature-refresh")
        settings.keyTTL = group.interval("key-ttl")
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
}
