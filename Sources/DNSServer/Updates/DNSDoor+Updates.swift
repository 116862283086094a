// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials
public import Runtime

/// Dynamic updates on their way in and out (RFC 2136): the door decides nothing about them.
extension DNSDoor {
    /// True for a message that was not understood here, and is an update of a zone.
    @inline(__always)
    static func isUpdate(_ outcome: AnswerOutcome, _ query: DNSQuery) -> Bool {
        outcome.code == .notImplemented && query.opcode == UpdateMessage.opcode
    }

    /// Hands in updates that came as datagrams.
    @inline(never)
    mutating func handIn(_ places: BatchPlaces, _ number: Int) {
        guard let desk = shared.updates else { return }
        for index in 0..<DNSDoor.batchSize where places.contains(index) {
            guard let source = batch.source(index), let way = batch.wayBack(index) else { continue }
            let client = source.ip.unmapped
            let message = DNSDoor.copy(batch.bytes(index))
            let isSigned = isSigned(message)
            let isCharged = !isSigned && !isKnown(client)
            let verdict = isCharged ? charge(client, desk) : .send
            guard verdict == .send else {
                // As small as what would be sent in its place (RRL's slip).
                if verdict == .putOff {
                    way.send(listeners[number].datagrams, UpdateAnswer.bare(message, .refused))
                }
                continue
            }
            let request = UpdateDesk.Request(
                message: message,
                client: client,
                worker: worker,
                way: .datagram(listener: number, way),
                isCharged: isCharged
            )
            guard !desk.take(request, isSigned: isSigned) else { continue }
            guard isCharged || charge(client, desk) != .drop else { continue }
            way.send(listeners[number].datagrams, UpdateAnswer.bare(message, .serverFailure))
        }
    }

    /// Hands in updates that came by a connection; answers for those that nobody takes.
    @inline(never)
    func handIn(_ messages: [[UInt8]], from place: Int) -> [[UInt8]] {
        guard let desk = shared.updates else { return [] }
        let handle = connections.handle(at: place)
        return messages.compactMap { message in
            let request = UpdateDesk.Request(
                message: message,
                client: connections[place].peer,
                worker: worker,
                way: .stream(handle)
            )
            let isTaken = desk.take(request, isSigned: isSigned(message))
            return isTaken ? nil : UpdateAnswer.bare(message, .serverFailure)
        }
    }

    private func isSigned(_ message: [UInt8]) -> Bool {
        let seconds = UInt64(clamping: Clock.realtime() / 1_000_000_000)
        guard case .accepted = snapshot.peers.keys.check(message.span, seconds: seconds) else {
            return false
        }
        return true
    }

    /// Sends answers that have come; those of connections that are gone are dropped.
    public mutating func deliver(_ replies: [UpdateDesk.Reply], loop: inout EventLoop) {
        for reply in replies {
            switch reply.way {
            case .datagram(let number, let way):
                guard listeners.indices.contains(number) else { continue }
                if let client = reply.refused, let desk = shared.updates,
                    charge(client, desk) == .drop
                {
                    continue
                }
                way.send(listeners[number].datagrams, reply.bytes)
            case .stream(let handle):
                let place = Int(handle.index)
                guard connections.handle(at: place) == handle else { continue }
                deliver(reply.bytes, to: place, &loop)
            }
        }
    }

    static func copy(_ bytes: Span<UInt8>) -> [UInt8] {
        [UInt8](capacity: bytes.count) { output in output.write(bytes) }
    }
}

/// Answers to updates: a header, the zone section as it came (RFC 2136 §3.8), perhaps an OPT.
public enum UpdateAnswer {
    /// An answer without a signature.
    public static func bare(_ message: [UInt8], _ code: ResponseCode) -> [UInt8] {
        guard message.count >= DNSQuery.headerLength else { return [] }
        let zone = zoneSection(message)
        var answer = Array(message.prefix(2))
        answer += [0x80 | message[2] & 0x78, UInt8(truncatingIfNeeded: code.rawValue & 15)]
        answer += [0, zone.isEmpty ? 0 : 1, 0, 0, 0, 0, 0, 0]
        answer += zone
        // RFC 6891 §6.1.1: who asks with an OPT gets one.
        guard case .version = UpdateMessage.option(message) else { return answer }
        answer[11] = 1
        let size = AnswerContext.defaultEDNSSize
        answer += [0, 0, UInt8(RecordType.OPT.rawValue), UInt8(size >> 8), UInt8(size & 255)]
        return answer + [UInt8(truncatingIfNeeded: code.rawValue >> 4), 0, 0, 0, 0, 0]
    }

    // One question; a message that has none, or several, gets none back.
    private static func zoneSection(_ message: [UInt8]) -> ArraySlice<UInt8> {
        let start = DNSQuery.headerLength
        guard message[4] == 0, message[5] == 1,
            let length = WireName.length(in: message.span, at: start),
            start + length + 4 <= message.count
        else { return [] }
        return message[start..<start + length + 4]
    }
}

/// Places in a batch of datagrams, without memory of their own.
struct BatchPlaces: BitwiseCopyable {
    // One bit for each of at most 64.
    private var bits: UInt64 = 0

    var isEmpty: Bool { bits == 0 }

    mutating func insert(_ place: Int) { bits |= 1 << UInt64(truncatingIfNeeded: place & 63) }

    func contains(_ place: Int) -> Bool {
        bits & 1 << UInt64(truncatingIfNeeded: place & 63) != 0
    }
}
