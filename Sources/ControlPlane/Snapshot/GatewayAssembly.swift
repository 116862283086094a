// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import HTTPProtocol
internal import Steering

/// From listeners, routes and pools to what the HTTP door is told.
enum GatewayAssembly {
    /// Descriptors that are not for clients and endpoints: sockets, probes, files, loops.
    static let reservedFiles = 512

    static func plan(
        _ settings: Settings,
        _ pools: [AssembledPool],
        _ listeners: [HTTPListenerPlan],
        _ access: AccessFiles,
        fileLimit: Int
    ) -> GatewayPlan {
        var plan = GatewayPlan()
        plan.listeners = listeners
        plan.pools = pools.map(\.definition)
        let compared = settings.comparedPools
        plan.poolPlans = zip(settings.pools, pools).map { pool, assembled in
            var plan = poolPlan(pool)
            if compared.contains(pool.name) { plan.measuresLatency = true }
            plan.security = assembled.security
            return plan
        }
        let places = Dictionary(
            plan.pools.enumerated().map { ($1.name, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        plan.caches = settings.caches.map { $0.plan(places) }
        plan.loopName = settings.cdnID
        let assembly = RouteAssembly(
            pools: places,
            caches: settings.caches.map(\.name),
            access: access
        )
        plan.routes = settings.routes.map(assembly.plan)
        let limits = settings.limits
        let probes = min(
            limits.concurrentProbes,
            settings.pools.reduce(0) { $0 + $1.endpoints.count }
        )
        let isMirrored = plan.routes.contains { $0.mirror != nil }
        plan.limits.connections = connections(
            limits.connections,
            fileLimit: fileLimit,
            probes: probes,
            copies: isMirrored ? limits.mirroredRequests : 0
        )
        plan.limits.unfinished = limits.unfinishedPerClient ?? 0
        plan.limits.head.headBytes = UInt32(clamping: limits.headerBytes.bytes)
        plan.limits.head.fields = UInt32(clamping: limits.headerCount)
        plan.limits.head.targetBytes = UInt32(clamping: limits.requestLine.bytes)
        plan.limits.bodyPrefix = limits.bodyPrefix.bytes
        plan.limits.refusesLongBody = limits.bodyPrefixExcess == .refuse
        plan.limits.bufferedBody = limits.bufferedBody.bytes
        plan.limits.mirroredRequests = limits.mirroredRequests
        plan.limits.mirrorMemory = limits.mirrorMemory.bytes
        plan.limits.shedLag = limits.shedLag ?? .zero
        plan.accessLog = accessLog(settings.log.access)
        plan.keptShare = settings.log.requests.share.percent
        plan.traceShare = settings.tracing.otlp?.share.percent
        return plan
    }

    /// Client connections that the limit of open files allows: each may need one to an endpoint.
    ///
    /// Each copy of a request needs one of its own.
    static func connections(
        _ wanted: Int,
        fileLimit: Int,
        probes: Int = 0,
        copies: Int = 0
    ) -> Int {
        // Half of the reserve is for probes; many endpoints need more when they all hang.
        let reserved = reservedFiles + max(probes - reservedFiles / 2, 0) + copies
        let room = max((fileLimit - reserved) / 2, 64)
        return min(wanted, room)
    }

    private static func accessLog(
        _ settings: AccessLogSettings
    ) -> HTTPGateway.AccessLogFormat {
        guard settings.output != .off else { return .off }
        return settings.format == .json ? .json : .combined
    }

    /// One plan for each number; a number without a place keeps an unused plan, because
    /// connections that came in there may still live.
    static func listeners(
        _ settings: Settings,
        _ numbers: ListenerNumbers,
        _ security: inout TLSAssembly
    ) throws(ReloadProblem) -> [HTTPListenerPlan] {
        var byAddress: [ListenAddress: HTTPListenerSettings] = [:]
        for case .http(let listener) in settings.listeners {
            byAddress[listener.address] = listener
        }
        var plans: [HTTPListenerPlan] = []
        for place in numbers.places {
            guard let place, let listener = byAddress[place.address] else {
                plans.append(HTTPListenerPlan(name: "closed"))
                continue
            }
            var plan = HTTPListenerPlan(name: "\(place.address)")
            plan.trusted = listener.trustedProxies
            plan.proxyHeader =
                switch listener.proxyProtocol {
                case .off: .off
                case .optional: .optional
                case .required: .required
                }
            plan.clientAddress =
                switch listener.clientAddress {
                case .connection: nil
                case .xForwardedFor: .xForwardedFor
                case .forwarded: .forwarded
                }
            plan.forwarded =
                switch listener.forwarded {
                case .xForwarded: .xForwarded
                case .forwarded: .standard
                case .both: [.xForwarded, .standard]
                case .none: []
                }
            plan.requestID = listener.requestID
            plan.tracing = listener.tracing
            plan.timingClients = listener.serverTiming
            plan.measuresRTT = listener.measureRTT
            plan.http2 = http2(listener.http2)
            plan.tls = try security.context(listener)
            plan.timeouts.proxyHeader = listener.timeouts.proxyHeader
            plan.handshakes = listener.tls?.handshakeBudget
            plan.passages = listener.passthrough.compactMap { entry in
                // The pools of the plan are in the order of the settings.
                let pool = settings.pools.firstIndex { $0.name == entry.pool }
                return pool.map { PassagePlan(name: entry.name.pattern, pool: $0) }
            }
            plan.timeouts.handshake = listener.timeouts.handshake
            plan.timeouts.header = listener.timeouts.header
            plan.timeouts.bodyRate = listener.timeouts.bodyRate.map { Int64($0.bytes) } ?? 0
            plan.timeouts.idle = listener.timeouts.idle
            plan.timeouts.send = listener.timeouts.send
            plan.timeouts.request = listener.timeouts.request ?? .max
            plans.append(plan)
        }
        return plans
    }

    private static func http2(_ settings: HTTP2Settings) -> HTTP2Plan {
        var plan = HTTP2Plan()
        plan.isEnabled = settings.enabled
        plan.streams = settings.streams
        plan.streamWindow = min(settings.streamWindow.bytes, plan.streamWindow)
        plan.connectionWindow = settings.connectionWindow.bytes
        plan.tolerance = settings.tolerance.percent
        return plan
    }

    private static func poolPlan(_ pool: PoolSettings) -> GatewayPoolPlan {
        var plan = GatewayPoolPlan()
        plan.timeouts.connect = pool.timeouts.connect
        plan.timeouts.firstByte = pool.timeouts.firstByte
        plan.timeouts.betweenBytes = pool.timeouts.betweenBytes
        plan.timeouts.send = pool.timeouts.send
        plan.timeouts.tunnelIdle = pool.timeouts.tunnelIdle
        plan.retries = pool.retry.attempts
        plan.retryPercent = pool.retry.budget.percent
        plan.retryMinimum = pool.retry.minimum
        plan.version =
            switch pool.protocol {
            case .http1: .http1
            case .http2: .http2
            case .auto: .auto
            }
        plan.http2Streams = pool.http2.streams
        plan.http2Connections = pool.http2.connections
        plan.retry = retry(pool.retry)
        plan.backoff.base = pool.retry.backoff.base
        plan.backoff.cap = pool.retry.backoff.cap
        plan.keepaliveIdle = pool.keepalive.idle
        plan.keepaliveConnections = pool.keepalive.connections
        plan.queueLimit = pool.queue.limit
        plan.queueTimeout = pool.queue.timeout
        plan.hedge = pool.hedge.map {
            HedgePlan(percentile: $0.after, percent: $0.budget.percent, least: $0.minDelay)
        }
        plan.concurrency = pool.concurrency.map {
            ConcurrencySettings(minimum: $0.min, maximum: $0.max, tolerance: $0.tolerance.percent)
        }
        plan.failureStatuses = pool.passive.statuses.ranges
        plan.measuresLatency = pool.passive.latency.factor != nil
        plan.key = pool.hash.key.plan
        plan.sticky = pool.sticky.map(sticky)
        plan.proxyHeader = pool.proxyProtocol?.version
        return plan
    }

    private static func sticky(_ settings: StickySettings) -> StickyPlan {
        var plan = StickyPlan(cookie: settings.cookie)
        plan.mode =
            switch settings.mode {
            case .insert: .insert
            case .rewrite: .rewrite
            case .prefix: .prefix
            case .learn: .learn
            }
        plan.field = settings.header
        plan.idle = settings.idle
        plan.lifetime = settings.lifetime
        plan.renews = settings.renew
        plan.security =
            switch settings.secure {
            case .auto: .auto
            case .always: .always
            case .never: .never
            }
        plan.sameSite =
            switch settings.sameSite {
            case .lax: "Lax"
            case .strict: "Strict"
            case .none: "None"
            }
        plan.path = settings.path
        plan.domain = settings.domain
        plan.strips = settings.strip
        return plan
    }
}

extension ProxyProtocolVersion {
    /// The version as the codec has it.
    var version: ProxyVersion {
        switch self {
        case .v1: .v1
        case .v2: .v2
        }
    }
}

extension TLSSettings {
    /// Full handshakes of one client, as the door counts them.
    var handshakeBudget: RateMachine? {
        handshakeRate.map {
            RateMachine(count: $0.count, per: $0.period, burst: handshakeBurst ?? $0.count)
        }
    }
}
