// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Runtime

/// Zones that peers take over TCP and TLS.
///
/// While a transfer lasts nothing else of its connection is read, and one message at a time is made
/// when the one before has left: in a turn a few, so that all others get theirs.
extension DNSDoor {
    /// Messages of one transfer that are made in a turn.
    static var transferBurst: Int { 4 }

    /// True for a request that is not answered by one message (RFC 5936 §2.1, RFC 1995 §3).
    static func isTransfer(_ query: DNSQuery) -> Bool {
        query.type.rawValue &- 251 <= 1 && query.verdict == .accept
            && query.recordClass == RecordClass.internet
    }

    /// Begins the transfer that the first frame in hand asks for, or says why not; false: closed.
    mutating func beginTransfer(_ place: Int, _ length: Int) -> Bool {
        let frame = buffers.bytes(connections[place].input, from: 2, count: length &- 2)
        var request: [UInt8] = []
        for index in frame.indices { request.append(frame[index]) }
        consume(length, of: place)
        connections[place].isFresh = false
        let query = DNSQuery.read(request.span)
        var context = AnswerContext(
            now: now,
            random: random,
            ednsSize: settings(connections[place].listener).ednsSize,
            transport: connections[place].transport,
            client: connections[place].peer,
            hearsSubnet: false,
            conduct: snapshot.conduct
        )
        context.timestamp = DNSDoor.timestamp()
        var desk = TransferDesk(snapshot: snapshot, query: query, request: request)
        switch desk.open(context, running: shared.transfers.load(0)) {
        case .begun(let transfer):
            shared.transfers.add(0, 1)
            transfers[place] = transfer
            connections[place].isTransferring = true
            count(transfer.query.type == .AXFR ? .transfersWhole : .transfersIncremental)
            return pumpTransfer(place)
        case .refused(let outcome, let report):
            var tally = DNSTally()
            tally.add(outcome, DNSCounter.of(context.transport))
            tally.add(.transfersRefused)
            note(tally)
            if let report { shared.notices?.post(.transfer(report)) }
            scratch.write { output in
                output.write(uint16: 0)
                desk.writeRefusal(outcome, context, into: &output)
                let size = output.count &- 2
                output[0] = UInt8(truncatingIfNeeded: size >> 8)
                output[1] = UInt8(truncatingIfNeeded: size)
            }
            return scratch.count > 2 ? sendScratch(place) : true
        }
    }

    /// Sends the next messages of a transfer, as far as the peer takes them; false: closed.
    mutating func pumpTransfer(_ place: Int) -> Bool {
        guard let transfer = transfers[place] else { return true }
        for _ in 0..<DNSDoor.transferBurst {
            guard !isBlocked(place), !transfer.isDone else { break }
            let (now, seconds) = (now, UInt64(DNSDoor.timestamp()))
            var isWritten = false
            scratch.write { output in
                output.write(uint16: 0)
                isWritten = transfer.writeMessage(into: &output, now: now, seconds: seconds)
                let size = output.count &- 2
                output[0] = UInt8(truncatingIfNeeded: size >> 8)
                output[1] = UInt8(truncatingIfNeeded: size)
            }
            guard isWritten else {
                close(place)
                return false
            }
            setDeadline(place)
            guard sendScratch(place) else { return false }
        }
        if transfer.isDone { endTransfer(place, .done) }
        return true
    }

    /// Goes on with what a connection waits for: its transfer, then further queries; false: closed.
    mutating func carryOn(_ place: Int) -> Bool {
        if connections[place].isTransferring, !pumpTransfer(place) { return false }
        return connections[place].isTransferring ? true : answerFrames(place)
    }

    /// Forgets a transfer, and tells how it went.
    mutating func endTransfer(_ place: Int, _ ending: TransferReport.Ending) {
        connections[place].isTransferring = false
        guard let transfer = transfers.removeValue(forKey: place) else { return }
        shared.transfers.add(0, ~0)
        if ending != .done { count(.transfersBroken) }
        var report = TransferReport(
            zone: transfer.table.zoneName(transfer.zone) ?? .root,
            client: transfer.client,
            key: transfer.transaction?.key.name,
            ending: ending
        )
        report.serial = transfer.table.serial(ofZone: transfer.zone).map { SerialNumber($0) }
        report.isIncremental = transfer.isIncremental
        report.messages = transfer.messages
        report.records = transfer.records
        report.octets = transfer.octets
        report.duration = now - transfer.startedAt
        // That a peer has the present version is of no interest.
        if !transfer.isSerialAlone || ending != .done { shared.notices?.post(.transfer(report)) }
    }
}
