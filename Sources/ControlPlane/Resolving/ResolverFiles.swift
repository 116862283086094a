// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What `/etc/resolv.conf` says (resolv.conf(5)).
struct ResolverConfiguration: Sendable, Equatable {
    /// The servers in order; the local one when the file names none.
    var servers: [SocketAddress] = []
    /// Suffixes tried for short names.
    var search: [String] = []
    /// A name with fewer dots is tried with the suffixes first.
    var dots = 1
    /// How long one server may take.
    var timeout = Interval.seconds(2)
    /// Rounds over all servers.
    var attempts = 2

    /// As with the C library, three servers and six suffixes count.
    static let serverLimit = 3
    static let searchLimit = 6

    init(text: [UInt8] = []) {
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            let words = line.prefix { $0 != "#" && $0 != ";" }
                .split(whereSeparator: \.isWhitespace).map(String.init)
            guard let key = words.first else { continue }
            switch key {
            case "nameserver": addServer(words)
            case "search", "domain":
                search = words.dropFirst().prefix(ResolverConfiguration.searchLimit).map {
                    ResolverConfiguration.bare($0)
                }
            case "options": for option in words.dropFirst() { take(option) }
            default: break
            }
        }
        if servers.isEmpty {
            servers = [SocketAddress(IPAddress(v4: 0x7f00_0001), port: 53)]
        }
    }

    private mutating func addServer(_ words: [String]) {
        guard words.count > 1, servers.count < ResolverConfiguration.serverLimit,
            let ip = IPAddress(words[1])
        else { return }
        servers.append(SocketAddress(ip, port: 53))
    }

    private mutating func take(_ option: String) {
        let parts = option.split(separator: ":")
        guard parts.count == 2, let value = Int(parts[1]) else { return }
        switch parts[0] {
        case "ndots": dots = min(max(value, 0), 15)
        case "timeout": timeout = .seconds(Int64(min(max(value, 1), 5)))
        case "attempts": attempts = min(max(value, 1), 5)
        default: break
        }
    }

    /// The full names to ask for, in order.
    func candidates(_ host: String) -> [String] {
        let name = ResolverConfiguration.bare(host)
        let suffixed = search.filter { !$0.isEmpty }.map { "\(name).\($0)" }
        let count = name.count { $0 == "." }
        return count >= dots ? [name] + suffixed : suffixed + [name]
    }

    private static func bare(_ name: String) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }
}

/// What `/etc/hosts` says (hosts(5)), and what every machine knows without it.
struct HostsFile: Sendable, Equatable {
    private(set) var addresses: [String: [IPAddress]] = [:]

    init(text: [UInt8] = []) {
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            guard let first = words.first, let ip = IPAddress(first) else { continue }
            for name in words.dropFirst() {
                addresses[name.lowercased(), default: []].append(ip)
            }
        }
        // RFC 6761 §6.3: never asked of a server.
        if addresses["localhost"] == nil {
            addresses["localhost"] = [IPAddress(v4: 0x7f00_0001)]
        }
    }

    func addresses(_ host: String) -> [IPAddress]? { addresses[host.lowercased()] }
}
