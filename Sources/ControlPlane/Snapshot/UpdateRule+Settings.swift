// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

extension UpdateRule {
    /// A rule of the configuration.
    init(_ settings: UpdateSettings) {
        self.init(
            key: settings.key.flatMap { DomainName($0) },
            networks: settings.networks,
            names: settings.names.compactMap { UpdateNames($0) },
            types: settings.types.isEmpty ? nil : Set(settings.types.compactMap { RecordType($0) })
        )
    }
}

extension Settings {
    /// Networks that some rule lets in without a key.
    var updateNetworks: [Prefix] {
        let rules = zones.lazy.flatMap(\.updates).filter { $0.key == nil }
        return Array(Set(rules.flatMap(\.networks)))
    }
}

extension UpdateNames {
    fileprivate init?(_ settings: UpdateSettings.Names) {
        switch settings {
        case .zone: self = .zone
        case .own: self = .own
        case .ownSubtree: self = .ownSubtree
        case .exactly(let text):
            guard let name = DomainName(text) else { return nil }
            self = .exactly(name)
        case .subtree(let text):
            guard let name = DomainName(text) else { return nil }
            self = .subtree(name)
        case .below(let text):
            guard let name = DomainName(text) else { return nil }
            self = .below(name)
        }
    }
}
