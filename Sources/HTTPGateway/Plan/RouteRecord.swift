// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Steering

/// What the loops need of a route.
struct RouteRecord: Sendable, BitwiseCopyable {
    enum Action: UInt8, Sendable, BitwiseCopyable { case pool, split, redirect, respond, dns }

    /// The same for routes of the same host, path and condition in every snapshot.
    var identity: UInt64 = 0
    var action = Action.pool
    var pool: Int32 = -1
    var shares = ByteRange.empty  // places in the action table
    var splitKey: Int32 = -1
    var status: UInt16 = 0
    var location: Int32 = -1  // a template
    var contentType = ByteRange.empty
    var body = ByteRange.empty
    var allowed = ByteRange.empty
    var denied = ByteRange.empty
    var limit: Int32 = -1  // in the action table
    var access: Int32 = -1  // in the action table
    var maintenance: Int32 = -1  // in the action table
    var target: Int32 = -1  // a template; -1: the client's
    var keepsQuery = false
    var host: Int32 = -1  // a template; -1: the client's
    var requestEdits = ByteRange.empty
    var responseEdits = ByteRange.empty
    var supplies = false  // some of the edits only supply what is missing
    var compress: Int32 = -1  // in the action table
    var mirror: Int32 = -1  // in the action table
    var cache: Int32 = -1  // among the snapshot's caches
    var path = ByteRange.empty  // in the action table; empty for an expression
    var isExactPath = false
    var priority = Priority.normal
    var retries: Int16 = -1  // -1: the pool's
    var retryRules = ByteRange.empty  // places in the retry table; empty: the pools'
    var requestTimeout = Interval.zero  // zero: the listener's
    var bodyLimit = UInt64.max

    /// True when what goes to the endpoint is not what the client sent.
    var changesRequest: Bool { target >= 0 || host >= 0 || !requestEdits.isEmpty }

    /// True when what goes to the client is not only what the endpoint sent.
    var changesResponse: Bool { location >= 0 || !responseEdits.isEmpty }

    /// A route that changes nothing.
    init() {}

    init(_ plan: RoutePlan, _ actions: inout ActionTable, _ retries: inout RetryTable) {
        let place = "\(plan.host) \(plan.path) \(plan.condition.map { "\($0)" } ?? "")"
        identity = Hash.bytes(Array(place.utf8).span)
        priority = plan.priority
        self.retries = plan.retries.map { Int16(clamping: $0) } ?? -1
        retryRules = retries.add(plan.retry, for: plan.action.pools)
        requestTimeout = plan.requestTimeout ?? .zero
        bodyLimit = plan.bodyLimit ?? .max
        switch plan.action {
        case .pool(let number): pool = Int32(number)
        case .split(let parts, let key):
            action = .split
            shares = actions.add(shares: parts)
            splitKey = actions.add(splitKey: key)
        case .redirect(let code, let template):
            action = .redirect
            status = code
            location = actions.add(template)
        case .respond(let code, let type, let content):
            action = .respond
            status = code
            contentType = actions.keep(Array(type.utf8))
            body = actions.keep(content)
        case .dns: action = .dns
        }
        allowed = actions.add(networks: plan.allowed)
        denied = actions.add(networks: plan.denied)
        if let plan = plan.limit { limit = actions.add(RateRule(plan, route: identity)) }
        if let template = plan.rewrittenTarget {
            target = actions.add(template)
            keepsQuery = !template.namesQuery
        }
        if let template = plan.rewrittenHost { host = actions.add(template) }
        if let plan = plan.access { access = actions.add(plan, route: identity) }
        // First, so that the route's own edits may give a hidden field another meaning.
        let hidden = plan.access?.hiddenFields.map { FieldEdit(.remove, $0) } ?? []
        requestEdits = actions.add(edits: hidden + plan.requestFields)
        responseEdits = actions.add(edits: plan.responseFields)
        supplies = plan.responseFields.contains { $0.kind == .supply }
        if let plan = plan.maintenance { maintenance = actions.add(plan) }
        if let plan = plan.compress { compress = actions.add(plan) }
        if let plan = plan.mirror { mirror = actions.add(plan) }
        if let number = plan.cache { cache = Int32(clamping: number) }
        switch plan.path {
        case .exact(let text):
            path = actions.keep(Array(text.utf8))
            isExactPath = true
        case .prefix(let text): path = actions.keep(Array(text.utf8))
        case .expression: break
        }
    }
}

extension TextTemplate {
    /// True when it says itself what becomes of the query.
    fileprivate var namesQuery: Bool {
        parts.contains { part in
            switch part {
            case .text(let text): text.utf8.contains(UInt8(ascii: "?"))
            case .variable(let variable): variable == .query || variable == .uri
            case .parameter: false
            }
        }
    }
}
