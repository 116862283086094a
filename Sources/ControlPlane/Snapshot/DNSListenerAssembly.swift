// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSServer
internal import Essentials
internal import Runtime

/// What the listeners of the DNS door are held to, one entry for each of their numbers.
struct DNSListenerAssembly: Sendable {
    /// A number without a place keeps the defaults: connections that came in there may live on.
    private(set) var doors: [DNSDoorSettings] = []
    /// How TLS is spoken; nil without.
    private(set) var security: [DNSListenerSecurity?] = []
    /// The lists that ``SubnetTrust/listed(_:)`` counts.
    private(set) var subnetSources: [[Prefix]] = []

    init(
        _ settings: Settings,
        _ numbers: ListenerNumbers,
        _ contexts: inout TLSAssembly
    ) throws(ReloadProblem) {
        var byPlace: [SocketKey: DNSListenerSettings] = [:]
        for listener in settings.listeners {
            if case .dns(let dns) = listener { byPlace[SocketKey(listener)] = dns }
        }
        for place in numbers.places {
            guard let listener = place.flatMap({ byPlace[$0] }) else {
                doors.append(DNSDoorSettings())
                security.append(nil)
                continue
            }
            doors.append(door(listener))
            security.append(
                try contexts.context(listener).map {
                    DNSListenerSecurity($0, handshakes: listener.tls?.handshakeBudget)
                }
            )
        }
    }

    private mutating func door(_ listener: DNSListenerSettings) -> DNSDoorSettings {
        var door = DNSDoorSettings(
            ednsSize: UInt16(clamping: listener.ednsSize),
            idleTimeout: listener.tcpIdle,
            connectionLimit: listener.tcpConnections
        )
        (door.ip, door.port) = (listener.address.ip, listener.address.port)
        switch listener.ecs {
        case nil: door.subnets = .any
        case []: door.subnets = .none
        case let sources?:
            subnetSources.append(sources)
            door.subnets = .listed(subnetSources.count - 1)
        }
        return door
    }
}
