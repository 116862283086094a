// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Runtime
import Testing

@testable import DNSServer

/// Records on their way to the log of queries.
@Suite struct QueryQueueTests {
    private func record(_ number: UInt64) -> QueryRecord {
        var record = QueryRecord()
        record.words[QueryRecord.Place.time] = number
        return record
    }

    @Test
    func `a reader gets each record once, in order, and counts those that it came too late for`() {
        let ring = QueryRing(kept: 4)
        var position: UInt64 = 0
        var lost: UInt64 = 0
        #expect(ring.next(&position, lost: &lost) == nil)
        for number in 1...3 as ClosedRange<UInt64> { ring.write(record(number)) }
        var times: [Int64] = []
        while let next = ring.next(&position, lost: &lost) { times.append(next.time) }
        #expect(times == [1, 2, 3] && lost == 0)
        for number in 4...13 as ClosedRange<UInt64> { ring.write(record(number)) }
        times = []
        while let next = ring.next(&position, lost: &lost) { times.append(next.time) }
        #expect(times == [10, 11, 12, 13] && lost == 6)
        #expect(ring.next(&position, lost: &lost) == nil && lost == 6)
        position = 99
        #expect(ring.next(&position, lost: &lost) == nil && position == 13)
        var none: UInt64 = 0
        #expect(QueryRing(kept: 0).next(&none, lost: &lost) == nil)
    }

    @Test func `records that are kept and those for the log are picked each by their own number`() {
        var sampler = QuerySampler(seed: 5)
        sampler.setInterval(10)
        sampler.setLogInterval(3)
        var (kept, logged, both) = (0, 0, 0)
        var context = AnswerContext(now: .start, random: SeededRandom(seed: 1))
        for _ in 0..<30_000 {
            sampler.mark(&context)
            #expect(context.isKept == sampler.isDue && context.isLogged == sampler.isLogDue)
            #expect(context.isSampled == (sampler.isDue || sampler.isLogDue))
            kept += sampler.isDue ? 1 : 0
            logged += sampler.isLogDue ? 1 : 0
            both += sampler.isDue && sampler.isLogDue ? 1 : 0
            sampler.advance()
        }
        #expect((2800...3200).contains(kept) && (9500...10_500).contains(logged))
        #expect((800...1200).contains(both), "one knows nothing of the other: \(both)")
        sampler.setLogInterval(0)
        for _ in 0..<100 {
            #expect(!sampler.isLogDue)
            sampler.advance()
        }
    }

    @Test
    func `a record for the log has who, where and when; one that is kept alone does not come`()
        throws
    {
        let text = "@ 300 SOA ns host 1 2 3 4 5\n@ 300 NS ns\nwww 300 A 192.0.2.1\n"
        var snapshot = try ZoneFixture(["example.com": text]).snapshot
        snapshot.logInterval = 1
        var fixture = try DoorFixture.make(snapshot, keptQueries: 8)
        let socket = try fixture.datagramSocket()
        defer { socket.close() }
        fixture.turn()
        _ = Socket.send(socket, ZoneFixture.query("www.example.com").span)
        fixture.turn()
        let book = fixture.shared.books[0]
        #expect(book.queries.written == 0 && book.logged.written == 1)
        var (position, lost) = (UInt64(0), UInt64(0))
        let record = try #require(book.logged.next(&position, lost: &lost))
        #expect(record.askerPort == Socket.localAddress(socket)?.port && record.listener == 0)
        #expect(record.askedAt <= record.time)
        let name = try #require(record.question?.name)
        #expect(snapshot.zone(of: name, .A) == DomainName("example.com"))
        #expect(snapshot.zone(of: try #require(DomainName("example.org")), .A) == nil)
    }
}
