// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Questions for whatever there is.
extension AnswerRun {
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
