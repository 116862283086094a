// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Testing

@testable import ControlPlane

@Suite struct QueryOrderTests {
    private func misuse(_ arguments: String...) -> String {
        do throws(QueryOrder.Misuse) {
            _ = try QueryOrder(arguments)
            return ""
        } catch {
            return error.text
        }
    }

    @Test func `arguments are read in any order`() throws {
        let order = try QueryOrder([
            "www.a.test", "--subnet=192.0.2.77/24", "@127.0.0.1:5300", "mx", "--dnssec",
            "--timeout", "250ms", "--tcp", "--json", "--no-recurse",
        ])
        #expect(order.name == DomainName("www.a.test") && order.type == .MX)
        #expect(order.server == .address(SocketAddress(IPAddress(v4: 0x7f00_0001), port: 5300)))
        #expect(order.subnet == Prefix("192.0.2.0/24") && order.timeout == .milliseconds(250))
        #expect(order.isStream && order.isJSON && order.wantsSignatures && !order.isRecursive)
        #expect(!order.isTrace)
    }

    @Test func `servers have ports by how they are spoken to`() throws {
        let v6 = try #require(IPAddress("2001:db8::1"))
        #expect(
            try QueryOrder(["a", "@2001:db8::1"]).server == .address(SocketAddress(v6, port: 53))
        )
        #expect(
            try QueryOrder(["a", "@[2001:db8::1]", "--tls"]).server
                == .address(SocketAddress(v6, port: 853))
        )
        #expect(try QueryOrder(["a", "@ns.test:54"]).server == .name("ns.test", port: 54))
        #expect(try QueryOrder(["a"]).server == .system)
    }

    @Test func `an address is asked for by its reverse name`() throws {
        let order = try QueryOrder(["192.0.2.1"])
        #expect(order.name == DomainName("1.2.0.192.in-addr.arpa") && order.type == .PTR)
        let name = try QueryOrder(["2001:db8::1"]).name.description
        #expect(name.hasPrefix("1.0.0.0.") && name.hasSuffix(".8.b.d.0.1.0.0.2.ip6.arpa."))
    }

    @Test func `a trace takes roots, files and a port of its own`() throws {
        let order = try QueryOrder([
            "a.test", "+trace", "--root", "127.0.0.2", "--root=127.0.0.3:54", "--port", "5300",
            "--hosts", "h", "--resolv", "r",
        ])
        #expect(order.isTrace && order.roots.map(\.port) == [5300, 54])
        #expect((order.hostsPath, order.resolvPath) == ("h", "r"))
        #expect(try QueryOrder(["a.test", "--trace"]).isTrace)
    }

    @Test func `what cannot be meant is refused with a reason`() {
        #expect(misuse() == "NAME is missing")
        #expect(misuse("a..b") == "'a..b' is no domain name")
        #expect(misuse("a", "AXFR").contains("single answer"))
        #expect(misuse("a", "nonsense").contains("no type"))
        #expect(misuse("a", "A", "b") == "unexpected 'b'")
        #expect(misuse("a", "--frob") == "unexpected '--frob'")
        #expect(misuse("a", "+short").contains("+trace"))
        #expect(misuse("a", "--timeout") == "'--timeout' needs a value")
        #expect(misuse("a", "--timeout", "soon").hasPrefix("--timeout: "))
        #expect(misuse("a", "--subnet", "x").contains("no network"))
        #expect(misuse("a", "--class", "HS").contains("IN, CH"))
        #expect(misuse("a", "--tls").contains("needs a server"))
        #expect(misuse("a", "@127.0.0.1", "--tls", "--tcp").contains("exclude"))
        #expect(misuse("a", "@127.0.0.1", "--ca", "x").contains("'--tls'"))
        #expect(misuse("a", "--root", "127.0.0.1").contains("'+trace'"))
        #expect(misuse("a", "+trace", "--tcp").contains("no trace"))
        #expect(misuse("a", "+trace", "@ns.test").contains("address"))
        #expect(misuse("a", "+trace", "--root", "ns.test").contains("no address"))
        #expect(misuse("a", "+trace", "--port", "0").contains("no port"))
        #expect(misuse("a", "@127.0.0.1:0") == "'@127.0.0.1:0' is no server")
        #expect(misuse("a", "@127.0.0.1", "@127.0.0.2") == "unexpected '@127.0.0.2'")
    }
}

@Suite struct ClientQueryTests {
    private let query = ClientQuery(id: 7, name: DomainName("Www.a.test") ?? .root, type: .A)

    @Test func `a query says what is wanted, and is read as such`() throws {
        var query = query
        (query.wantsSignatures, query.asksIdentifier, query.isRecursive) = (true, true, false)
        query.subnet = Prefix("192.0.2.0/24")
        let message = try #require(DNSMessage(query.bytes))
        #expect(message.flags == 0)
        let facts = OptionFacts(try #require(message.option))
        #expect(facts.wantsSignatures && facts.size == 1232 && facts.identifier == [])
        #expect(facts.subnet == Prefix("192.0.2.0/24") && facts.scope == 0)
    }

    @Test func `only an answer to the query is taken`() {
        let good = TraceReply.answer(TraceReply.a("www.a.test", 1)).bytes(query)
        #expect(query.answer(good) != nil, "in another case")
        for (place, value) in [(1, 8), (2, 0), (2, 0x90), (5, 2), (13, 0x58), (24, 2)] {
            var bytes = good
            bytes[place] = UInt8(value)
            #expect(query.answer(bytes) == nil, "octet \(place)")
        }
        #expect(query.answer(Array(good.dropLast())) == nil)
        // A refusal need not repeat the question, an answer must.
        let bare: [UInt8] = [0, 7, 0x80, 5, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(query.answer(bare)?.code == .refused)
        #expect(query.answer(Array(bare[..<3]) + [0] + bare[4...]) == nil)
    }

    @Test func `options that are cut off or out of bounds are left out`() {
        func facts(_ data: [UInt8]) -> OptionFacts {
            OptionFacts(DNSMessage.Record(owner: .root, type: .OPT, ttl: 0, data: data))
        }
        #expect(facts([0, 3, 0, 2, 65]).identifier == nil)
        #expect(facts([0, 15, 0, 1, 0]).reasons.isEmpty)
        #expect(facts([0, 15, 0, 3, 0, 18, 65]).reasons == [.init(code: 18, text: [65])])
        #expect(facts([0, 8, 0, 4, 0, 1, 255, 0]).subnet == nil)
        #expect(facts([0, 8, 0, 9, 0, 1, 8, 0, 1, 2, 3, 4, 5]).subnet == nil)
        #expect(facts([0, 8, 0, 5, 0, 1, 8, 24, 10]).subnet == Prefix("10.0.0.0/8"))
        #expect(facts([255, 0, 0, 0]).others == [0xff00])
        #expect(OptionFacts.Reason(code: 18, text: []).name == "Prohibited")
        #expect(OptionFacts.Reason(code: 999, text: []).name == nil)
    }

    @Test func `what servers say does not steer the terminal`() {
        #expect(QueryText.plain([0x1b, 65, 0x9b, 0x5c]) == "\\027A\\155\\092")
    }
}
