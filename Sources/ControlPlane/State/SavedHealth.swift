// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Steering

/// The health table as it lies in the state folder.
struct SavedHealth: Sendable, Equatable {
    /// Verdicts older than this are no verdicts: the first probes are waited for instead.
    static let usefulAge = Interval.seconds(300)

    /// Who led longer ago may have been followed by another since, and would lose writes.
    static let usefulLeadership = Interval.seconds(5)

    /// The configuration's generation when it was written.
    var generation: UInt64
    /// When it was written, in nanoseconds since 1970.
    var writtenAt: Int64
    var endpoints: [SavedEndpoint]
    /// What names stood for, so that a restart need not wait for a resolver.
    var names: [SavedName] = []
    /// What names outside that aliases lead to stood for.
    var aliases: [SavedAlias] = []

    /// True when the verdicts may still be believed.
    func isUseful(realtime: Int64) -> Bool {
        let age = realtime &- writtenAt
        // A clock that has been set back a little makes the age negative, not the verdicts wrong.
        return age <= SavedHealth.usefulAge.nanoseconds && age > -SavedHealth.usefulAge.nanoseconds
    }

    /// The endpoints, with who leads only while that may be believed.
    func believed(realtime: Int64) -> [SavedEndpoint] {
        let age = realtime &- writtenAt
        guard age < 0 || age > SavedHealth.usefulLeadership.nanoseconds else { return endpoints }
        return endpoints.map { endpoint in
            var doubted = endpoint
            if doubted.role == .leader { doubted.role = .unknown }
            return doubted
        }
    }
}

/// The addresses of one name.
struct SavedName: Sendable, Equatable {
    var key: ResolvedNames.Key
    var addresses: [IPAddress]
}

extension SavedHealth {
    func text() -> [UInt8] {
        var writer = JSONWriter(indented: false)
        writer.beginObject()
        writer.name("format")
        writer.write(1)
        writer.name("generation")
        writer.write(generation)
        writer.name("writtenAt")
        writer.write(writtenAt)
        writer.name("endpoints")
        writer.beginArray()
        for endpoint in endpoints { SavedHealth.write(endpoint, to: &writer) }
        writer.endArray()
        writer.name("names")
        writer.beginArray()
        for name in names { writer.write(name.json) }
        writer.endArray()
        writer.name("aliases")
        writer.beginArray()
        for alias in aliases { writer.write(alias.json) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    private static func write(_ endpoint: SavedEndpoint, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("pool")
        writer.write(endpoint.identity.pool)
        writer.name("host")
        writer.write(endpoint.identity.host)
        writer.name("port")
        writer.write(endpoint.identity.port)
        writer.name("health")
        writer.write(endpoint.health.word)
        writer.name("reason")
        writer.write(endpoint.reason.word)
        if !endpoint.detail.isEmpty {
            writer.name("detail")
            writer.write(endpoint.detail)
        }
        writer.name("since")
        writer.write(endpoint.sinceRealtime)
        if endpoint.role != .unknown {
            writer.name("role")
            writer.write(endpoint.role.word)
        }
        if let until = endpoint.ejectedUntilRealtime {
            writer.name("ejectedUntil")
            writer.write(until)
        }
        if let returned = endpoint.returnedRealtime {
            writer.name("returned")
            writer.write(returned)
        }
        writer.endObject()
    }

    /// Reads what ``text()`` wrote; nil for anything else.
    init?(json: JSONValue) {
        guard json["format"]?.integer == 1, let generation = json["generation"]?.integer,
            let writtenAt = json["writtenAt"]?.integer, let listed = json["endpoints"]?.elements
        else { return nil }
        self.init(generation: UInt64(clamping: generation), writtenAt: writtenAt, endpoints: [])
        for element in listed {
            guard let endpoint = SavedHealth.endpoint(element) else { return nil }
            endpoints.append(endpoint)
        }
        for element in json["names"]?.elements ?? [] {
            guard let name = SavedName(json: element) else { return nil }
            names.append(name)
        }
        for element in json["aliases"]?.elements ?? [] {
            guard let alias = SavedAlias(json: element) else { return nil }
            aliases.append(alias)
        }
    }

    private static func endpoint(_ json: JSONValue) -> SavedEndpoint? {
        guard let pool = json["pool"]?.string, let host = json["host"]?.string,
            let port = json["port"]?.integer.flatMap(UInt16.init(exactly:)),
            let health = json["health"]?.string.flatMap({ Health(word: $0) }),
            let reason = json["reason"]?.string.flatMap({ HealthReason(word: $0) }),
            let since = json["since"]?.integer
        else { return nil }
        let identity = EndpointIdentity(pool: pool, host: host, port: port)
        var endpoint = SavedEndpoint(identity: identity, health: health, reason: reason)
        endpoint.detail = json["detail"]?.string ?? ""
        endpoint.sinceRealtime = since
        endpoint.role = json["role"]?.string.flatMap { EndpointRole(word: $0) } ?? .unknown
        endpoint.ejectedUntilRealtime = json["ejectedUntil"]?.integer
        endpoint.returnedRealtime = json["returned"]?.integer
        return endpoint
    }
}

extension SavedName {
    var json: JSONValue {
        [
            "host": .string(key.host),
            "server": key.server.map { .string($0.description) } ?? .null,
            "addresses": .array(addresses.map { .string($0.description) }),
        ]
    }

    init?(json: JSONValue) {
        guard let host = json["host"]?.string, let server = json["server"],
            let listed = json["addresses"]?.elements
        else { return nil }
        let address = server.string.flatMap { SocketAddress($0) }
        guard server.isNull || address != nil else { return nil }
        let addresses = listed.compactMap { $0.string.flatMap { IPAddress($0) } }
        guard addresses.count == listed.count else { return nil }
        self.init(key: ResolvedNames.Key(host: host, server: address), addresses: addresses)
    }
}
