// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// DNS that is meant to be private, and can be read on its way.
extension ListenerChecks {
    /// Questions go by `https` alone (RFC 8484 §5).
    ///
    /// A listener that names its proxies may be behind one that ends TLS, which is for the operator to
    /// know.
    func checkClearQuestions(_ settings: Settings) {
        let doors = listeners.compactMap { settings, _ -> HTTPListenerSettings? in
            if case .http(let one) = settings { one } else { nil }
        }
        guard let route = settings.routes.first(where: { $0.action == .dns }), !doors.isEmpty,
            doors.allSatisfy({ $0.tls == nil && $0.trustedProxies.isEmpty })
        else { return }
        root.fault(
            .clearQuestions,
            "routes",
            "the route `\(route.name)` answers questions of DNS, and no listener with TLS leads to it",
            "add a listener with `https`, or name the proxy that ends TLS in `trusted-proxies`"
        )
    }

    /// TLS has any port but that of DNS in the clear (RFC 7858 §3.1).
    func checkClearPorts() {
        for case (.dns(let settings), let section) in listeners
        where settings.tls != nil && settings.address.port == 53 {
            section.fault(
                .clearPort,
                "dot",
                "DNS over TLS at port 53, which is that of DNS in the clear",
                "use 853, the port of DNS over TLS"
            )
        }
    }
}
