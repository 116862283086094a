// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Runtime

/// A ``SigningTable`` as spans, for the zones of one of the two tables.
struct SigningView: ~Escapable {
    let places: Span<UInt32>
    let zones: Span<SignedZone>
    let signers: Span<Signer>
    let keys: Span<SigningKey>
    let bytes: Span<UInt8>
    let caches: Span<SignatureCache>

    /// No zone is signed.
    @_lifetime(immortal) init() {
        places = Span()
        zones = Span()
        signers = Span()
        keys = Span()
        bytes = Span()
        caches = Span()
    }

    @_lifetime(borrow table) init(_ table: borrowing SigningTable, isChanged: Bool) {
        places = isChanged ? table.changedPlaces.span : table.places.span
        zones = table.zones.span
        signers = table.signers.span
        keys = table.keys.span
        bytes = table.bytes.span
        caches = table.caches.span
    }

    /// The place of a zone in `zones`, by its number; `absent` when it is not signed.
    @inline(__always)
    func place(ofZone number: Int) -> UInt32 {
        number < places.count && number >= 0 ? places[number] : absent
    }

    /// Its apex in lower case.
    @_lifetime(copy self)
    func name(of zone: SignedZone) -> Span<UInt8> {
        let start = Int(zone.nameOffset)
        return bytes.extracting(start..<start &+ Int(zone.nameLength))
    }
}
