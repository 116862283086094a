// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Signatures of zones that are signed in their files: copied, never made.
extension AnswerRun {
    /// Puts the signatures that the file has of the set from `base` to the end behind it.
    ///
    /// `node` is where the set is from: that of a wildcard for a name made from it.
    @inline(never) @_lifetime(output: copy output)
    mutating func copySignatures(
        from base: Int,
        of node: Int,
        _ view: ZoneView,
        in section: MessageSection,
        into output: inout OutputSpan<UInt8>
    ) {
        let end = output.count
        guard base < end, node < view.nodes.count,
            let signatures = view.set(of: view.nodes[node], type: .RRSIG)
        else { return }
        let from = base &- writer.start
        let found = WrittenSet(output.span.extracting(writer.start..<end), from: from)
        guard let set = found, set.owner <= 0x3fff else { return }
        var position = Int(signatures.offset)
        var count: UInt16 = 0
        for _ in 0..<signatures.count {
            guard position &+ 14 <= view.bytes.count else { return }
            let length = Int(view.bytes[position &+ 10]) << 8 | Int(view.bytes[position &+ 11])
            let start = position &+ 12
            position = start &+ length
            guard position <= view.bytes.count else { return }
            let covered = UInt16(view.bytes[start]) << 8 | UInt16(view.bytes[start &+ 1])
            guard covered == set.type.rawValue else { continue }
            let done = writer.writeRecordHead(
                ownerOffset: set.owner,
                type: .RRSIG,
                ttl: set.ttl,
                dataLength: length,
                into: &output
            )
            guard done else { return withdraw(set, from: base, in: section, &output) }
            output.write(view.bytes.extracting(start..<position))
            count &+= 1
        }
        writer.add(count, to: section)
    }

    /// Takes a set out again whose signatures find no room.
    @_lifetime(output: copy output)
    mutating func withdraw(
        _ set: WrittenSet,
        from base: Int,
        in section: MessageSection,
        _ output: inout OutputSpan<UInt8>
    ) {
        output.removeLast(output.count &- base)
        writer.add(0 &- set.count, to: section)
        // RFC 4035 §3.1.1: what only goes along may be left out.
        if section != .additional { writer.isTruncated = true }
    }

    /// Answers ANY with one set: a made-up one would have no signature (RFC 8482 §4.1).
    @inline(never) @_lifetime(output: copy output)
    mutating func answerAnyPresigned(
        _ node: ZoneNode,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        let first = Int(node.firstSet)
        var found = view.sets[first]
        for index in first..<first &+ Int(node.setCount) {
            let type = view.sets[index].type
            if type != .RRSIG, type != .NSEC, type != .NSEC3 {
                found = view.sets[index]
                if !hasLedHere(type, node, view, output.span) { break }
            }
        }
        guard !hasLedHere(found.type, node, view, output.span) else { return }
        let base = output.count
        place(found.compiled, rotation: 0, view, in: .answer, into: &output)
        sign(from: base, view, in: .answer, into: &output)
    }
}
