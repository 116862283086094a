// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
public import Essentials

/// Tells other servers that zones have changed, until they have heard it (RFC 1996 §3.5, §3.6).
///
/// Pure: what is to be sent is returned. A zone that changes again while a server is being told
/// begins anew with the newer version.
public struct NotifyMachine: Sendable {
    /// One notice on its way.
    public struct Pending: Sendable, Equatable {
        /// The zone that has changed.
        public var zone: DomainName
        /// Its version.
        public var serial: SerialNumber
        /// Who is told.
        public var target: SocketAddress
        /// The key that signs; nil for none.
        public var key: DomainName?
        /// The id of the message.
        public var id: UInt16
        /// How often it is sent, and with which waits.
        public var pace: NoticePace
        /// How often it was sent.
        public var attempts = 0
        /// When it is sent next.
        public var due: Instant
    }

    /// What became of a notice that is over.
    public enum Ending: Sendable, Equatable {
        /// The server has answered so.
        case answered(ResponseCode)
        /// It never has.
        case silent
    }

    /// All that is on its way, by the numbers that events name.
    public private(set) var pending: [Int: Pending] = [:]
    // The number of each notice by whom it tells of what.
    private var numbers: [Place: Int] = [:]
    private var nextNumber = 0
    /// When something is to be done, or somewhat sooner.
    public private(set) var deadline = Instant.never
    /// Notices that wait at most; more are given up.
    public static let limit = 32_768

    private struct Place: Hashable {
        var target: SocketAddress
        var zone: DomainName
    }

    /// Nothing to tell.
    public init() {}

    /// A zone has changed; false when too many wait.
    ///
    /// `id` is random.
    public mutating func tell(
        _ target: SocketAddress,
        _ zone: DomainName,
        _ serial: SerialNumber,
        key: DomainName?,
        pace: NoticePace = NoticePace(),
        id: UInt16,
        now: Instant
    ) -> Bool {
        let place = Place(target: target, zone: zone)
        if let former = numbers.removeValue(forKey: place) { pending[former] = nil }
        guard pending.count < NotifyMachine.limit else { return false }
        nextNumber &+= 1
        deadline = min(deadline, now)
        numbers[place] = nextNumber
        pending[nextNumber] = Pending(
            zone: zone,
            serial: serial,
            target: target,
            key: key,
            id: id,
            pace: pace,
            due: now
        )
        return true
    }

    /// What is to be sent now, and what is given up.
    public mutating func expire(
        now: Instant
    ) -> (send: [Int], over: [(number: Int, notice: Pending)]) {
        var send: [Int] = []
        var over: [(number: Int, notice: Pending)] = []
        for (number, notice) in pending where notice.due <= now {
            guard notice.attempts < notice.pace.attempts else {
                over.append((number, notice))
                remove(number)
                continue
            }
            var next = notice
            next.attempts += 1
            next.due = now + notice.pace.wait(after: notice.attempts)
            pending[number] = next
            send.append(number)
        }
        deadline = pending.values.map(\.due).min() ?? .never
        return (send.sorted(), over)
    }

    /// An answer about a zone has come; the notice that is over with it.
    public mutating func answer(
        from target: SocketAddress,
        _ zone: DomainName,
        id: UInt16
    ) -> Pending? {
        guard let number = numbers[Place(target: target, zone: zone)],
            let notice = pending[number], notice.id == id
        else { return nil }
        remove(number)
        if pending.isEmpty { deadline = .never }
        return notice
    }

    /// A server has said that nobody listens at its port: the notices that are over with it (§3.6).
    public mutating func close(_ target: SocketAddress) -> [Pending] {
        let closed = pending.filter { $0.value.target == target && $0.value.attempts > 0 }
        for number in closed.keys { remove(number) }
        if pending.isEmpty { deadline = .never }
        return closed.sorted { $0.key < $1.key }.map(\.value)
    }

    private mutating func remove(_ number: Int) {
        guard let notice = pending.removeValue(forKey: number) else { return }
        numbers[Place(target: notice.target, zone: notice.zone)] = nil
    }

    /// The message of a notice (RFC 1996 §3.7), not signed.
    public static func message(_ notice: Pending, soa: DNSMessage.Record?) -> [UInt8] {
        // NOTIFY, AA.
        var bytes: [UInt8] = [UInt8(notice.id >> 8), UInt8(notice.id & 255), 0x24, 0, 0, 1]
        bytes += [0, soa == nil ? 0 : 1, 0, 0, 0, 0]
        bytes += notice.zone.wire + [0, 6, 0, 1]
        if let soa { soa.append(to: &bytes) }
        return bytes
    }
}
