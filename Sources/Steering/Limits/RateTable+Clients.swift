// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Buckets of clients, as listeners have them.
extension RateTable {
    /// Takes a token of a client's bucket at a listener: of its IPv4 address or its IPv6 /64, which
    /// is what one host is commonly given.
    public func take(
        _ client: IPAddress,
        of listener: UInt64,
        _ machine: RateMachine,
        now: Instant
    ) -> RateDecision {
        let client = client.unmapped
        let network = Prefix(client, length: client.isIPv4 ? 32 : 64)?.address ?? client
        return take(Hash.mix(Hash.address(network) ^ listener), machine, now: now)
    }
}
