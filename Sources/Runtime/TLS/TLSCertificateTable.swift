// SPDX-License-Identifier: Apache-2.0

/// Which certificate a name gets: exact names before wildcards, one for each kind of key.
///
/// A name may have an RSA certificate and an ECDSA one side by side; OpenSSL takes the one whose
/// signature the client can check. Where two of the same kind share a name, the first one given is
/// used.
public struct TLSCertificateTable: Sendable {
    /// The certificates in the order given.
    public let certificates: [TLSCertificate]
    private let exact: [String: [Int]]
    private let wildcard: [String: [Int]]

    /// A table; the first certificate, and the first of another kind with a name in common, are
    /// what a client gets whose name is unknown.
    public init(_ certificates: [TLSCertificate]) {
        self.certificates = certificates
        var exact: [String: [Int]] = [:]
        var wildcard: [String: [Int]] = [:]
        for (place, certificate) in certificates.enumerated() {
            for name in certificate.names {
                let isWildcard = name.hasPrefix("*.")
                let key = isWildcard ? String(name.dropFirst(2)) : name
                var known = (isWildcard ? wildcard[key] : exact[key]) ?? []
                let kinds = known.map { certificates[$0].keyKind }
                guard !kinds.contains(certificate.keyKind) else { continue }
                known.append(place)
                if isWildcard { wildcard[key] = known } else { exact[key] = known }
            }
        }
        self.exact = exact
        self.wildcard = wildcard
    }

    /// The places of the certificates for a name in lower case; empty when there is none.
    public func places(for name: String) -> [Int] {
        if let found = exact[name] { return found }
        // RFC 9525 §6.3: a wildcard stands for one label.
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return [] }
        return wildcard[String(name[name.index(after: dot)...])] ?? []
    }

    /// What a client gets that names nobody, or somebody unknown.
    public var defaultPlaces: [Int] {
        guard let first = certificates.first else { return [] }
        var places = [0]
        var kinds = [first.keyKind]
        for (place, other) in certificates.enumerated().dropFirst()
        where !kinds.contains(other.keyKind) && other.names.contains(where: first.names.contains) {
            places.append(place)
            kinds.append(other.keyKind)
        }
        return places
    }
}
