// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Sends notices of changed zones and hears the answers (RFC 1996), by one socket for each server.
struct NotifyDriver {
    static let eventKind: UInt8 = 86

    private struct Door {
        var target: SocketAddress
        var socket: FileDescriptor
    }

    private var machine = NotifyMachine()
    private var doors: [Int: Door] = [:]
    private var numbers: [SocketAddress: Int] = [:]
    private var nextDoor = 0
    private var random = SeededRandom(seed: ProcessControl.randomSeed())

    /// When ``expire(now:_:loop:)`` has something to do.
    var deadline: Instant { machine.deadline }

    /// Has a server told; false when too many are being told.
    mutating func tell(
        _ target: SocketAddress,
        _ zone: DomainName,
        _ serial: SerialNumber,
        key: DomainName?,
        pace: NoticePace,
        now: Instant
    ) -> Bool {
        let id = UInt16(truncatingIfNeeded: random.next())
        return machine.tell(target, zone, serial, key: key, pace: pace, id: id, now: now)
    }

    /// Sends what is due; the notices that nobody has heard.
    mutating func expire(
        now: Instant,
        _ keys: TransactionKeys,
        loop: inout EventLoop
    ) -> [NotifyMachine.Pending] {
        let (send, over) = machine.expire(now: now)
        for number in send {
            guard let notice = machine.pending[number] else { continue }
            self.send(notice, keys, &loop)
        }
        closeIdle(&loop)
        return over.map(\.notice)
    }

    private mutating func send(
        _ notice: NotifyMachine.Pending,
        _ keys: TransactionKeys,
        _ loop: inout EventLoop
    ) {
        guard let socket = socket(to: notice.target, &loop) else { return }
        var message = NotifyMachine.message(notice, soa: nil)
        if let key = notice.key.flatMap({ keys.key($0) }) {
            var client = TransactionClient(key)
            message = client.sign(message, seconds: UInt64(Clock.realtime() / 1_000_000_000))
        }
        // What an earlier notice met there is told now, and this one is not sent by that.
        if case .failed(.connectionRefused) = Socket.send(socket, message.span) {
            _ = Socket.send(socket, message.span)
        }
    }

    private mutating func socket(
        to target: SocketAddress,
        _ loop: inout EventLoop
    ) -> FileDescriptor? {
        if let known = numbers[target] { return doors[known]?.socket }
        let any = target.ip.isIPv4 ? IPAddress(v4: 0) : IPAddress(v6: 0)
        guard let socket = try? Socket.bindDatagram(SocketAddress(any, port: 0), reusePort: false)
        else { return nil }
        guard Socket.attach(socket, to: target) == nil else {
            socket.close()
            return nil
        }
        nextDoor = (nextDoor &+ 1) & 0xff_ffff
        doors[nextDoor] = Door(target: target, socket: socket)
        numbers[target] = nextDoor
        let token = EventToken(kind: NotifyDriver.eventKind, index: nextDoor)
        loop.add(socket, token: token.raw, interest: .read)
        return socket
    }

    // Sockets of servers that nothing is heard of any more.
    private mutating func closeIdle(_ loop: inout EventLoop) {
        let wanted = Set(machine.pending.values.map(\.target))
        for (number, door) in doors where !wanted.contains(door.target) {
            loop.remove(door.socket)
            door.socket.close()
            doors[number] = nil
            numbers[door.target] = nil
        }
    }

    /// Takes answers; the notices that are over, and what the server says: nil where nobody listens.
    mutating func handle(
        _ event: Event,
        loop: inout EventLoop
    ) -> [(notice: NotifyMachine.Pending, code: ResponseCode?)] {
        guard let door = doors[EventToken(raw: event.token).index] else { return [] }
        var found: [(notice: NotifyMachine.Pending, code: ResponseCode?)] = []
        for _ in 0..<NotifyDriver.batch {
            var result = IOResult.wouldBlock
            let bytes = [UInt8](capacity: 4096) { (output: inout OutputSpan<UInt8>) in
                result = Socket.receive(door.socket, into: &output)
            }
            if result == .failed(.connectionRefused) {
                found += machine.close(door.target).map { ($0, nil) }
            }
            guard case .count = result else { break }
            guard bytes.count >= 12, bytes[2] & 0xf8 == 0xa0,
                let zone = NotifyDriver.zone(of: bytes)
            else { continue }
            let id = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
            guard let notice = machine.answer(from: door.target, zone, id: id) else { continue }
            found.append((notice, ResponseCode(UInt16(bytes[3] & 15))))
        }
        if machine.pending.isEmpty { closeIdle(&loop) }
        return found
    }

    /// As many answers as are taken at a time.
    private static let batch = 64

    // The name that an answer is about; all of it need not be understood.
    private static func zone(of bytes: [UInt8]) -> DomainName? {
        guard let length = WireName.length(in: bytes.span, at: 12) else { return nil }
        return DomainName(wire: Array(bytes[12..<12 + length]))?.lowercased
    }
}
