// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct RequestRingTests {
    private func record(_ number: UInt64) -> RequestRecord {
        var record = RequestRecord()
        record.words[RequestRecord.Place.id + 1] = number
        record.words[RequestRecord.Place.total] = number
        return record
    }

    private func find(_ number: UInt64, in ring: RequestRing) -> RequestRecord? {
        let digits = String(number, radix: 16)
        let padded = String(repeating: "0", count: 32 - digits.count) + digits
        return RequestName(padded).flatMap(ring.find)
    }

    @Test func `the newest takes the place of the oldest`() {
        let ring = RequestRing(kept: 8)
        #expect(ring.capacity == 4)
        for number in 1...6 { ring.write(record(UInt64(number)), isFailure: true) }
        #expect(find(2, in: ring) == nil)
        for number in 3...6 {
            let found = find(UInt64(number), in: ring)
            #expect(found?.words[RequestRecord.Place.total] == UInt64(number))
        }
        #expect(ring.count == 4 && ring.written == 6)
    }

    @Test func `small mistakes do not push out failures`() {
        let ring = RequestRing(kept: 4)
        ring.write(record(1), isFailure: true)
        for number in 10..<100 { ring.write(record(UInt64(number)), isFailure: false) }
        #expect(find(1, in: ring) != nil)
        #expect(find(98, in: ring) != nil && find(97, in: ring) == nil)
    }

    @Test func `a name means Martlet's own before anybody else's, and the newest`() throws {
        let ring = RequestRing(kept: 8)
        let text = String(repeating: "0", count: 31) + "7"
        let alias = try #require(RequestName(text)).alias
        // Somebody uses the name of another request, before it and after it.
        for (number, began) in [(UInt64(1), UInt64(1)), (7, 2), (2, 3)] {
            var record = record(number)
            record.words[RequestRecord.Place.began] = began
            if number != 7 { record.words[RequestRecord.Place.alias] = alias }
            ring.write(record, isFailure: false)
        }
        #expect(find(7, in: ring)?.words[RequestRecord.Place.total] == 7)
        let other = RequestRing(kept: 8)
        let name = try #require(RequestName("from-the-edge"))
        for (number, isFailure) in [(UInt64(5), true), (9, false), (6, true)] {
            var record = record(number)
            record.words[RequestRecord.Place.began] = number
            record.words[RequestRecord.Place.alias] = name.alias
            other.write(record, isFailure: isFailure)
        }
        #expect(other.find(name)?.words[RequestRecord.Place.total] == 9)
    }

    @Test func `a ring for nothing keeps nothing`() {
        let ring = RequestRing(kept: 0)
        ring.write(record(1), isFailure: true)
        #expect(find(1, in: ring) == nil && ring.count == 0)
    }

    @Test func `parts keep to their bits, and too much is cut`() {
        var record = RequestRecord()
        record[.status] = 1 << 20
        record[.cause] = 2
        record[.worker] = 77
        #expect(record[.status] == 0xffff && record[.cause] == 2 && record[.worker] == 77)
        record[.status] = -1
        #expect(record[.status] == 0 && record[.cause] == 2)
        for number in 0..<12 {
            record.add(
                RequestRecord.Attempt(slot: number, status: 503, fault: 1, began: 1, ended: 1 << 42)
            )
        }
        #expect(record.attempts.map(\.slot) == Array(0..<8))
        let longest = RequestRecord.unpacked(.max)
        #expect(record.attempts.allSatisfy { $0.ended == longest && $0.status == 503 })
        let host = [UInt8](repeating: 0x61, count: 90)
        record.setText(host: host.span, path: host.span)
        #expect(record.host.count == 48 && record.path.count == RequestRecord.textLimit - 48)
    }

    @Test func `a reader never sees a record that is half another`() throws {
        let ring = RequestRing(kept: 2)
        let flags = SharedWords(count: 2)
        // A thread of its own, which writes for as long as somebody reads: so the two do meet.
        try WorkerThread.start(name: "ring-test") {
            var number: UInt64 = 0
            while flags.load(0) == 0 {
                number += 1
                var record = RequestRecord()
                // The name stays; all else has the number of the round.
                record.words[RequestRecord.Place.id + 1] = 5
                for index in 4..<RequestRecord.size { record.words[index] = number }
                ring.write(record, isFailure: true)
            }
            flags.store(1, 1)
        }
        var (torn, seen) = (0, Set<UInt64>())
        let limit = Clock.monotonic() + .seconds(5)
        while seen.count < 500, Clock.monotonic() < limit {
            guard let found = find(5, in: ring) else { continue }
            seen.insert(found.words[4])
            for index in 5..<RequestRecord.size where found.words[index] != found.words[4] {
                torn += 1
            }
        }
        flags.store(0, 1)
        while flags.load(1) == 0, Clock.monotonic() < limit + .seconds(5) {}
        #expect(torn == 0 && seen.count > 1)
    }
}
