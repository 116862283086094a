// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Steering

/// Names whose CNAME a policy chooses.
extension AnswerRun {
    /// What the policy of a set is asked for.
    @inline(__always)
    static func families(_ type: RecordType) -> SteerFamilies {
        type == .A ? .ipv4 : type == .AAAA ? .ipv6 : .names
    }

    /// Writes the CNAME that is chosen now and finds its target; nil ends the chain, with
    /// ``steeredCode``.
    @inline(never) @_lifetime(output: copy output)
    mutating func followSteered(
        _ set: ZoneSet,
        at match: ZoneMatch,
        _ view: ZoneView,
        _ views: borrowing ZoneViews,
        _ steer: borrowing SteerTable,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> (match: ZoneMatch, isChanged: Bool)? {
        steeredCode = .noError
        guard noteStep() else { return nil }
        let base = output.count
        steeredCode = answerSteered(set, match, view, steer, &context, into: &output)
        guard context.answers.outcome == .addresses, !writer.isTruncated else { return nil }
        let target = steer.target(of: context.answers.address(0))
        guard let scanned = WireName.scan(target, at: 0), isNew(scanned) else { return nil }
        let found = views.find(target, at: 0, scanned, type: query.type)
        let isSame = found.match.zone == match.zone && found.isChanged == view.isChanged
        // Behind the head of the record, which the owner is a pointer in.
        let place = base &- writer.start &+ 12
        guard goOn(found, views, isSame, at: place, scanned.length, output) else { return nil }
        return found
    }

    /// The CNAME or, with TC, none.
    @_lifetime(output: copy output)
    mutating func write(_ target: Span<UInt8>, ttl: UInt32, into output: inout OutputSpan<UInt8>) {
        guard !target.isEmpty else { return }
        let done = writer.writeRecordHead(
            ownerOffset: owner,
            type: .CNAME,
            ttl: ttl,
            dataLength: target.count,
            into: &output
        )
        guard done else {
            writer.isTruncated = true
            return
        }
        output.write(target)
        writer.add(1, to: .answer)
    }
}
