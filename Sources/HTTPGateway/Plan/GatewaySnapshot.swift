// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
public import Steering

/// A plan compiled for the loops: immutable, built once, handed to every worker.
public final class GatewaySnapshot: Sendable {
    /// Grows with each configuration that was put in force.
    public let generation: UInt64
    /// The plan it was made from, for names and explanations.
    public let plan: GatewayPlan
    let table: RouteTable
    let selection: SelectionPlan
    let routes: [RouteRecord]
    let actions: ActionTable
    /// By ``RouteRecord/identity``: what an exchange under way goes on with.
    let routeNumbers: [UInt64: Int32]
    let pools: [PoolRecord]
    let caches: [CacheRecord]
    let retries: RetryTable
    let listeners: [ListenerRecord]
    let labels: LabelTable
    /// Where the endpoint with each slot listens; nil for a slot that is in no pool.
    let addresses: [SocketAddress?]

    /// Compiles a plan.
    public init(_ plan: GatewayPlan, health: HealthTable, generation: UInt64) {
        self.generation = generation
        self.plan = plan
        table = RouteTable(plan.routes)
        selection = SelectionPlan(pools: plan.pools, health: health)
        var actions = ActionTable()
        var retries = RetryTable(pools: plan.poolPlans.map(\.retry))
        routes = plan.routes.map { RouteRecord($0, &actions, &retries) }
        self.retries = retries
        routeNumbers = Dictionary(
            routes.enumerated().map { ($1.identity, Int32($0)) },
            uniquingKeysWith: { first, _ in first }
        )
        pools = zip(plan.pools, plan.poolPlans).map { PoolRecord($0, $1, &actions) }
        self.actions = actions
        caches = plan.caches.map(CacheRecord.init)
        listeners = plan.listeners.map(ListenerRecord.init)
        labels = LabelTable(plan)
        var addresses: [SocketAddress?] = []
        for endpoint in plan.pools.flatMap(\.endpoints) where endpoint.slot >= 0 {
            let missing = endpoint.slot + 1 - addresses.count
            if missing > 0 { addresses += Array(repeating: nil, count: missing) }
            addresses[endpoint.slot] = endpoint.address
        }
        self.addresses = addresses
    }
}

extension GatewaySnapshot {
    /// The rate limits in the order of the plan, each with what its numbers are found by.
    public var rateLimits: [(route: String, identity: UInt64)] {
        zip(plan.routes, routes).compactMap { route, record in
            guard record.limit >= 0 else { return nil }
            return (route.name, actions.limits[Int(record.limit)].identity)
        }
    }
}

/// What the loops need of a pool.
struct PoolRecord: Sendable, BitwiseCopyable {
    var slot: Int32
    var timeouts: OriginTimeouts
    var retries: Int16
    var retryPercent: Int16
    var retryMinimum: Int32
    var backoff: RetryBackoff
    var keepaliveIdle: Interval
    var keepaliveConnections: Int32
    var queueLimit: Int32
    var queueTimeout: Interval
    var needsKey: Bool
    /// The number of ``OriginSecurity``; 0 for plain TCP.
    var security: UInt32
    var version: OriginVersion
    var http2Streams: Int16
    var http2Connections: Int16
    var key: KeySource
    var sticky = StickyRecord()
    var proxyHeader: ProxyVersion?
    var writes: RoleWish
    var reads: RoleWish
    private var failureStatuses: StatusSet
    var measuresLatency: Bool
    /// After which percentile of its answers' times another endpoint is asked as well; 0 for never.
    var hedgePercentile: UInt8
    var hedgePercent: UInt8
    var hedgeLeast: Interval
    /// True when requests at a time are bounded by ``PoolPlaces``.
    var isAdaptive: Bool

    init(
        _ definition: PoolDefinition,
        _ plan: GatewayPoolPlan,
        _ actions: inout ActionTable
    ) {
        slot = Int32(definition.slot)
        timeouts = plan.timeouts
        retries = Int16(clamping: plan.retries)
        retryPercent = Int16(clamping: plan.retryPercent)
        retryMinimum = Int32(clamping: plan.retryMinimum)
        backoff = plan.backoff
        keepaliveIdle = plan.keepaliveIdle
        keepaliveConnections = Int32(clamping: plan.keepaliveConnections)
        queueLimit = Int32(clamping: plan.queueLimit)
        queueTimeout = plan.queueTimeout
        security = plan.security?.number ?? 0
        proxyHeader = plan.proxyHeader
        writes = definition.writes
        reads = definition.reads
        // Without ALPN there is nothing to choose by.
        version = plan.version == .auto && plan.security == nil ? .http1 : plan.version
        http2Streams = Int16(clamping: max(plan.http2Streams, 1))
        http2Connections = Int16(clamping: max(plan.http2Connections, 1))
        switch definition.balance {
        case .sourceIPHash, .ringHash, .maglev, .boundedLoad: needsKey = true
        default: needsKey = false
        }
        key = KeySource(definition.balance == .sourceIPHash ? .sourceIP : plan.key)
        failureStatuses = StatusSet(plan.failureStatuses)
        hedgePercentile = UInt8(clamping: plan.hedge?.percentile ?? 0)
        hedgePercent = UInt8(clamping: plan.hedge?.percent ?? 0)
        hedgeLeast = plan.hedge?.least ?? .zero
        isAdaptive = plan.concurrency != nil
        measuresLatency = plan.measuresLatency || isAdaptive
        if let plan = plan.sticky { sticky = StickyRecord(plan, &actions) }
    }

    /// Whom a request with this method goes to (RFC 9110 §9.2.1).
    func wish(_ method: Method) -> RoleWish { method.isSafe ? reads : writes }

    // Inlined, since a call would copy the whole record.
    @inline(__always)
    func isFailure(_ status: UInt16) -> Bool {
        status >= 600 || failureStatuses.contains(status)
    }
}

/// What the loops need of a listener.
struct ListenerRecord: Sendable {
    var timeouts: ClientTimeouts
    var forwarded: ForwardingStyle
    var requestID: Bool
    var tracing: Bool
    var measuresRTT: Bool
    var tellsTimes: Bool
    var timingClients: [Prefix]
    var http2: HTTP2Plan
    var trusted: [Prefix]
    var proxyHeader: ProxyHeaderPolicy
    var clientAddress: ClientAddressField?
    /// True when ``tls`` is there: asking for it counts no reference.
    var isSecure: Bool
    /// True when clients are asked for a certificate, and endpoints are told of it.
    var asksIdentity: Bool
    var tls: TLSServerContext?
    /// True when ``passages`` has any.
    var isPassing: Bool
    let passages: PassageTable
    /// What a client's network may spend on full handshakes.
    let handshakes: RateMachine?
    // What of a request's fields is not copied, from those who are trusted and from all others.
    var droppedOfTrusted: FieldSet
    var droppedOfOthers: FieldSet

    init(_ plan: HTTPListenerPlan) {
        timeouts = plan.timeouts
        forwarded = plan.forwarded
        requestID = plan.requestID
        tracing = plan.tracing
        measuresRTT = plan.measuresRTT
        tellsTimes = !plan.timingClients.isEmpty
        timingClients = plan.timingClients
        http2 = plan.http2
        trusted = plan.trusted
        proxyHeader = plan.proxyHeader
        clientAddress = plan.clientAddress
        isSecure = plan.tls != nil
        asksIdentity = plan.tls?.settings.clientAuthorities != nil
        tls = plan.tls
        isPassing = !plan.passages.isEmpty
        passages = PassageTable(plan.passages)
        handshakes = plan.handshakes
        droppedOfTrusted = ListenerRecord.dropped(plan, isTrusted: true)
        droppedOfOthers = ListenerRecord.dropped(plan, isTrusted: false)
    }

    private static func dropped(_ plan: HTTPListenerPlan, isTrusted: Bool) -> FieldSet {
        var fields = Forwarding(client: IPAddress(v4: 0), isTrusted: isTrusted).dropped
        fields.insert(.host)
        fields.insert(.contentLength)
        if plan.requestID { fields.insert(.xRequestID) }
        // Anybody could ask for no copy by it, or have an application take a request for one.
        if !isTrusted { fields.insert(.martletMirror) }
        if plan.tls?.settings.clientAuthorities != nil {
            fields.insert(.clientCert)
            fields.insert(.clientCertChain)
        }
        return fields
    }

    func trusts(_ address: IPAddress) -> Bool {
        for prefix in trusted where prefix.contains(address) { return true }
        return false
    }
}
