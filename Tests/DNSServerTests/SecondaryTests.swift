// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Testing

/// When a zone is looked at, and what is believed of what comes.
@Suite struct SecondaryTests {
    static let timers = RefreshMachine.Timers(refresh: 1000, retry: 100, expire: 5000)

    func at(_ seconds: Int64) -> Instant { .start + .seconds(seconds) }

    // MARK: Looking

    @Test func `a zone is looked at by refresh, and by retry once that fails`() {
        var machine = RefreshMachine(now: at(0))
        let mayBegin = machine.begin(now: at(0))
        #expect(mayBegin)
        let again = machine.begin(now: at(0))
        #expect(!again, "one look at a time")
        machine.succeed(SerialNumber(1), SecondaryTests.timers, now: at(5), draw: 0)
        #expect(machine.nextCheck == at(1005) && machine.expiresAt == at(5005))
        let early = machine.begin(now: at(1004))
        let due = machine.begin(now: at(1005))
        #expect(!early && due)
        machine.fail(now: at(1010), draw: 0)
        #expect(machine.nextCheck == at(1110))
        #expect(machine.expiresAt == at(5005), "a look that fails makes it no younger")
        #expect(!machine.isExpired(now: at(5004)) && machine.isExpired(now: at(5005)))
        let late = machine.begin(now: at(6000))
        #expect(late, "it is looked at even so")
        machine.succeed(SerialNumber(1), SecondaryTests.timers, now: at(6000), draw: 0)
        #expect(!machine.isExpired(now: at(6000)))
    }

    @Test func `a zone expires no sooner than a look and another one can have failed`() {
        for (refresh, expire, end) in [(3600, 3, 4200), (3600, 4199, 4200), (3600, 4201, 4201)]
            as [(UInt32, UInt32, Int64)]
        {
            var machine = RefreshMachine(now: at(0))
            _ = machine.begin(now: at(0))
            let timers = RefreshMachine.Timers(refresh: refresh, retry: 600, expire: expire)
            machine.succeed(SerialNumber(1), timers, now: at(0), draw: 0)
            #expect(machine.expiresAt == at(end))
            #expect(machine.nextCheck < machine.expiresAt)
        }
        var machine = RefreshMachine(now: at(0))
        let longest = RefreshMachine.Timers(refresh: .max, retry: .max, expire: .max)
        machine.succeed(SerialNumber(1), longest, now: at(1_000_000), draw: 0)
        #expect(!machine.isExpired(now: at(4_000_000_000)))
    }

    @Test func `looks are spread over a tenth, and never later than the SOA says`() {
        for draw in [0, 1, 500, 999, 5000, -1] {
            var machine = RefreshMachine(now: at(0))
            _ = machine.begin(now: at(0))
            machine.succeed(SerialNumber(1), SecondaryTests.timers, now: at(0), draw: draw)
            #expect(machine.nextCheck <= at(1000) && machine.nextCheck > at(899))
        }
    }

    @Test
    func `a zone that never came is looked for ever less often, and no less than each 5 minutes`() {
        var machine = RefreshMachine(now: at(0))
        var waits: [Int64] = []
        for _ in 0..<12 {
            let now = machine.nextCheck
            _ = machine.begin(now: now)
            machine.fail(now: now, draw: 0)
            waits.append((machine.nextCheck - now).nanoseconds / 1_000_000_000)
        }
        #expect(waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300])
        #expect(machine.expiresAt == .never)
    }

    @Test func `a notice has the zone looked at now, unless it is of no news`() {
        var machine = RefreshMachine(now: at(0))
        _ = machine.begin(now: at(0))
        machine.succeed(SerialNumber(7), SecondaryTests.timers, now: at(0), draw: 0)
        machine.notice(SerialNumber(7), now: at(10))
        machine.notice(SerialNumber(6), now: at(10))
        #expect(machine.nextCheck == at(1000))
        machine.notice(SerialNumber(8), now: at(10))
        #expect(machine.nextCheck == at(10))
        _ = machine.begin(now: at(10))
        // Many while somebody looks are one look more.
        for _ in 0..<100 { machine.notice(nil, now: at(11)) }
        let meanwhile = machine.begin(now: at(11))
        #expect(!meanwhile)
        machine.succeed(SerialNumber(8), SecondaryTests.timers, now: at(12), draw: 0)
        #expect(machine.nextCheck == at(13), "not more than one a second")
        _ = machine.begin(now: at(13))
        machine.succeed(SerialNumber(8), SecondaryTests.timers, now: at(13), draw: 0)
        #expect(machine.nextCheck == at(1013))
    }

    @Test func `five years of looks end where the SOA says`() {
        var machine = RefreshMachine(now: at(0))
        var now = at(0)
        var random = SeededRandom(seed: 5)
        var looks = 0
        while now < at(5 * 365 * 86_400) {
            now = machine.nextCheck
            let mayBegin = machine.begin(now: now)
            #expect(mayBegin)
            looks += 1
            let draw = Int(random.next(below: 1000))
            if random.next(below: 10) == 0 {
                machine.fail(now: now, draw: draw)
            } else {
                let timers = RefreshMachine.Timers(refresh: 7200, retry: 900, expire: 1_209_600)
                machine.succeed(SerialNumber(UInt32(looks)), timers, now: now, draw: draw)
            }
            #expect(machine.nextCheck > now)
        }
        #expect(!machine.isExpired(now: now))
        #expect(looks > 20_000 && looks < 30_000)
    }

    // MARK: Taking

    static func record(
        _ owner: String,
        _ type: RecordType,
        _ data: [UInt8]
    ) throws -> DNSMessage.Record {
        DNSMessage.Record(
            owner: try #require(DomainName(owner)),
            type: type,
            ttl: 60,
            data: data
        )
    }

    static func soa(_ serial: UInt32, _ owner: String = "example.com") throws -> DNSMessage.Record {
        let numbers = [serial, 1000, 100, 5000, 60].flatMap { number in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
        }
        return try record(owner, .SOA, [0, 0] + numbers)
    }

    static func address(_ owner: String, _ last: UInt8) throws -> DNSMessage.Record {
        try record(owner, .A, [192, 0, 2, last])
    }

    static func message(
        _ records: [DNSMessage.Record],
        id: UInt16 = 9,
        flags: UInt16 = 0x8400
    ) throws -> DNSMessage {
        var message = try #require(DNSMessage([0, 0] + [UInt8](repeating: 0, count: 10)))
        message.id = id
        message.flags = flags
        message.answers = records
        return message
    }

    static func transfer(known: UInt32? = nil, limit: Int = 1000) throws -> IncomingTransfer {
        IncomingTransfer(
            try #require(DomainName("Example.com")),
            id: 9,
            known: known.map { SerialNumber($0) },
            limit: limit
        )
    }

    @Test func `a zone comes in any number of messages, and ends with its SOA`() throws {
        let (soa, a, b) = (
            try SecondaryTests.soa(7), try SecondaryTests.address("a.example.com", 1),
            try SecondaryTests.address("b.example.com", 2)
        )
        for messages in [
            [[soa, a, b, soa]], [[soa], [a], [b], [soa]], [[soa, a], [], [b, soa]],
        ] {
            var transfer = try SecondaryTests.transfer()
            for (number, records) in messages.enumerated() {
                #expect(!transfer.isDone)
                try transfer.take(SecondaryTests.message(records), octets: 10)
                #expect(transfer.isDone == (number == messages.count - 1))
            }
            #expect(transfer.records == [soa, a, b])
            #expect(throws: IncomingTransfer.Fault.self) {
                try transfer.take(SecondaryTests.message([a]), octets: 1)
            }
        }
    }

    @Test func `changes come as differences, as the whole zone, or as the SOA alone`() throws {
        let (first, second, third) = (
            try SecondaryTests.soa(1), try SecondaryTests.soa(2), try SecondaryTests.soa(3)
        )
        let (a, b, c) = (
            try SecondaryTests.address("a.example.com", 1),
            try SecondaryTests.address("b.example.com", 2),
            try SecondaryTests.address("c.example.com", 3)
        )
        var transfer = try SecondaryTests.transfer(known: 1)
        let all = [third, first, a, second, b, second, b, third, c, third]
        for record in all { try transfer.take(SecondaryTests.message([record]), octets: 1) }
        #expect(transfer.isDone && transfer.changes.count == 2)
        let result = try #require(transfer.applied(to: [first, a]))
        #expect(result == [third, c])
        #expect(transfer.applied(to: [first]) == nil, "what is to go is not there")
        #expect(transfer.applied(to: [second, a]) == nil, "another version")
        #expect(transfer.applied(to: [first, a, b]) == nil, "what is to come is there already")

        transfer = try SecondaryTests.transfer(known: 1)
        try transfer.take(SecondaryTests.message([third, a, b, third]), octets: 1)
        #expect(transfer.isDone && transfer.changes.isEmpty && transfer.records == [third, a, b])

        for serial in [3, 4] as [UInt32] {
            transfer = try SecondaryTests.transfer(known: serial)
            try transfer.take(SecondaryTests.message([third]), octets: 1)
            #expect(transfer.isDone && transfer.isCurrent)
        }
    }

    @Test func `what is out of order is given up`() throws {
        let (soa, a) = (try SecondaryTests.soa(7), try SecondaryTests.address("a.example.com", 1))
        func fault(
            _ messages: [DNSMessage],
            known: UInt32? = nil
        ) throws -> IncomingTransfer.Fault? {
            var transfer = try SecondaryTests.transfer(known: known)
            do throws(IncomingTransfer.Fault) {
                for message in messages { try transfer.take(message, octets: 400) }
                return nil
            } catch {
                return error
            }
        }
        let message = SecondaryTests.message
        #expect(try fault([message([a], 9, 0x8400)]) != nil, "no SOA in front")
        #expect(try fault([message([soa], 8, 0x8400)]) != nil, "another id")
        #expect(try fault([message([soa], 9, 0)]) != nil, "no answer")
        #expect(try fault([message([soa], 9, 0x8600)]) != nil, "truncated")
        #expect(try fault([message([], 9, 0x8400)]) != nil, "empty")
        #expect(try fault([message([], 9, 0x8405)]) == .refused(.refused))
        let other = try SecondaryTests.soa(8)
        #expect(try fault([message([soa, a, other], 9, 0x8400)]) != nil, "two versions")
        let elsewhere = try SecondaryTests.soa(7, "example.net")
        #expect(try fault([message([elsewhere], 9, 0x8400)]) != nil)
        #expect(try fault([message([soa, elsewhere], 9, 0x8400)]) != nil)
        #expect(
            try fault([message([soa, other], 9, 0x8400)], known: 5) != nil,
            "another beginning"
        )
        var chaos = a
        chaos.recordClass = 3
        #expect(try fault([message([soa, chaos], 9, 0x8400)]) != nil)
        let many = try (0..<3).map { _ in try message([soa], 9, 0x8400) }
        #expect(
            try fault([many[0], message([a], 9, 0x8400), message([a], 9, 0x8400)]) == .tooLarge
        )
    }

    @Test func `records outside of the zone are left out`() throws {
        let soa = try SecondaryTests.soa(7)
        let inside = try SecondaryTests.address("a.example.com", 1)
        let outside = try ["example.net", "com", "a.notexample.com"].map {
            try SecondaryTests.address($0, 9)
        }
        var transfer = try SecondaryTests.transfer()
        try transfer.take(SecondaryTests.message([soa] + outside + [inside, soa]), octets: 1)
        #expect(transfer.records == [soa, inside] && transfer.dropped == 3)
    }

    // MARK: Keeping

    @Test
    func `a zone's file reads as what was written, and not when it is cut or changed in size`()
        throws
    {
        let records = [
            try SecondaryTests.soa(7), try SecondaryTests.address("a.example.com", 1),
            try SecondaryTests.record("b.example.com", RecordType(65_000), [1, 2, 3]),
        ]
        let bytes = ZoneImage.bytes(of: records)
        #expect(ZoneImage.records(in: bytes) == records)
        for count in 0..<bytes.count {
            #expect(ZoneImage.records(in: Array(bytes.prefix(count))) == nil)
        }
        #expect(ZoneImage.records(in: bytes + [0]) == nil)
        #expect(ZoneImage.records(in: ZoneImage.bytes(of: Array(records.dropFirst()))) == nil)
    }

    // MARK: Telling

    @Test func `a notice is sent again, ever less often, until it is answered or given up`() throws
    {
        var machine = NotifyMachine()
        let zone = try #require(DomainName("example.com"))
        let target = SocketAddress(IPAddress(v4: 0xc000_0201), port: 53)
        _ = machine.tell(target, zone, SerialNumber(1), key: nil, id: 7, now: at(0))
        var sent: [Int64] = []
        var now = at(0)
        while machine.deadline != .never {
            now = max(now, machine.deadline)
            let (send, over) = machine.expire(now: now)
            if !send.isEmpty { sent.append((now - at(0)).nanoseconds / 1_000_000_000) }
            #expect(over.count == (send.isEmpty ? 1 : 0))
        }
        #expect(sent == [0, 2, 6, 14, 30, 62])
        _ = machine.tell(target, zone, SerialNumber(1), key: nil, id: 7, now: at(200))
        #expect(machine.expire(now: at(200)).send.count == 1)
        // A newer version takes its place.
        _ = machine.tell(target, zone, SerialNumber(2), key: nil, id: 8, now: at(201))
        #expect(machine.pending.count == 1)
        let stale = machine.answer(from: target, zone, id: 7)
        #expect(stale == nil)
        #expect(machine.expire(now: at(201)).send.count == 1)
        let wrong = machine.answer(from: target, zone, id: 7)
        #expect(wrong == nil, "the id must be the one that was sent")
        let other = SocketAddress(IPAddress(v4: 0xc000_0202), port: 53)
        let stranger = machine.answer(from: other, zone, id: 8)
        #expect(stranger == nil, "nor may another server answer")
        let heard = machine.answer(from: target, zone, id: 8)
        #expect(heard?.serial == SerialNumber(2) && machine.deadline == .never)
    }

    @Test func `how often a notice is sent, and with which waits, is what it is told with`() throws
    {
        let zone = try #require(DomainName("example.com"))
        let target = SocketAddress(IPAddress(v4: 0xc000_0201), port: 53)
        for (pace, wanted) in [
            (NoticePace(attempts: 1), [0]), (NoticePace(attempts: 3), [0, 2, 6]),
            (NoticePace(attempts: 4, firstWait: .seconds(60)), [0, 60, 180, 420]),
        ] as [(NoticePace, [Int64])] {
            var machine = NotifyMachine()
            _ = machine.tell(target, zone, SerialNumber(1), key: nil, pace: pace, id: 7, now: at(0))
            var sent: [Int64] = []
            while machine.deadline != .never {
                let now = max(machine.deadline, at(0))
                let step = machine.expire(now: now)
                if !step.send.isEmpty { sent.append((now - at(0)).nanoseconds / 1_000_000_000) }
            }
            #expect(sent == wanted)
        }
    }

    @Test func `a port that is said to be closed ends what was sent there, and nothing else`()
        throws
    {
        let zone = try #require(DomainName("example.com"))
        let other = try #require(DomainName("example.net"))
        let target = SocketAddress(IPAddress(v4: 0xc000_0201), port: 53)
        let second = SocketAddress(IPAddress(v4: 0xc000_0201), port: 54)
        var machine = NotifyMachine()
        for place in [target, second] {
            _ = machine.tell(place, zone, SerialNumber(1), key: nil, id: 7, now: at(0))
        }
        _ = machine.expire(now: at(0))
        _ = machine.tell(target, other, SerialNumber(1), key: nil, id: 8, now: at(1))
        let closed = machine.close(target)
        #expect(closed.map(\.zone) == [zone] && closed.map(\.target) == [target])
        #expect(machine.pending.values.map(\.id).sorted() == [7, 8])
        #expect(machine.close(target).isEmpty, "what was not sent has not come back")
    }

    @Test func `a notice is what RFC 1996 says, and there are not too many`() throws {
        let zone = try #require(DomainName("example.com"))
        var machine = NotifyMachine()
        for port in 0..<UInt16(NotifyMachine.limit + 1) {
            let target = SocketAddress(IPAddress(v4: 1), port: port)
            let isTaken = machine.tell(
                target,
                zone,
                SerialNumber(1),
                key: nil,
                id: port,
                now: at(0)
            )
            #expect(isTaken == (port < NotifyMachine.limit))
        }
        let notice = try #require(machine.pending.values.first)
        let message = try #require(
            DNSMessage(NotifyMachine.message(notice, soa: SecondaryTests.soa(7)))
        )
        #expect(message.flags == 0x2400 && message.id == notice.id)
        #expect(message.questions.map(\.type) == [.SOA] && message.questions[0].name == zone)
        #expect(message.answers.first?.serial == SerialNumber(7))
    }
}
