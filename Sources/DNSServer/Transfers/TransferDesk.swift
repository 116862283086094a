// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Decides what becomes of a request for a zone: pure, but for the MAC.
struct TransferDesk {
    let snapshot: DNSSnapshot
    let query: DNSQuery
    let request: [UInt8]
    private var transaction: Transaction?
    private var refusal: TransactionRefusal?

    /// What is done.
    enum Decision {
        /// The zone is sent.
        case begun(OutgoingTransfer)
        /// One message says why not; the report is for the log.
        case refused(AnswerOutcome, TransferReport?)
    }

    init(snapshot: DNSSnapshot, query: DNSQuery, request: [UInt8]) {
        self.snapshot = snapshot
        self.query = query.forTransfer
        self.request = request
    }

    /// `running` transfers are under way.
    mutating func open(
        _ context: AnswerContext,
        by way: TransferRules.Way = .plain,
        running: UInt64
    ) -> Decision {
        var outcome = AnswerOutcome()
        switch snapshot.peers.keys.check(request.span, seconds: UInt64(context.timestamp)) {
        case .unsigned: break
        case .accepted(let found, _):
            transaction = found
            outcome.signature = .good
        case .malformed:
            outcome.code = .formatError
            outcome.isMalformed = true
            return .refused(outcome, nil)
        case .refused(let found):
            refusal = found
            outcome.code = .notAuthorized
            outcome.signature = SignatureState(found.error)
            return .refused(outcome, nil)
        }
        guard let name = DomainName(wire: Array(request[12..<12 + query.name.length])) else {
            outcome.code = .formatError
            return .refused(outcome, nil)
        }
        guard let place = place(of: name) else {
            // RFC 5936 §2.2.1: not authoritative for the zone.
            outcome.code = .notAuthorized
            return .refused(outcome, nil)
        }
        var report = TransferReport(
            zone: name.lowercased,
            client: context.client,
            key: transaction?.key.name,
            ending: .refused
        )
        let rules = snapshot.peers.rules
        guard rules.mayTake(name, context.client, key: transaction?.key.name, by: way) else {
            outcome.code = .refused
            outcome.reason = .prohibited
            return .refused(outcome, report)
        }
        guard running < UInt64(clamping: rules.limit) else {
            outcome.code = .serverFailure
            report.ending = .busy
            return .refused(outcome, report)
        }
        let transfer = OutgoingTransfer(
            snapshot,
            place,
            query.withoutSignature,
            request,
            content(name, place),
            context
        )
        transfer.transaction = transaction
        return .begun(transfer)
    }

    private func place(of name: DomainName) -> (isChanged: Bool, zone: Int)? {
        for (isChanged, table) in [(true, snapshot.changed), (false, snapshot.zones)] {
            if let zone = table.usableZone(name) { return (isChanged, zone) }
        }
        return nil
    }

    // RFC 1995 §2, §4: by what the requester has.
    private func content(
        _ name: DomainName,
        _ place: (isChanged: Bool, zone: Int)
    ) -> OutgoingTransfer.Content {
        let table = place.isChanged ? snapshot.changed : snapshot.zones
        guard query.type == .IXFR, let theirs = known,
            let serial = table.serial(ofZone: place.zone).map({ SerialNumber($0) })
        else { return .whole }
        guard serial.isNewer(than: theirs) else { return .serial }
        let history = snapshot.peers.rules.histories[name]
        guard let chain = history?.since(theirs, to: serial) else { return .whole }
        return shortest(chain, table, place.zone)
    }

    // RFC 1995 §4: in one step when that is shorter, and all of the zone when that is shortest.
    private func shortest(
        _ chain: [ZoneDifference],
        _ table: ZoneTable,
        _ zone: Int
    ) -> OutgoingTransfer.Content {
        var shown = chain
        if chain.count > 1,
            chain.reduce(0, { $0 + $1.wire.count }) <= ZoneDifference.condenseLimit,
            let one = ZoneDifference.condensed(chain)
        {
            shown = [one]
        }
        let view = table.view
        let apexLength = Int(view.zones[zone].apexLength)
        let octets = shown.reduce(0) { $0 + $1.octets(inMessagesOf: apexLength) }
        return view.isSmaller(zone, than: octets) ? .whole : .differences(shown)
    }

    // The serial of the SOA in the authority section.
    private var known: SerialNumber? {
        guard case .found(let record) = TSIGRecord.read(request.span) else {
            return DNSMessage(request)?.authorities.first?.serial
        }
        var bare = Array(request.prefix(record.start))
        let count = UInt16(bare[10]) << 8 | UInt16(bare[11])
        bare[10] = UInt8((count &- 1) >> 8)
        bare[11] = UInt8(truncatingIfNeeded: count &- 1)
        return DNSMessage(bare)?.authorities.first?.serial
    }

    /// Appends the message that says why there is no transfer.
    @_lifetime(output: copy output)
    mutating func writeRefusal(
        _ outcome: AnswerOutcome,
        _ context: AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) {
        let start = output.count
        _ = Authority.refuse(
            query,
            request.span,
            outcome.code,
            context,
            600,
            reason: outcome.reason,
            into: &output
        )
        guard output.count > start else { return }
        let seconds = UInt64(context.timestamp)
        refusal?.write(into: &output, from: start, seconds: seconds)
        transaction?.sign(&output, from: start, seconds: seconds)
    }
}
