// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import Essentials

/// What `martlet query` was told to ask.
public struct QueryOrder: Sendable {
    /// What was wrong with the arguments.
    public struct Misuse: Error, Equatable {
        /// One line.
        public let text: String
    }

    /// Whom to ask.
    enum Server: Sendable, Equatable {
        case address(SocketAddress)
        case name(String, port: UInt16)
        /// The resolver of this machine.
        case system
    }

    /// True with `--json`.
    public private(set) var isJSON = false
    /// True with `+trace`.
    public private(set) var isTrace = false
    private(set) var name = DomainName.root
    private(set) var type = RecordType.A
    private(set) var group = RecordClass.internet
    private(set) var server = Server.system
    private(set) var isStream = false
    private(set) var isSecure = false
    private(set) var tlsName: String?
    private(set) var authorities: String?
    private(set) var subnet: Prefix?
    private(set) var wantsSignatures = false
    private(set) var isRecursive = true
    private(set) var timeout: Interval?
    /// The port of servers that a trace is referred to.
    private(set) var port: UInt16 = 53
    private(set) var roots: [SocketAddress] = []
    private(set) var hostsPath = "/etc/hosts"
    private(set) var resolvPath = "/etc/resolv.conf"

    private static let flags: Set<String> = [
        "json", "trace", "tcp", "tls", "dnssec", "no-recurse",
    ]
    private static let options: Set<String> = [
        "subnet", "timeout", "tls-name", "ca", "class", "port", "root", "hosts", "resolv",
    ]
    /// What only a trace, and what only a single query, has a use for.
    private static let traceOptions = ["port", "root", "hosts", "resolv"]
    private static let plainOptions = ["tls-name", "ca", "subnet", "class"]

    /// Reads the arguments behind the command's word.
    public init(_ arguments: [String]) throws(Misuse) {
        var words: [String] = []
        var values: [(name: String, value: String)] = []
        var given: Set<String> = []
        var servers: [String] = []
        var rest = arguments[...]
        while let word = rest.popFirst() {
            if word == "+trace" {
                given.insert("trace")
            } else if word.hasPrefix("@") {
                servers.append(String(word.dropFirst()))
            } else if word.hasPrefix("--") {
                let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1)
                let name = parts.first.map(String.init) ?? ""
                if QueryOrder.flags.contains(name), parts.count == 1 {
                    given.insert(name)
                } else if QueryOrder.options.contains(name) {
                    guard let value = parts.count > 1 ? String(parts[1]) : rest.popFirst() else {
                        throw Misuse(text: "'--\(name)' needs a value")
                    }
                    values.append((name, value))
                } else {
                    throw Misuse(text: "unexpected '\(word)'")
                }
            } else if word.hasPrefix("+") {
                throw Misuse(text: "unexpected '\(word)': of words with '+' only '+trace' is known")
            } else {
                words.append(word)
            }
        }
        takeFlags(given)
        try takeValues(values)
        try takeWords(words)
        guard servers.count <= 1 else { throw Misuse(text: "unexpected '@\(servers[1])'") }
        if let text = servers.first { server = try server(text, isSecure ? 853 : 53) }
        try checkTogether(given, values.map(\.name))
    }

    private mutating func takeFlags(_ given: Set<String>) {
        isJSON = given.contains("json")
        isTrace = given.contains("trace")
        isStream = given.contains("tcp")
        isSecure = given.contains("tls")
        wantsSignatures = given.contains("dnssec")
        isRecursive = !given.contains("no-recurse")
    }

    private mutating func takeValues(_ values: [(name: String, value: String)]) throws(Misuse) {
        // First the port, which addresses without one have.
        for (name, value) in values where name == "port" {
            guard let number = UInt16(value), number > 0 else {
                throw Misuse(text: "--port: '\(value)' is no port")
            }
            port = number
        }
        for (name, value) in values {
            switch name {
            case "subnet":
                guard let network = Prefix(value) else {
                    throw Misuse(text: "--subnet: '\(value)' is no network, such as 192.0.2.0/24")
                }
                // Bits behind the length say nothing (RFC 7871 §6).
                subnet = Prefix(network.address, length: network.length)
            case "timeout":
                do throws(DurationText.Fault) {
                    timeout = try DurationText.read(value, in: .milliseconds(10)...(.seconds(60)))
                } catch {
                    throw Misuse(text: "--timeout: \(error.text)")
                }
            case "tls-name": tlsName = value
            case "ca": authorities = value
            case "class":
                let classes = ["IN": RecordClass.internet, "CH": RecordClass.chaos]
                guard let known = classes[value.uppercased()] else {
                    throw Misuse(text: "--class: '\(value)' is none of IN, CH")
                }
                group = known
            case "root":
                guard let address = QueryOrder.address(value, port) else {
                    throw Misuse(text: "--root: '\(value)' is no address, with a port or without")
                }
                roots.append(address)
            case "hosts": hostsPath = value
            case "resolv": resolvPath = value
            default: break
            }
        }
    }

    private mutating func takeWords(_ words: [String]) throws(Misuse) {
        guard let first = words.first else { throw Misuse(text: "NAME is missing") }
        guard words.count <= 2 else { throw Misuse(text: "unexpected '\(words[2])'") }
        if let address = IPAddress(first), let reverse = QueryOrder.reverse(address) {
            (name, type) = (reverse, .PTR)
        } else {
            guard !first.isEmpty, let wanted = DomainName(first) else {
                throw Misuse(text: "'\(first)' is no domain name")
            }
            name = wanted
        }
        guard words.count == 2 else { return }
        guard let wanted = RecordType(words[1]) else {
            throw Misuse(text: "'\(words[1])' is no type of records, such as A, MX or TYPE65")
        }
        guard wanted != .AXFR, wanted != .IXFR, wanted != .OPT, wanted != .TSIG else {
            throw Misuse(text: "\(wanted) is nothing that a single answer holds")
        }
        type = wanted
    }

    private func checkTogether(_ flags: Set<String>, _ options: [String]) throws(Misuse) {
        if isTrace {
            let extra =
                ["tcp", "tls", "no-recurse"].filter(flags.contains)
                + QueryOrder.plainOptions.filter(options.contains)
            if let first = extra.first { throw Misuse(text: "'--\(first)' goes with no trace") }
            if case .name(let host, _) = server {
                throw Misuse(text: "'@\(host)': the resolver of a trace is given by its address")
            }
            return
        }
        if let first = QueryOrder.traceOptions.first(where: options.contains) {
            throw Misuse(text: "'--\(first)' is for '+trace'")
        }
        if isStream, isSecure { throw Misuse(text: "'--tcp' and '--tls' exclude each other") }
        if !isSecure, let first = ["tls-name", "ca"].first(where: options.contains) {
            throw Misuse(text: "'--\(first)' is for '--tls'")
        }
        if isSecure, server == .system {
            throw Misuse(text: "'--tls' needs a server, '@SERVER'")
        }
    }

    private func server(_ text: String, _ port: UInt16) throws(Misuse) -> Server {
        if let address = QueryOrder.address(text, port) { return .address(address) }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let own = parts.count == 2 ? UInt16(parts[1]) : port
        guard parts.count <= 2, let host = parts.first, !host.isEmpty, let own, own > 0,
            DomainName(host) != nil
        else { throw Misuse(text: "'@\(text)' is no server") }
        return .name(String(host), port: own)
    }

    /// Reads an address with a port, or without one.
    private static func address(_ text: String, _ port: UInt16) -> SocketAddress? {
        if let ip = IPAddress(text) { return SocketAddress(ip, port: port) }
        if text.hasPrefix("["), text.hasSuffix("]"),
            let ip = IPAddress(String(text.dropFirst().dropLast()))
        {
            return SocketAddress(ip, port: port)
        }
        guard let address = SocketAddress(text), address.port > 0 else { return nil }
        return address
    }

    /// The name that PTR records of an address stand at (RFC 1035 §3.5, RFC 3596 §2.5).
    static func reverse(_ address: IPAddress) -> DomainName? {
        let octets = (0..<address.byteCount).map(address.byte).reversed()
        guard !address.isIPv4 else {
            return DomainName(octets.map { "\($0)" }.joined(separator: ".") + ".in-addr.arpa")
        }
        let digits = octets.flatMap { [$0 & 15, $0 >> 4] }
        return DomainName(
            digits.map { String($0, radix: 16) }.joined(separator: ".") + ".ip6.arpa"
        )
    }
}
