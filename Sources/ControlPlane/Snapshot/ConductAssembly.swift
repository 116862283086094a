// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSServer
internal import Runtime

extension Assembly {
    /// How the DNS door behaves towards those who ask.
    var conduct: DNSConduct {
        DNSConduct(
            identity: words(settings.dns.identity, own: ProcessControl.hostName()),
            version: words(settings.dns.version, own: "martlet \(Version.current)"),
            explainsErrors: settings.dns.extendedErrors
        )
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
