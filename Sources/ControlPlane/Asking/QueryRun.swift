// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Runtime

/// Carries out what `martlet query` was told.
public enum QueryRun {
    /// Why there is nothing to show.
    public struct Failure: Error {
        /// One line.
        public let text: String
    }

    /// Asks once; returns what is to be printed.
    public static func once(_ order: QueryOrder) throws(Failure) -> String {
        let server = try server(of: order)
        var query = ClientQuery(
            id: .random(in: .min ... .max),
            name: order.name,
            type: order.type,
            subnet: order.subnet
        )
        query.group = order.group
        query.isRecursive = order.isRecursive
        query.wantsSignatures = order.wantsSignatures
        query.asksIdentifier = true
        var exchange = QueryExchange(way: way(of: order, server))
        if let timeout = order.timeout { exchange.timeout = timeout }
        do throws(FetchFault) {
            let reply = try exchange.ask(query, server)
            return order.isJSON
                ? QueryText.json(reply, query, server).text(indented: true) + "\n"
                : QueryText.text(reply, query, server)
        } catch {
            throw Failure(text: "\(server) gives no answer: \(error.text)")
        }
    }

    private static func way(of order: QueryOrder, _ server: SocketAddress) -> QueryExchange.Way {
        guard order.isSecure else { return order.isStream ? .stream : .datagram }
        var name = "\(server.ip)"
        if case .name(let host, _) = order.server { name = host }
        if let given = order.tlsName { name = given }
        if name.hasSuffix(".") { name.removeLast() }
        var security = FetchSecurity(name: name, authorities: order.authorities)
        security.isForTransfers = false
        return .secure(security)
    }

    private static func server(of order: QueryOrder) throws(Failure) -> SocketAddress {
        switch order.server {
        case .address(let address): return address
        case .system:
            return resolvers(order).first ?? SocketAddress(IPAddress(v4: 0x7f00_0001), port: 53)
        case .name(let host, let port):
            if let known = HostsFile(text: file(order.hostsPath)).addresses(host)?.first {
                return SocketAddress(known, port: port)
            }
            guard let name = DomainName(host) else {
                throw Failure(text: "'\(host)' is no domain name")
            }
            for type in [RecordType.A, .AAAA] {
                let query = ClientQuery(id: .random(in: .min ... .max), name: name, type: type)
                for resolver in resolvers(order) {
                    guard let reply = try? QueryExchange().ask(query, resolver) else { continue }
                    for record in reply.message.answers {
                        guard let ip = record.address(of: type) else { continue }
                        return SocketAddress(ip, port: port)
                    }
                    break
                }
            }
            throw Failure(text: "no address of the server '\(host)' is found")
        }
    }

    /// The resolvers of this machine, or the one of the arguments; never none.
    static func resolvers(_ order: QueryOrder) -> [SocketAddress] {
        if case .address(let address) = order.server { return [address] }
        return ResolverConfiguration(text: file(order.resolvPath)).servers
    }

    static func file(_ path: String) -> [UInt8] { (try? File.read(path, limit: 1 << 20)) ?? [] }
}

extension DNSMessage.Record {
    /// The address of an A or AAAA record; nil for any other.
    var address: IPAddress? {
        let bits = data.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        if type == .A, data.count == 4 { return IPAddress(v4: UInt32(truncatingIfNeeded: bits)) }
        return type == .AAAA && data.count == 16 ? IPAddress(v6: bits) : nil
    }

    /// The address of a record of this type.
    func address(of wanted: RecordType) -> IPAddress? { type == wanted ? address : nil }
}
