// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Names below a DNAME: the record, and the CNAME that it makes (RFC 6672 §3.2, §3.3).
///
///     x.y.d.example.  asked for; d.example. DNAME new.test.
///     d.example.      DNAME new.test.
///     x.y.d.example.  CNAME x.y + a pointer to the new.test. above
///
/// Rare, so that nothing of it lies in the way of other answers.
extension AnswerRun {
    /// What an answer says that ends at a DNAME: the name that it makes may be too long.
    var redirectionCode: ResponseCode { isTooLong ? .nameExists : .noError }

    /// Writes the DNAME and its CNAME, and finds what that leads to; nil ends the chain.
    @inline(never) @_lifetime(output: copy output)
    mutating func redirect(
        at match: ZoneMatch,
        _ view: ZoneView,
        _ views: borrowing ZoneViews,
        into output: inout OutputSpan<UInt8>
    ) -> (match: ZoneMatch, isChanged: Bool)? {
        let node = view.nodes[match.node]
        guard let set = view.set(of: node, type: .DNAME), set.length > 12, noteStep(),
            let data = placeRedirection(set, of: node, view, into: &output)
        else { return nil }
        let prefixLength = nameLength &- Int(node.nameLength)
        let start = Int(set.offset) &+ 12
        let targetLength = Int(set.length) &- 12
        guard prefixLength &+ targetLength <= WireName.maximumLength else {
            isTooLong = true
            return nil
        }
        var name = InlineArray<256, UInt8>(repeating: 0)
        guard copyName(prefixLength, from: output, to: &name) else { return nil }
        for index in 0..<targetLength { name[prefixLength &+ index] = view.bytes[start &+ index] }
        // A pointer costs two octets; fourteen bits reach so far.
        let points = targetLength > 2 && data <= 0x3fff
        let place = output.count &- writer.start &+ 12
        let written = writer.writeRecordHead(
            ownerOffset: owner,
            type: .CNAME,
            ttl: timeToLive(set, view),
            dataLength: prefixLength &+ (points ? 2 : targetLength),
            into: &output
        )
        guard written, place &+ prefixLength <= 0x3fff else {
            writer.isTruncated = true
            return nil
        }
        output.write(name.span.extracting(0..<prefixLength &+ (points ? 0 : targetLength)))
        if points { output.write(uint16: 0xc000 | UInt16(truncatingIfNeeded: data)) }
        writer.add(1, to: .answer)
        // What is asked for is there (RFC 6672 §3.2 step 3 c).
        guard query.type != .CNAME, let scanned = WireName.scan(name.span, at: 0), isNew(scanned)
        else { return nil }
        isInPieces = true
        let found = views.find(name.span, at: 0, scanned, type: query.type)
        let isSame = found.match.zone == match.zone && found.isChanged == view.isChanged
        guard goOn(found, views, isSame, at: place, scanned.length, output) else { return nil }
        return found
    }

    private func timeToLive(_ set: ZoneSet, _ view: ZoneView) -> UInt32 {
        var ttl: UInt32 = 0
        for place in 6..<10 { ttl = ttl << 8 | UInt32(view.bytes[Int(set.offset) &+ place]) }
        return ttl
    }

    // Where the data of the DNAME stand in the message: once, however often it is met.
    @_lifetime(output: copy output)
    private mutating func placeRedirection(
        _ set: ZoneSet,
        of node: ZoneNode,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) -> Int? {
        if steps > 1, let known = redirection(of: node, view, output.span) { return known }
        guard let top = offset(ofLast: Int(node.nameLength), in: output) else { return nil }
        let base = output.count &- writer.start
        let done = writer.place(
            set.compiled,
            of: view.bytes,
            owner: top,
            apex: apex,
            section: .answer,
            into: &output
        )
        guard done else {
            writer.isTruncated = true
            return nil
        }
        // The CNAME is not signed: whoever validates makes it anew (RFC 6672 §5.3.1).
        if signs { sign(from: base &+ writer.start, view, in: .answer, into: &output) }
        return base &+ 12
    }

    /// True for a DNAME that is in the answer already, since it has led to its own owner: a record is
    /// there once (RFC 2181 §5).
    @inline(__always)
    func hasLedHere(
        _ type: RecordType,
        _ node: ZoneNode,
        _ view: ZoneView,
        _ output: Span<UInt8>
    ) -> Bool {
        steps > 0 && type == .DNAME && redirection(of: node, view, output) != nil
    }

    // Where the data of a node's DNAME stand in the answer; nil while they do not.
    @inline(never)
    private func redirection(of node: ZoneNode, _ view: ZoneView, _ output: Span<UInt8>) -> Int? {
        var position = writer.start &+ query.questionEnd
        while position &+ 12 <= output.count {
            let length = Int(output[position &+ 10]) << 8 | Int(output[position &+ 11])
            if isRedirection(at: position, of: node, output, view) {
                return position &- writer.start &+ 12
            }
            position &+= 12 &+ length
        }
        return nil
    }

    private func isRedirection(
        at position: Int,
        of node: ZoneNode,
        _ output: Span<UInt8>,
        _ view: ZoneView
    ) -> Bool {
        guard output[position &+ 2] == 0, output[position &+ 3] == RecordType.DNAME.rawValue else {
            return false
        }
        var matched = 0
        var place = position
        var left = 128
        while left > 0, place &+ 1 < output.count {
            left &-= 1
            let octet = Int(output[place])
            if octet >= 0xc0 {
                place = writer.start &+ (octet & 0x3f) << 8 &+ Int(output[place &+ 1])
                continue
            }
            let length = octet &+ 1
            guard matched &+ length <= Int(node.nameLength),
                WireName.matches(
                    output,
                    at: place,
                    view.bytes,
                    at: Int(node.nameOffset) &+ matched,
                    length: length
                )
            else { return false }
            matched &+= length
            place &+= length
            if octet == 0 { return matched == Int(node.nameLength) }
        }
        return false
    }

    // The first octets of the name in hand, which end where a label does.
    private func copyName(
        _ count: Int,
        from output: borrowing OutputSpan<UInt8>,
        to name: inout InlineArray<256, UInt8>
    ) -> Bool {
        var place = writer.start &+ owner
        var done = 0
        while done < count {
            guard place &+ 1 < output.count else { return false }
            let octet = Int(output[place])
            guard octet < 0xc0 else {
                let target = writer.start &+ (octet & 0x3f) << 8 &+ Int(output[place &+ 1])
                guard target < place else { return false }
                place = target
                continue
            }
            guard done &+ octet &+ 1 <= count, place &+ octet < output.count else { return false }
            for index in 0...octet { name[done &+ index] = output[place &+ index] }
            done &+= octet &+ 1
            place &+= octet &+ 1
        }
        return true
    }
}
