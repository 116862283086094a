// SPDX-License-Identifier: Apache-2.0

/// Queries past the kernel's network stack.
extension SettingsDecoder {
    func xdp(_ listener: Section) -> XDPSettings? {
        guard listener.has("xdp") else { return nil }
        let section = listener.group("xdp")
        let mode = section.word("mode", XDPMode.auto)
        let queues = section.optionalInteger("queues")
        guard let interface = section.text("interface") else { return nil }
        guard isInterface(interface) else {
            section.fault(
                .badInterface,
                "interface",
                "`\(interface)` cannot be the name of an interface",
                "`ip link` lists them"
            )
            return nil
        }
        return XDPSettings(interface: interface, mode: mode, queues: queues)
    }

    /// As Linux has it (dev_valid_name): no blanks, slashes or colons, and neither `.` nor `..`.
    private func isInterface(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".."
            && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x2f && $0 != 0x3a }
    }
}

extension ListenerChecks {
    /// A program at an interface feeds one set of queues, and those belong to one listener.
    func findSharedInterfaces() {
        var taken: [String: String] = [:]
        for (settings, section) in listeners {
            guard case .dns(let dns) = settings, let xdp = dns.xdp else { continue }
            if let other = taken[xdp.interface] {
                section.fault(
                    .sharedInterface,
                    "xdp",
                    "the queries of `\(xdp.interface)` are taken by \(other) already",
                    "let one listener have all addresses, such as `dns: \":53\"`"
                )
            }
            taken[xdp.interface] = section.title
        }
    }
}
