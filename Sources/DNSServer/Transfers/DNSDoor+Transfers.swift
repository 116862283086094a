// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Runtime

/// Zones that peers take over TCP and TLS.
///
/// One message at a time is made when the one before has left: in a turn a few, so that all others
/// get theirs. What else comes on the connection is answered in between (RFC 7766 §6.2.1.1), further
/// transfers included, whose messages take turns.
extension DNSDoor {
    /// Messages of the transfers of a connection that are made in a turn.
    static var transferBurst: Int { 4 }
    /// Transfers at a time by one connection: the request for one more waits, and what is behind it.
    static var transfersPerConnection: Int { 4 }
    /// Late answers that wait for one connection.
    static var lateLimit: Int { 16 }

    /// True for a request that is not answered by one message (RFC 5936 §2.1, RFC 1995 §3).
    static func isTransfer(_ query: DNSQuery) -> Bool {
        query.type.rawValue &- 251 <= 1 && query.verdict == .accept
            && query.recordClass == RecordClass.internet
    }

    /// True when no more transfers may begin on a connection before one ends.
    func hasMostTransfers(_ place: Int) -> Bool {
        guard connections[place].isTransferring, let running = transfers[place] else {
            return false
        }
        return running.count >= DNSDoor.transfersPerConnection
    }

    // RFC 9103 §7.1, §7.2, §8.4: by TLS 1.3 and `dot`, and to those that are known twice or by their
    // certificate.
    private func way(_ place: Int) -> TransferRules.Way {
        guard connections[place].isSecure else { return .plain }
        let facts = tls.facts(connections[place].tls)
        guard facts.version >= TLSVersion.tls13.rawValue, facts.chosen == .dot else {
            return .unfit
        }
        let settings = security(connections[place].listener)?.context.settings
        let hasCertificate =
            settings?.clientAuthorities != nil && settings?.isClientRequired == true
        return hasCertificate ? .plain : .secure
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
        switch desk.open(context, by: way(place), running: shared.transfers.load(0)) {
        case .begun(let transfer):
            shared.transfers.add(0, 1)
            transfers[place, default: []].append(transfer)
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

    /// Sends the next messages of transfers, as far as the peer takes them; false: closed.
    mutating func pumpTransfer(_ place: Int) -> Bool {
        for _ in 0..<DNSDoor.transferBurst {
            guard !isBlocked(place), let transfer = transfers[place]?.first else { break }
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
            transfers[place]?.removeFirst()
            if transfer.isDone {
                report(transfer, .done)
            } else {
                // The others of the connection have their turn first.
                transfers[place]?.append(transfer)
            }
        }
        if transfers[place]?.isEmpty == true { endTransfers(place) }
        return true
    }

    /// Goes on with what a connection waits for: its transfers, and the queries in hand; false:
    /// closed.
    mutating func carryOn(_ place: Int) -> Bool {
        guard late.isEmpty || sendLate(place) else { return false }
        if connections[place].isTransferring, !pumpTransfer(place) { return false }
        return answerFrames(place)
    }

    /// Keeps a late answer until the peer has taken what waits of a zone; false when it has too many.
    mutating func keepLate(_ message: [UInt8], for place: Int) -> Bool {
        let count = late[place]?.count ?? 0
        guard connections[place].isTransferring, count < DNSDoor.lateLimit else { return false }
        late[place, default: []].append(message)
        return true
    }

    private mutating func sendLate(_ place: Int) -> Bool {
        while !isBlocked(place), let message = late[place]?.first {
            late[place]?.removeFirst()
            if late[place]?.isEmpty == true { late.removeValue(forKey: place) }
            guard sendFrame(message, to: place) else { return false }
        }
        return true
    }

    /// Forgets the transfers of a connection; those that are not done are broken off.
    mutating func endTransfers(_ place: Int) {
        connections[place].isTransferring = false
        for transfer in transfers.removeValue(forKey: place) ?? [] { report(transfer, .broken) }
    }

    // Tells how a transfer went.
    private mutating func report(_ transfer: OutgoingTransfer, _ ending: TransferReport.Ending) {
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
