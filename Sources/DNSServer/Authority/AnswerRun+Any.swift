// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Questions for whatever there is (RFC 1034 §3.7.1).
extension AnswerRun {
    @inline(never) @_lifetime(output: copy output)
    mutating func answerMany(
        _ node: ZoneNode,
        _ match: ZoneMatch,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) -> ResponseCode {
        if query.type != .ANY {
            if !writeMail(node, view, into: &output) { deny(match, view, into: &output) }
        } else if signs, signing == absent {
            answerAnyPresigned(node, view, into: &output)
        } else {
            writeMinimalAny(node, view, into: &output)
        }
        return .noError
    }

    // RFC 1035 §3.2.3: MAILB asks for MB, MG and MR, MAILA for MD and MF, and for MX, which is in their
    // place. False where there is none.
    @_lifetime(output: copy output)
    private mutating func writeMail(
        _ node: ZoneNode,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let isMailbox = query.type.rawValue == 253
        var isFound = false
        let first = Int(node.firstSet)
        for index in first..<first &+ Int(node.setCount) {
            let set = view.sets[index]
            let number = set.type.rawValue
            let isWanted =
                isMailbox ? number &- 7 <= 2 : number == 3 || number == 4 || number == 15
            guard isWanted, !set.isSteered else { continue }
            isFound = true
            let base = output.count
            place(set.compiled, rotation: 0, view, in: .answer, into: &output)
            if signs { sign(from: base, view, in: .answer, into: &output) }
        }
        return isFound
    }

    // RFC 8482 §4.2: a made-up HINFO says that there is something, and nothing more; beside a CNAME
    // nothing is made up, and that is the answer.
    @inline(never) @_lifetime(output: copy output)
    mutating func writeMinimalAny(
        _ node: ZoneNode,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        let base = output.count
        if node.flags.contains(.cname), let set = view.set(of: node, type: .CNAME) {
            place(set.compiled, rotation: 0, view, in: .answer, into: &output)
            if signs { sign(from: base, view, in: .answer, into: &output) }
            return
        }
        let done = writer.writeRecordHead(
            ownerOffset: owner,
            type: .HINFO,
            ttl: 3600,
            dataLength: 9,
            into: &output
        )
        guard done else {
            writer.isTruncated = true
            return
        }
        output.write(7)
        output.write("RFC8482")
        output.write(0)
        writer.add(1, to: .answer)
        if signs { sign(from: base, view, in: .answer, into: &output) }
    }
}
