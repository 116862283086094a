// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// What a zone file itself says of what is not in the zone.
enum ZoneChain: UInt8, BitwiseCopyable, Sendable {
    /// Nothing: the zone is not signed in its file.
    case none
    /// NSEC records, each from a name to the next one (RFC 4034 §4).
    case names
    /// NSEC3 records, each from a hash to the next one (RFC 5155 §3).
    case hashes
}

/// The chain of a zone that is signed in its file.
///
/// Its names lie in `chains` in canonical order, so that the one before any other is found by
/// halving: four octets for each, and none for zones that are not signed in their files.
struct ZoneChainPlace: BitwiseCopyable, Sendable {
    var kind = ZoneChain.none
    /// Where the names of the chain begin in `chains`, and how many there are.
    var first: UInt32 = 0
    var count: UInt32 = 0
    /// The node of the zone's apex.
    var apex: UInt32 = 0
    /// Where the data of NSEC3PARAM lies in `bytes`.
    var parameters: UInt32 = 0
}

/// Lookups in the chain of a zone that is signed in its file.
extension ZoneView {
    /// The node whose NSEC or NSEC3 is of the name, or covers it, for names and digits in lower case.
    ///
    /// For NSEC3 the name is that of the hash. Nil for an empty chain.
    func link(_ chain: ZoneChainPlace, _ name: Span<UInt8>) -> (node: Int, isMatch: Bool)? {
        guard chain.count > 0 else { return nil }
        var (low, high) = (0, Int(chain.count))
        while low < high {
            let middle = (low &+ high) / 2
            let order = CanonicalOrder.compare(self.name(ofLink: middle, chain), name)
            if order == 0 { return (Int(chains[Int(chain.first) &+ middle]), true) }
            if order < 0 { low = middle &+ 1 } else { high = middle }
        }
        // The last one leads round to the first (RFC 4034 §4.1.1, RFC 5155 §3.1.7).
        let place = low > 0 ? low &- 1 : Int(chain.count) &- 1
        return (Int(chains[Int(chain.first) &+ place]), false)
    }

    @_lifetime(copy self)
    private func name(ofLink link: Int, _ chain: ZoneChainPlace) -> Span<UInt8> {
        name(of: nodes[Int(chains[Int(chain.first) &+ link])])
    }

    /// The name of a node in lower case.
    @_lifetime(copy self)
    func name(of node: ZoneNode) -> Span<UInt8> {
        let start = Int(node.nameOffset)
        return bytes.extracting(start..<start &+ Int(node.nameLength))
    }
}
