// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The DNS door as a whole.
extension SettingsDecoder {
    func dns(_ section: Section) -> DNSSettings {
        var settings = DNSSettings()
        settings.sampleQueries = section.optionalInteger("sample-queries")
        settings.keptQueries = section.integer("kept-queries")
        settings.countedZones = section.integer("counted-zones")
        settings.signatureCache = section.integer("signature-cache")
        settings.identity = tells(section.value("identity"))
        settings.version = tells(section.value("version"))
        settings.extendedErrors = section.bool("extended-errors")
        settings.resolverFloors = resolverFloors(section)
        settings.cookies = cookies(section.group("cookies"))
        settings.transfers = transferLimits(section.group("transfers"))
        settings.rateLimit = rateLimit(section.group("rate-limit"))
        return settings
    }

    private func resolverFloors(_ section: Section) -> [ResolverFloor] {
        let floors: [ResolverFloor] = [30, 60].map { seconds in
            ResolverFloor(
                seconds: seconds,
                share: section.percentage("resolver-floor-\(seconds)s")
            )
        }
        let sum = floors.reduce(0) { $0 + $1.share.percent }
        if sum > 100 {
            section.fault(
                .outOfRange,
                "resolver-floor-60s",
                "the resolvers with floors have \(sum) % of the clients",
                "no client is counted twice: together they are 100 % at most"
            )
        }
        return floors
    }

    private func cookies(_ section: Section) -> DNSCookieSettings {
        DNSCookieSettings(
            enabled: section.bool("enabled"),
            secrets: section.text("secrets").map(resolve(path:)),
            require: section.bool("require")
        )
    }

    private func rateLimit(_ section: Section) -> ResponseRateSettings {
        let responses = rate(section.value("responses"), otherwise: nil)
        return ResponseRateSettings(
            responses: responses,
            nodata: rate(section.value("nodata"), otherwise: responses),
            nxdomain: rate(section.value("nxdomain"), otherwise: responses),
            referrals: rate(section.value("referrals"), otherwise: responses),
            errors: rate(section.value("errors"), otherwise: responses),
            slip: section.integer("slip"),
            window: section.interval("window"),
            ipv4Prefix: section.integer("ipv4-prefix"),
            ipv6Prefix: section.integer("ipv6-prefix"),
            exempt: section.prefixes("exempt"),
            logOnly: section.bool("log-only"),
            accounts: section.integer("accounts")
        )
    }

    private func rate(_ value: OptionValue?, otherwise: Rate?) -> Rate? {
        switch value {
        case .rate(let rate): rate
        case .word: nil
        default: otherwise
        }
    }

    private func tells(_ value: OptionValue?) -> ToldText {
        switch value {
        case .word: .own
        case .text(let text): .text(text)
        default: .nothing
        }
    }
}
