// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
public import Essentials

/// Where the sessions of one server are kept, for ``TLSSessions/connect(_:_:name:resuming:)``.
@safe public struct TLSResumption: BitwiseCopyable {
    let raw: UnsafeMutablePointer<mt_resumption>
}

/// What connections to the same servers resume: of each server the session that came last
/// (RFC 8446 §2.2, RFC 5077).
///
/// A resumed session spares both sides the certificate and its signature. So the certificate is not
/// looked at again: whatever follows from one full handshake is forgotten after ``longest``, and at
/// once when the server has to have another name or is spoken with in another way. Sessions belong to
/// one thread, and must not be used after this value.
@safe public struct TLSResumptions: ~Copyable {
    /// Servers whose sessions are kept; connections to further ones are full handshakes.
    public static let limit = 4_096
    /// How long a certificate counts that is not shown again.
    public static let longest = Interval.seconds(3_600)

    @safe private struct Place {
        let raw: UnsafeMutablePointer<mt_resumption>
        // Held, so that no other context can come to have its address.
        var context: TLSClientContext
        var name: String
        var since: Instant
    }

    private var places: [Int: Place] = [:]

    /// Nothing to resume.
    public init() {}

    deinit {
        for place in places.values { unsafe mt_resumption_free(place.raw) }
    }

    /// Where the sessions of the server with this number are kept; nil for one too many.
    public mutating func resumption(
        of server: Int,
        _ context: TLSClientContext,
        name: String,
        now: Instant
    ) -> TLSResumption? {
        guard let known = places[server] else {
            guard places.count < TLSResumptions.limit, let raw = unsafe mt_resumption_new() else {
                return nil
            }
            unsafe places[server] = Place(raw: raw, context: context, name: name, since: now)
            return unsafe TLSResumption(raw: raw)
        }
        let isSame = known.context == context && known.name == name
        if !isSame || now - known.since >= TLSResumptions.longest {
            // What connections of before still get is not kept any more either.
            unsafe mt_resumption_clear(known.raw)
            places[server]?.context = context
            places[server]?.name = name
            places[server]?.since = now
        }
        return unsafe TLSResumption(raw: known.raw)
    }
}
