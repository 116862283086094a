// SPDX-License-Identifier: Apache-2.0
import DNSServer
import Essentials
import Testing

@testable import DNSProtocol

/// What an update looks like on the wire, and what has changed.
extension UpdateMachineTests {
    @Test func `messages that are cut, or of other zones, do not decode`() throws {
        let bytes = try UpdateMachineTests.message(
            ["www.example.com 0 ANY ANY"],
            ["a.example.com 60 IN MX 1 mail.example.com."]
        )
        #expect(UpdateMessage(bytes) != nil)
        for count in 0..<bytes.count {
            #expect(UpdateMessage(Array(bytes.prefix(count))) == nil)
        }
        #expect(UpdateMessage(bytes + [0]) == nil)
        var other = bytes
        other[2] = 0
        #expect(UpdateMessage(other) == nil)
        other = bytes
        other[5] = 2
        #expect(UpdateMessage(other) == nil)
        // §3.1.1: the type of the zone is SOA.
        other = bytes
        other[12 + 13 + 1] = 1
        #expect(UpdateMessage(other) == nil && UpdateMessage.zone(other) == nil)
        // Octets at random: nothing traps.
        let fixture = try Fixture()
        var random = SeededRandom(seed: 5)
        for _ in 0..<20_000 {
            var mutant = bytes
            for _ in 0...random.next(below: 4) {
                mutant[Int(random.next(below: UInt32(mutant.count)))] = UInt8(
                    random.next(below: 256)
                )
            }
            guard let message = UpdateMessage(mutant) else { continue }
            var zone = fixture.zone
            _ = fixture.machine.apply(message, by: Self.asker, to: &zone, seconds: 1)
        }
    }

    @Test func `differences go through their wire form`() throws {
        var fixture = try Fixture()
        let outcome = try fixture.send(
            [],
            ["a.example.com 1 IN MX 1 b.", "www.example.com 0 ANY A"]
        )
        let difference = try #require(outcome.difference)
        let (gone, new) = (difference.deletedWire, difference.addedWire)
        #expect(ZoneDifference(deletedWire: gone, addedWire: new) == difference)
        #expect(ZoneDifference(deletedWire: gone, addedWire: new.dropLast()) == nil)
        #expect(ZoneDifference(deletedWire: [], addedWire: new) == nil)
        #expect(difference.wire == difference.deleted.flatMap(\.wire) + new)
        #expect(difference.count == difference.deleted.count + difference.added.count)
    }

    // Each for each of the others would take minutes.
    @Test(.timeLimit(.minutes(1)))
    func `thousands of records of one set are added and deleted in time`() throws {
        var zone = try Fixture().zone
        zone.begin()
        let owner = DomainName("many.example.com") ?? .root
        func record(_ number: Int) -> DNSMessage.Record {
            let data = [
                10, UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255),
            ]
            return DNSMessage.Record(owner: owner, type: .A, ttl: 60, data: data)
        }
        for number in 0..<6000 { zone.add(record(number)) }
        for number in 0..<6000 { zone.add(record(number)) }
        #expect(zone[owner, .A]?.data.count == 6000)
        #expect(zone.difference()?.added.count == 6001, "and the SOA")
        for number in stride(from: 0, to: 6000, by: 2) { zone.remove(record(number)) }
        #expect(zone[owner, .A]?.data.count == 3000)
        for number in stride(from: 0, to: 6000, by: 2) { zone.remove(record(number)) }
        let left = Set((zone[owner, .A]?.data ?? []).map { Int($0[2]) << 8 | Int($0[3]) })
        #expect(left == Set(stride(from: 1, to: 6000, by: 2)))
        for number in stride(from: 1, to: 6000, by: 2) { zone.remove(record(number)) }
        #expect(zone[owner, .A] == nil && zone.difference() == nil)
    }

    @Test func `a zone and who asks are read without the rest`() throws {
        var bytes = try UpdateMachineTests.message([], ["www.example.com 0 ANY ANY"])
        #expect(UpdateMessage.zone(bytes)?.name == DomainName("example.com"))
        #expect(UpdateMessage.zone(bytes)?.zoneClass == 1)
        // What follows may be anything.
        #expect(UpdateMessage.zone(Array(bytes.prefix(40))) != nil)
        #expect(UpdateMessage.zone(Array(bytes.prefix(20))) == nil)
        bytes[2] = 0
        #expect(UpdateMessage.zone(bytes) == nil)
        let machine = UpdateMachine(rules: UpdateMachineTests.all)
        #expect(machine.lets(UpdateMachineTests.asker))
        #expect(!machine.lets(UpdateAsker(key: nil, client: UpdateMachineTests.asker.client)))
    }

    @Test func `a name behind more pointers than labels is malformed`() throws {
        // Each leads to the one before it, and the first one to the root.
        func message(_ pointers: Int) throws -> [UInt8] {
            var bytes = try UpdateMachineTests.message([], [])
            bytes[9] = 2
            let root = 12 + 12
            let start = bytes.count
            // An unknown type whose data hold the chain: type, class, TTL, length behind the root.
            bytes += [0, 0xff, 0, 0, 1, 0, 0, 0, 0]
            bytes += octets(UInt16(2 * pointers))
            for number in 0..<pointers {
                let place = number == 0 ? root : start + 11 + 2 * (number - 1)
                bytes += octets(0xc000 | UInt16(place))
            }
            let last = start + 11 + 2 * (pointers - 1)
            return bytes + octets(0xc000 | UInt16(last)) + [0, 1, 0, 255, 0, 0, 0, 0, 0, 0]
        }
        #expect(try UpdateMessage(message(100)) != nil)
        #expect(try UpdateMessage(message(200)) == nil)
    }

    @Test func `an OPT is found, and two are malformed`() throws {
        let opt: [UInt8] = [0, 0, 41, 4, 208, 0, 1, 0, 0, 0, 0]
        var bytes = try UpdateMachineTests.message([], ["www.example.com 0 ANY ANY"])
        #expect(UpdateMessage.option(bytes) == .none)
        #expect(UpdateAnswer.bare(bytes, .noError)[11] == 0)
        bytes[11] = 1
        bytes += opt
        #expect(UpdateMessage.option(bytes) == .version(1))
        let answer = try #require(DNSMessage(UpdateAnswer.bare(bytes, .badVersion)))
        #expect(answer.code == .badVersion && answer.option?.recordClass == 1232)
        bytes[11] = 2
        #expect(UpdateMessage.option(bytes + opt) == .malformed)
        #expect(UpdateMessage.option(bytes) == .malformed)
    }
}
