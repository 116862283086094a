// SPDX-License-Identifier: Apache-2.0
public import Configuration
public import Essentials
internal import HTTPProtocol

/// Keeps web pages of others away from the admin service.
///
/// A browser on this machine can be talked into asking 127.0.0.1. Two gates: a name that an
/// attacker points at a loopback address (DNS rebinding) still shows in `Host`, and a page of
/// another origin shows in `Origin` and `Sec-Fetch-Site`.
public struct AdminGuard: Sendable, Equatable {
    /// The address of the configuration; nil means every address of the machine.
    public var listen: IPAddress?

    /// A guard for the listener of the settings.
    public init(listen: ListenAddress?) {
        self.listen = listen?.ip
        if let ip = listen?.ip, ip.bits == 0 { self.listen = nil }
    }

    /// The reason to refuse a request; nil to let it through.
    public func refusal(of request: ServiceRequest) -> Problem? {
        guard mayBeHost(request.host) else {
            return Problem(.hostRefused, "The Host field names '\(request.host)'.")
        }
        guard !request.method.isSafe else { return nil }
        if let site = request.field("sec-fetch-site"), site != "same-origin", site != "none" {
            return Problem(.originRefused, "Sec-Fetch-Site says '\(site)'.")
        }
        if let origin = request.field("origin"),
            origin.lowercased() != "http://\(request.authority)"
        {
            return Problem(.originRefused, "The page comes from '\(origin)'.")
        }
        return nil
    }

    /// True for a loopback name, and for an address literal that may be this listener.
    ///
    /// A name can be made to resolve to anything; a literal cannot, so literals are safe.
    func mayBeHost(_ host: String) -> Bool {
        if host == "localhost" || host.hasSuffix(".localhost") { return true }
        var literal = Substring(host)
        let isBracketed = literal.hasPrefix("[") && literal.hasSuffix("]")
        if isBracketed { literal = literal.dropFirst().dropLast() }
        guard let ip = IPAddress(literal), ip.isIPv4 != isBracketed else { return false }
        let isLoopback = ip.isIPv4 ? ip.byte(0) == 127 : ip.bits == 1
        guard let listen else { return true }
        return isLoopback || ip == listen
    }
}
