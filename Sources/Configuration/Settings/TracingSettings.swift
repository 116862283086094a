// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What becomes of traces.
public struct TracingSettings: Sendable, Equatable {
    /// Where spans are exported to; nil for nowhere.
    public var otlp: OTLPSettings?
}

/// Where spans are exported to, by the OpenTelemetry protocol over HTTP.
public struct OTLPSettings: Sendable, Equatable {
    /// Who takes them.
    public var endpoint: CollectorURL
    /// Further fields of requests.
    public var headers: [HeaderSettings]
    /// The file of authorities that may vouch for the collector; nil for those of the system.
    public var authorities: String?
    /// How long one request may take.
    public var timeout: Interval
    /// Share of new traces that are sampled.
    public var share: Percentage
    /// Spans that may wait.
    public var queue: Int
    /// Spans in one request.
    public var batch: Int
    /// How long a span may wait for others.
    public var every: Interval
    /// The name of the service that the spans belong to.
    public var service: String
    /// Further attributes of the resource.
    public var attributes: [HeaderSettings]

    /// True when a request to the collector is the same one with other settings: what is on its way
    /// may stay there.
    public func sendsTheSame(as other: OTLPSettings) -> Bool {
        endpoint == other.endpoint && headers == other.headers && authorities == other.authorities
            && service == other.service && attributes == other.attributes
    }
}

/// An `http` or `https` URL with a host and a path.
public struct CollectorURL: Sendable, Equatable {
    /// Whether TLS is spoken.
    public var isSecure: Bool
    /// The host with its port.
    public var address: EndpointAddress
    /// Path and query.
    public var target: String
    /// Host and port as they were written, for the Host field.
    public var authority: String

    /// The path that OTLP has for traces, for a URL without one.
    static let path = "/v1/traces"

    /// Reads a URL; nil for anything that is none, or has a user, a password or a fragment.
    public init?(_ text: String) {
        guard let colon = text.range(of: "://") else { return nil }
        switch text[..<colon.lower].lowercased() {
        case "http": isSecure = false
        case "https": isSecure = true
        default: return nil
        }
        let rest = text[colon.upper...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let target = rest[authority.endIndex...]
        let isClean = target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "#") }
        guard !authority.isEmpty, isClean, target.isEmpty || target.hasPrefix("/") else {
            return nil
        }
        let whole = CollectorURL.withPort(String(authority), isSecure ? 443 : 80)
        guard let address = try? OptionType.endpointAddress(whole) else { return nil }
        self.address = address
        self.authority = String(authority)
        self.target = target.isEmpty || target == "/" ? CollectorURL.path : String(target)
    }

    private static func withPort(_ authority: String, _ port: Int) -> String {
        let isBare = authority.hasSuffix("]") || !authority.contains(":")
        return isBare ? "\(authority):\(port)" : authority
    }

    /// The host without its port.
    public var host: String {
        switch address {
        case .address(let address): "\(address.ip)"
        case .name(let name, _): name
        }
    }

    /// True when there is a query, which may hold a key.
    var hasQuery: Bool { target.contains("?") }

    /// True for this machine.
    var isLocal: Bool {
        switch address {
        case .address(let address):
            let plain = address.ip.unmapped
            return plain.isIPv4 ? plain.byte(0) == 127 : plain.bits == 1
        case .name(let name, _): return name == "localhost"
        }
    }
}

extension CollectorURL: CustomStringConvertible {
    /// `http://localhost:4318/v1/traces`, without the query: some hold a key.
    public var description: String {
        "\(isSecure ? "https" : "http")://\(authority)\(target.prefix { $0 != "?" })"
    }
}

extension String {
    /// Where a text begins in this one, and where it ends.
    fileprivate func range(of text: String) -> (lower: Index, upper: Index)? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) {
                return (start, index(start, offsetBy: text.count))
            }
            start = index(after: start)
        }
        return nil
    }
}
