// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Runtime

/// Signatures behind the sets of an answer.
extension AnswerRun {
    private enum Writing {
        case done, noRoom, failed
    }

    /// True for a zone that is signed, here or in its file.
    func isSigned(_ match: ZoneMatch, _ view: ZoneView) -> Bool {
        signing != absent || view.zones[match.zone].chain.kind != .none
    }

    /// Puts the signatures of the set that stands from `base` to the end of the message behind it.
    ///
    /// All of them or, with TC and without the set, none: a set that cannot be verified is none
    /// (RFC 4035 §3.1.1). `ttl` is the TTL that the zone has for a set that is given a shorter one
    /// now: signatures cover that, so that they need not change with it.
    @inline(never) @_lifetime(output: copy output)
    mutating func sign(
        from base: Int,
        ttl: UInt32? = nil,
        _ view: ZoneView,
        in section: MessageSection,
        into output: inout OutputSpan<UInt8>
    ) {
        let end = output.count
        guard signing != absent else {
            return copySignatures(from: base, of: source, view, in: section, into: &output)
        }
        guard base < end, view.signing.caches.count > 0 else { return }
        let from = base &- writer.start
        let found = WrittenSet(output.span.extracting(writer.start..<end), from: from)
        guard let set = found else {
            outcome.isUnsigned = true
            return
        }
        let zone = view.signing.zones[Int(signing)]
        let isOfKeys = set.type == .DNSKEY || set.type == .CDS || set.type == .CDNSKEY
        var index = Int(zone.firstSigner)
        let last = index &+ Int(zone.signerCount)
        var count: UInt16 = 0
        while index < last {
            let signer = view.signing.signers[index]
            index &+= 1
            guard isOfKeys ? signer.signsKeys : signer.signsZone else { continue }
            let window = SignatureWindow(
                at: timestamp,
                lifetime: zone.lifetime,
                refresh: zone.refresh,
                spread: set.spread
            )
            let head = SignatureHead(
                covered: set.type,
                algorithm: signer.algorithm,
                originalTTL: max(ttl ?? set.ttl, set.ttl),
                expiration: window.expiration,
                inception: window.inception,
                keyTag: signer.tag
            )
            switch write(head, of: set, from, end, zone, index &- 1, view, into: &output) {
            case .done: count &+= 1
            case .failed:
                outcome.isUnsigned = true
                return
            case .noRoom: return withdraw(set, from: base, in: section, &output)
            }
        }
        // A key that signs was promised: without one the zone is not signed at all.
        if count == 0 { outcome.isUnsigned = true }
        writer.add(count, to: section)
    }

    // One RRSIG record behind the set, which ends at `end` of the output.
    @_lifetime(output: copy output)
    private mutating func write(
        _ head: SignatureHead,
        of written: WrittenSet,
        _ from: Int,
        _ end: Int,
        _ zone: SignedZone,
        _ signer: Int,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) -> Writing {
        let cache = view.signing.caches[0]
        let name = view.signing.name(of: zone)
        guard written.owner <= 0x3fff,
            let set = compose(head, from, end, name, cache, output)
        else { return .failed }
        let isBegun = writer.writeRecordHead(
            ownerOffset: written.owner,
            type: .RRSIG,
            ttl: written.ttl,
            dataLength: SignatureHead.length &+ name.count &+ SigningKey.signatureLength,
            into: &output
        )
        guard isBegun else { return .noRoom }
        set.head.write(into: &output)
        output.write(name)
        let digest = cache.digest(
            cache.composed.extracting(set.range),
            signer: view.signing.signers[signer].identity
        )
        if cache.find(digest, into: &output) {
            outcome.signaturesKnown &+= 1
            return .done
        }
        let bytes = set.signedBytes(cache.composed)
        guard let signature = view.signing.keys[signer].sign(bytes.span) else { return .failed }
        cache.keep(digest, signature)
        outcome.signaturesMade &+= 1
        output.write(signature.span)
        return .done
    }

    // Apart from the writing: what is read of the output is not written to meanwhile.
    private func compose(
        _ head: SignatureHead,
        _ from: Int,
        _ end: Int,
        _ name: Span<UInt8>,
        _ cache: SignatureCache,
        _ output: borrowing OutputSpan<UInt8>
    ) -> CanonicalSet? {
        var composed: CanonicalSet?
        let message = output.span.extracting(writer.start..<end)
        cache.compose { scratch in
            composed = CanonicalSet(message, from: from, head: head, signer: name, into: &scratch)
        }
        return composed
    }

    /// Answers SERVFAIL in the place of what could not be signed.
    @inline(never) @_lifetime(output: copy output)
    mutating func withdraw(_ output: inout OutputSpan<UInt8>) -> ResponseCode {
        writer.clear(query, &output)
        writer.isAuthoritative = false
        writer.isTruncated = false
        outcome.reason = .signaturesMissing
        return .serverFailure
    }

    /// Shortens the TTL of all records from `base` to the end of the message.
    @_lifetime(output: copy output)
    mutating func shorten(
        recordsFrom base: Int,
        to ttl: UInt32,
        in output: inout OutputSpan<UInt8>
    ) {
        var position = base
        while position < output.count {
            guard let length = WireName.span(in: output.span, at: position),
                position &+ length &+ 10 <= output.count
            else { return }
            shorten(recordAt: position &+ length &- 2, to: ttl, in: &output)
            let size = position &+ length &+ 8
            position = size &+ 2 &+ Int(output[size]) << 8 &+ Int(output[size &+ 1])
        }
    }
}
