// SPDX-License-Identifier: Apache-2.0

/// Other name servers: how they are known, and what they may.
public struct DNSPeers: Sendable {
    /// The keys by which signed messages are judged.
    public var keys = TransactionKeys()
    /// Who may take zones, and whose notices are heard.
    public var rules = TransferRules()

    /// None.
    public init() {}
}
