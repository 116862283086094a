// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import Steering

/// What a request to the admin service asks for, after everything about its form was judged.
public enum AdminQuestion: Sendable, Equatable {
    /// The status page.
    case page
    /// Whether the process lives.
    case live
    /// Whether the doors serve.
    case ready
    /// Whether the doors have begun to serve.
    case started
    /// All metrics, in OpenMetrics when true.
    case metrics(isOpenMetrics: Bool)
    /// Everything there is to see.
    case snapshot
    /// All pools.
    case pools
    /// One pool.
    case pool(String)
    /// A change of one endpoint.
    case change(pool: String, endpoint: String, EndpointChange)
    /// Takes back all changes.
    case discardOverlay
    /// Policies that change while they serve.
    case steering
    /// Changes the weights of a policy.
    case steer(policy: String, SteeringOrder)
    /// Tells a migration something.
    case migrate(String, MigrationMachine.Order)
    /// Reads the configuration file again.
    case reload
    /// Reads the file of one zone again.
    case reloadZone(String)
    /// The keys of one zone, or of all that are signed.
    case keys(zone: String?)
    /// Rolls keys of a zone, or tells of its parent.
    case orderKeys(zone: String, KeyOrder)
    /// A zone as a zone file.
    case exportZone(String)
    /// Takes back the changes of one zone.
    case discardZone(String)
    /// What has changed of a zone since its configuration.
    case zoneChanges(String)
    /// Puts a zone in the place of what is served.
    case importZone(ZoneImportOrder)
    /// All caches.
    case caches
    /// Takes stored responses out of a cache.
    case purge(cache: String, PurgeOrder)
    /// What is stored of a URL: in one cache, or in all.
    case cached(url: String, cache: String?)
    /// Puts an object into a cache.
    case push(cache: String, PushOrder)
    /// Objects that were put into a cache.
    case pushed(cache: String, CachePage)
    /// Takes an object that was put into a cache out again.
    case unpush(cache: String, url: String)
    /// What a cache was asked for most.
    case top(cache: String, RankingSketch)
    /// What one cache has done, or all.
    case cacheStatistics(cache: String?)
    /// Has a cache fetch a list of URLs.
    case warm(cache: String, WarmOrder)
    /// All lists that are fetched, or one by its number.
    case warmings(UInt64?)
    /// Begins no more fetches of a list.
    case cancelWarming(UInt64)
    /// Has another program take over.
    case upgrade
    /// Which endpoint would serve a request, and why.
    case explain(RequestSketch)
    /// What would be answered to a query, and why.
    case explainDNS(QuerySketch)
    /// Queries that records were kept of.
    case queries(QueryFilter)
    /// Who got the answers of policies: of one, or of all.
    case answers(policy: String?)
    /// Where an address is.
    case place(IPAddress)
    /// Rows of measured round trips.
    case roundTrips(RTTPageSketch)
    /// Measured round trips to be taken.
    case measure([RTTReader.Row])
    /// How long the failover of a steered name takes, or of all.
    case failoverTime(name: String?)
    /// What became of a request that is over, by its name.
    case why(String)
    /// What happened lately, after this sequence number.
    case events(after: UInt64)
    /// The same as an endless stream.
    case eventStream(after: UInt64?)
    /// The methods of a path.
    case options(String)
}

extension AdminQuestion {
    /// True when the answer goes through tables of the doors, a zone or a store, however few
    /// endpoints there are.
    var isLong: Bool {
        switch self {
        case .queries, .answers, .exportZone, .zoneChanges, .purge, .cached, .push,
            .pushed, .unpush, .top, .cacheStatistics:
            true
        default: false
        }
    }
}

/// A request that has not been made, for the question where it would go.
public struct RequestSketch: Sendable, Equatable {
    /// The method.
    public var method: String
    /// The host without port, in lower case.
    public var host: String
    /// The path, with its query.
    public var target: String
    /// Who would ask.
    public var from: IPAddress
    /// True for a request by TLS.
    public var isSecure = false
    /// Further fields, names in lower case.
    public var fields: [ServiceRequest.Field]

    /// A GET from the local machine.
    public init(host: String, target: String) {
        method = "GET"
        self.host = host
        self.target = target
        from = IPAddress(v4: 0x7f00_0001)
        fields = []
    }

    /// The path without its query.
    public var path: String { String(target.prefix { $0 != "?" }) }
}

/// Which records of queries are asked for.
public struct QueryFilter: Sendable, Equatable {
    /// The name that was asked for; nil for any.
    public var name: String?
    /// Where the resolver, or the client that it spoke for, is; nil for anywhere.
    public var from: Prefix?
    /// The most records.
    public var limit = QueryFilter.defaultLimit

    /// As many as are shown unless somebody asks for more.
    public static var defaultLimit: Int { 100 }
    /// The most that can be asked for.
    static let mostLimit: UInt64 = 1000

    /// The latest records of all.
    public init() {}
}

/// A DNS query that has not been made.
public struct QuerySketch: Sendable, Equatable {
    /// The name as it was written.
    public var name: String
    /// The type, as `A`.
    public var type: String
    /// Who would ask.
    public var from: IPAddress
    /// What is supposed in the place of what is.
    public var supposition = Supposition()

    /// A query for addresses from the local machine.
    public init(name: String) {
        self.name = name
        type = "A"
        from = IPAddress(v4: 0x7f00_0001)
    }
}
