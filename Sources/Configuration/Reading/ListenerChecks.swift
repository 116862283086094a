// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Checks between listeners, and between listeners and what is behind them.
struct ListenerChecks {
    let root: Section
    let listeners: [(settings: ListenerSettings, section: Section)]
    let admin: AdminSettings
    /// True when listeners are open that the file would close.
    let isServed: Bool

    func run(_ settings: Settings) {
        findConflicts()
        findSharedInterfaces()
        checkAdmin()
        checkReach(settings)
        checkClearQuestions(settings)
        checkClearPorts()
        checkSecureTransfers(settings)
    }

    private func address(_ listener: ListenerSettings) -> (ListenAddress, key: String) {
        switch listener {
        case .http(let settings): (settings.address, settings.tls == nil ? "http" : "https")
        case .dns(let settings): (settings.address, settings.tls == nil ? "dns" : "dot")
        }
    }

    /// Every listener binds TCP, DNS also UDP: so any two exclude each other on one address.
    private func findConflicts() {
        var taken: [(address: ListenAddress, title: String)] = []
        if let listen = admin.listen { taken.append((listen, "the admin listener")) }
        for (settings, section) in listeners {
            let (address, key) = address(settings)
            if let other = taken.first(where: { overlaps($0.address, address) }) {
                section.fault(
                    .listenerConflict,
                    key,
                    "`\(address)` is taken by \(other.title) already",
                    other.address == address ? nil : "it listens on `\(other.address)`"
                )
            }
            taken.append((address, section.title))
        }
    }

    private func overlaps(_ a: ListenAddress, _ b: ListenAddress) -> Bool {
        guard a.port == b.port, a.port != 0 else { return false }
        guard let first = a.ip, let second = b.ip else { return true }
        if first == second { return true }
        // `::` takes IPv4 as well, `0.0.0.0` all of IPv4.
        func isAny(_ ip: IPAddress, over other: IPAddress) -> Bool {
            ip.bits == 0 && (!ip.isIPv4 || other.isIPv4)
        }
        return isAny(first, over: second) || isAny(second, over: first)
    }

    private func checkAdmin() {
        guard let listen = admin.listen else { return }
        let isLoopback =
            listen.ip.map { ip in
                let plain = ip.unmapped
                return plain.isIPv4 ? plain.byte(0) == 127 : plain.bits == 1
            } ?? false
        guard !isLoopback else { return }
        root.group("admin").fault(
            .openAdmin,
            "listen",
            "the admin listener on `\(listen)` can be reached from outside",
            "bind it to 127.0.0.1, or guard the port"
        )
    }

    private func checkReach(_ settings: Settings) {
        // By what is written, so that a listener with a bad address is not also called missing.
        let doors = root.keysWithin("listeners")
        let hasHTTP = doors.contains("http") || doors.contains("https")
        let hasDNS = doors.contains("dns") || doors.contains("dot")
        if !hasHTTP, !hasDNS {
            // A listener of no kind has its own finding.
            if case .sequence(let nodes)? = root.entries["listeners"]?.value.content,
                !nodes.isEmpty
            {
                return
            }
            if case .mapping? = root.entries["listeners"]?.value.content { return }
            // A file that was emptied, or cut while it was written, is not told from one that is
            // meant to end the service; an empty list is.
            if isServed, root.entries["listeners"] == nil {
                root.report(
                    .nothingServedAnyMore,
                    root.range,
                    "no listener is configured, and the configuration in force has some",
                    "write the whole file again; to close every listener write `listeners: []`"
                )
                return
            }
            root.report(
                .nothingListens,
                root.range,
                "no listener is configured",
                "add `listeners: [{ http: \":8080\" }]`"
            )
            return
        }
        if !settings.routes.isEmpty, !hasHTTP {
            root.fault(.unreachable, "routes", "there are routes and no HTTP listener")
        }
        if settings.zones.isEmpty, settings.routes.contains(where: { $0.action == .dns }) {
            root.fault(.unreachable, "routes", "a route has `answer: dns`, and there are no zones")
        }
        if !settings.zones.isEmpty, !hasDNS {
            root.fault(.unreachable, "zones", "there are zones and no DNS listener")
        }
    }
}

extension Section {
    /// The keys that any member of a list has.
    fileprivate func keysWithin(_ key: String) -> Set<String> {
        guard case .sequence(let nodes)? = entries[key]?.value.content else { return [] }
        var keys: Set<String> = []
        for node in nodes {
            guard case .mapping(let entries) = node.content else { continue }
            keys.formUnion(entries.map(\.key))
        }
        return keys
    }
}
