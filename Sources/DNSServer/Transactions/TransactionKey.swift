// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
public import Runtime

/// A secret that two servers share, by which they know each other's messages (RFC 8945).
public struct TransactionKey: Sendable, Equatable {
    /// What both call it, in lower case.
    public let name: DomainName
    /// With what it signs.
    public let algorithm: TSIGAlgorithm
    /// The fewest octets of a MAC that are accepted from peers; ours are whole.
    public let leastLength: Int
    private let secret: [UInt8]

    /// Joins the parts; without `leastLength` a MAC must be whole.
    public init(
        name: DomainName,
        algorithm: TSIGAlgorithm,
        secret: [UInt8],
        leastLength: Int? = nil
    ) {
        self.name = name.lowercased
        self.algorithm = algorithm
        self.secret = secret
        let wanted = leastLength ?? algorithm.length
        self.leastLength = min(max(wanted, algorithm.leastLength), algorithm.length)
    }

    /// The beginning of a MAC; nil without memory.
    public func digest() -> KeyedDigestStream? {
        let kind: KeyedDigestStream.Kind =
            switch algorithm {
            case .sha1: .sha1
            case .sha224: .sha224
            case .sha256: .sha256
            case .sha384: .sha384
            case .sha512: .sha512
            }
        return KeyedDigestStream(kind, key: secret)
    }

    /// The MAC over some bytes in their order; empty without memory.
    func mac(_ parts: [[UInt8]], _ body: Span<UInt8>, _ end: [UInt8]) -> [UInt8] {
        guard var digest = digest() else { return [] }
        for part in parts { digest.add(part) }
        digest.add(body)
        digest.add(end)
        return digest.finish()
    }
}

extension TransactionKey: CustomStringConvertible, CustomReflectable {
    /// The name and the algorithm; never the secret.
    public var description: String { "\(name) \(algorithm.word)" }
    /// The same for dumps.
    public var customMirror: Mirror { Mirror(self, children: ["name": description]) }
}
