// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

extension Assembly {
    /// How the DNS door behaves towards those who ask.
    var conduct: DNSConduct {
        var conduct = DNSConduct(
            identity: words(settings.dns.identity, own: ProcessControl.hostName()),
            version: words(settings.dns.version, own: "martlet \(Version.current)"),
            explainsErrors: settings.dns.extendedErrors
        )
        conduct.cookies = cookieSecrets
        conduct.requiresCookies = settings.dns.cookies.require
        return conduct
    }

    /// How often networks get responses that are alike.
    var rates: ResponseRates {
        let limits = settings.dns.rateLimit
        var rates = ResponseRates()
        let all: [(ResponseRates.Kind, Rate?)] = [
            (.answer, limits.responses), (.noData, limits.nodata), (.nameError, limits.nxdomain),
            (.referral, limits.referrals), (.error, limits.errors),
        ]
        for case (let kind, let rate?) in all {
            rates.limit(kind, to: rate.count, per: rate.period)
        }
        rates.window = limits.window
        rates.slip = UInt32(clamping: limits.slip)
        rates.ipv4Length = UInt8(clamping: limits.ipv4Prefix)
        rates.ipv6Length = UInt8(clamping: limits.ipv6Prefix)
        rates.isTrial = limits.logOnly
        return rates
    }

    private func words(
        _ told: ToldText,
        own: @autoclosure () -> String
    ) -> String {
        switch told {
        case .nothing: ""
        case .own: own()
        case .text(let text): text
        }
    }
}
