// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
public import Essentials

/// Who may take zones from here, and what is known of their past.
public struct TransferRules: Sendable {
    /// One that may take a zone: by its address, by its key, or by both.
    public struct Peer: Sendable, Equatable {
        /// Where it asks from; nil for anywhere.
        public var network: Prefix?
        /// The key that signs its requests; nil for any or none.
        public var key: DomainName?

        /// Joins the parts.
        public init(network: Prefix?, key: DomainName?) {
            self.network = network
            self.key = key
        }

        // RFC 9103 §8.4.2: over TLS the address and the key must both be known.
        var isStrict: Bool { network != nil && key != nil }

        func admits(_ client: IPAddress, _ signer: DomainName?) -> Bool {
            if let network, !network.contains(client) { return false }
            if let key { return key == signer }
            return true
        }
    }

    /// How a request for a zone has come, as far as it matters who may have it (RFC 9103).
    public enum Way: Sendable, BitwiseCopyable {
        /// By TCP, or by TLS with a certificate of the client that is believed.
        case plain
        /// By TLS: whoever asks is known by address and key (§8.4.2).
        case secure
        /// By TLS before 1.3 (§7.2), or without `dot` chosen by ALPN (§7.1): no zone goes so.
        case unfit
    }

    /// Those that may take each zone, by its name.
    public var takers: [DomainName: [Peer]] = [:]
    /// Those whose notices of a change are heard, for zones that come from elsewhere.
    public var notifiers: [DomainName: [Peer]] = [:]
    /// How the latest versions of zones came about.
    public var histories: [DomainName: ZoneHistory] = [:]
    /// Transfers at a time, over all workers.
    public var limit = 16

    /// Nobody may take anything.
    public init() {}

    /// True when the zone may be taken by a peer whose request has a good signature of the key.
    ///
    /// `way` is how the request has come.
    public func mayTake(
        _ zone: DomainName,
        _ client: IPAddress,
        key: DomainName?,
        by way: Way = .plain
    ) -> Bool {
        guard way != .unfit else { return false }
        return takers[zone]?.contains { peer in
            peer.admits(client, key) && (way != .secure || peer.isStrict)
        } ?? false
    }

    /// True when a notice about the zone is heard from there; nil for a zone that comes from
    /// nowhere else.
    public func hears(_ zone: DomainName, _ client: IPAddress, key: DomainName?) -> Bool? {
        notifiers[zone].map { peers in peers.contains { $0.admits(client, key) } }
    }
}
