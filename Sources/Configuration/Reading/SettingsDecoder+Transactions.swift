// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Keys by which messages of DNS are signed.
extension SettingsDecoder {
    func transactionKeys(_ sections: [Section]) -> [TSIGKeySettings] {
        sections.compactMap { section in
            guard let name = ZoneName(section.name), name.apex != "." else {
                section.report(
                    .notDomainName,
                    section.nameRange,
                    "`\(section.name)` cannot be the name of a key"
                )
                return nil
            }
            if !reading.transactionKeys.insert(name.apex).inserted {
                section.report(
                    .duplicateOwner,
                    section.nameRange,
                    "the key `\(name.apex)` is given twice"
                )
            }
            return key(section, name.apex)
        }
    }

    private func key(_ section: Section, _ name: String) -> TSIGKeySettings {
        var settings = TSIGKeySettings(
            name: name,
            algorithm: section.text("algorithm") ?? "hmac-sha256",
            secretFile: section.text("secret-file").map(resolve(path:)),
            leastMac: section.optionalInteger("least-mac")
        )
        if case .secret(let secret)? = section.value("secret") { settings.secret = secret }
        switch (section.has("secret"), section.has("secret-file")) {
        case (true, true):
            section.fault(
                .excludingKeys,
                "secret-file",
                "\(section.title) has a secret and a file of one",
                "remove one of the two"
            )
        case (false, false):
            section.report(
                .missingKey,
                section.nameRange,
                "\(section.title) needs `secret` or `secret-file`"
            )
        default: break
        }
        return settings
    }

    /// The key that an option names, as the settings have it; nil when there is none.
    func transactionKey(_ section: Section, _ key: String) -> String? {
        guard let written = section.text(key) else { return nil }
        guard let name = ZoneName(written), reading.transactionKeys.contains(name.apex) else {
            let known = reading.transactionKeys.sorted()
            section.fault(
                .unknownTransactionKey,
                key,
                "there is no key `\(written)`",
                Spelling.nearest(to: written, among: known).map { "did you mean `\($0)`?" }
                    ?? (known.isEmpty ? "`tsig-keys` defines none" : nil)
            )
            return nil
        }
        return name.apex
    }
}
