// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Sends notices of changed zones and hears the answers (RFC 1996), one socket each.
struct NotifyDriver {
    static let eventKind: UInt8 = 86

    private var machine = NotifyMachine()
    private var sockets: [Int: FileDescriptor] = [:]
    private var random = SeededRandom(seed: ProcessControl.randomSeed())

    /// When ``expire(now:_:_:loop:)`` has something to do.
    var deadline: Instant { machine.deadline }

    /// Has a server told; false when too many are being told.
    mutating func tell(
        _ target: SocketAddress,
        _ zone: DomainName,
        _ serial: SerialNumber,
        key: DomainName?,
        now: Instant
    ) -> Bool {
        let id = UInt16(truncatingIfNeeded: random.next())
        return machine.tell(target, zone, serial, key: key, id: id, now: now)
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
            self.send(notice, number, keys, &loop)
        }
        for (number, _) in over { close(number, &loop) }
        // A zone that has changed again has made others needless.
        for number in sockets.keys where machine.pending[number] == nil { close(number, &loop) }
        return over.map(\.notice)
    }

    private mutating func send(
        _ notice: NotifyMachine.Pending,
        _ number: Int,
        _ keys: TransactionKeys,
        _ loop: inout EventLoop
    ) {
        if sockets[number] == nil {
            let any = notice.target.ip.isIPv4 ? IPAddress(v4: 0) : IPAddress(v6: 0)
            guard
                let socket = try? Socket.bindDatagram(SocketAddress(any, port: 0), reusePort: false)
            else { return }
            guard Socket.attach(socket, to: notice.target) == nil else { return socket.close() }
            sockets[number] = socket
            let token = EventToken(kind: NotifyDriver.eventKind, index: number)
            loop.add(socket, token: token.raw, interest: .read)
        }
        guard let socket = sockets[number] else { return }
        var message = NotifyMachine.message(notice, soa: nil)
        if let key = notice.key.flatMap({ keys.key($0) }) {
            var client = TransactionClient(key)
            message = client.sign(message, seconds: UInt64(Clock.realtime() / 1_000_000_000))
        }
        _ = Socket.send(socket, message.span)
    }

    private mutating func close(_ number: Int, _ loop: inout EventLoop) {
        guard let socket = sockets.removeValue(forKey: number) else { return }
        loop.remove(socket)
        socket.close()
    }

    /// Takes an answer; the notice that is over, and what the server says.
    mutating func handle(
        _ event: Event,
        loop: inout EventLoop
    ) -> (notice: NotifyMachine.Pending, code: ResponseCode)? {
        let number = EventToken(raw: event.token).index
        guard let socket = sockets[number] else { return nil }
        var result = IOResult.wouldBlock
        let bytes = [UInt8](capacity: 4096) { (output: inout OutputSpan<UInt8>) in
            result = Socket.receive(socket, into: &output)
        }
        // A port where nobody listens says so: the next attempt may find somebody.
        guard case .count = result, bytes.count >= 12, bytes[2] & 0xf8 == 0xa0 else { return nil }
        let id = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
        guard let notice = machine.answer(number, id: id) else { return nil }
        close(number, &loop)
        return (notice, ResponseCode(UInt16(bytes[3] & 15)))
    }
}
