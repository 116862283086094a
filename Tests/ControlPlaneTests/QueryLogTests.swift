// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Runtime
import Steering
import Testing

@testable import ControlPlane
@testable import DNSServer

@Suite struct QueryLogTests {
    private let moment = Moment(now: .start, realtime: 0)

    /// What lies in a ring, as its reader would write it.
    private func text(_ ring: ByteRing) throws -> String {
        let (end, other) = try Socket.pair()
        defer {
            end.close()
            other.close()
        }
        var bytes: [UInt8] = []
        while ring.waiting > 0 {
            _ = try ring.drain(to: end, limit: 16_384)
            bytes += [UInt8](capacity: 16_384) { output in
                _ = Socket.receive(other, into: &output)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `records become lines, once, and those that are lost are counted at once`() throws {
        let surface = try StillSurface()
        let shared = surface.view.shared.dns
        let log = QueryLog(shared)
        let ring = shared.books[0].logged
        ring.write(QueryRecord())
        #expect(!log.fill() && log.ring.waiting == 0, "without a snapshot nothing is known")
        log.setSnapshot(try #require(surface.view.snapshot))
        ring.write(QueryRecord())
        #expect(!log.fill())
        #expect(try text(log.ring).split(separator: "\n").count == 2)
        #expect(!log.fill() && log.ring.waiting == 0 && log.dropped == 0)
        for _ in 0..<ring.capacity + 5 { ring.write(QueryRecord()) }
        #expect(log.dropped == 5, "before the log thread has noticed")
        var lines = 0
        var isMore = true
        while isMore {
            isMore = log.fill()
            lines += try text(log.ring).split(separator: "\n").count
        }
        #expect(lines == ring.capacity && log.dropped == 5)
    }

    @Test func `whatever is in a record, its line is one line of JSON within its bound`() throws {
        let surface = try StillSurface()
        let snapshot = try #require(surface.view.snapshot)
        var random = SeededRandom(seed: 12)
        for round in 0..<500 {
            var record = QueryRecord()
            for index in 0..<QueryRecord.size { record.words[index] = random.next() }
            if round.isMultiple(of: 2) {
                record.words[QueryRecord.Place.layout] = snapshot.dns.steer.layoutMark
                record[.policy] = round % 4
            }
            let bytes = QueryLogLine(record, snapshot, at: moment).bytes
            #expect(bytes.count <= QueryLogLine.lengthLimit)
            #expect(bytes.last == 10 && bytes.count { $0 < 0x20 } == 1)
            let json = try JSONReader.read(Array(bytes.dropLast()))
            #expect(json["message"]?["type"]?.string == "AUTH_RESPONSE")
        }
    }

    @Test func `a record says who asked what, where, and what came of it`() throws {
        let surface = try StillSurface()
        let given = try #require(surface.view.snapshot)
        var door = DNSDoorSettings()
        (door.ip, door.port) = (IPAddress(v4: 0x7f00_0001), 5300)
        let dns = DNSSnapshot(
            zones: given.dns.zones,
            steer: given.dns.steer,
            listeners: [DNSDoorSettings(), door],
            generation: 7
        )
        let snapshot = ServingSnapshot(number: 7, gateway: given.gateway, dns: dns)
        let query = ClientQuery(id: 7, name: DomainName("X.example.com") ?? .root, type: .A)
        var reply = TraceReply.denial("example.com", code: 3)
        reply.flags |= 0x0100
        let response = reply.bytes(query)
        var record = QueryRecord()
        record.words[QueryRecord.Place.time] = 1_500_000_000_000_000_007
        record.words[QueryRecord.Place.askedAt] = 1_499_999_999_999_999_999
        record.setAddress(try #require(IPAddress("2001:db8::53")), at: QueryRecord.Place.asker)
        record[.askerPort] = 5353
        record[.listener] = 2
        record[.transport] = Int(DNSTransport.tcp.rawValue)
        record[.code] = 3
        _ = [UInt8](capacity: 512) { (output: inout OutputSpan<UInt8>) in
            for octet in response { output.append(octet) }
            record.setResponse(output, from: 0)
        }
        let line = QueryLogLine(record, snapshot, at: moment).bytes
        #expect(
            String(decoding: line, as: UTF8.self) == """
                {"type":"MESSAGE","message":{"type":"AUTH_RESPONSE",\
                "query_time":"2017-07-14T02:39:59.999999999Z",\
                "response_time":"2017-07-14T02:40:00.000000007Z","socket_family":"INET6",\
                "socket_protocol":"TCP","query_address":"2001:db8::53","query_port":5353,\
                "response_address":"127.0.0.1","response_port":5300,\
                "query_zone":"example.com."},"qname":"X.example.com.","qtype":"A",\
                "rcode":"NXDOMAIN","flags":["qr","aa","rd"],"do":false,"answers":0,\
                "size":\(response.count),"subnet":null,"scope":0,"worker":0}

                """
        )
    }
}
