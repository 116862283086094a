// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol
public import Steering

/// What the door would do with a request, and why.
public struct RequestExplanation: Sendable, Equatable {
    /// The status that the door answers itself; nil when an endpoint answers.
    public var status: UInt16?
    /// The reason word of the access log; empty when an endpoint answers.
    public var reason = ""
    /// The route, as a place in the plan; nil when none fits.
    public var route: Int?
    /// One sentence: why this route, or why none.
    public var why = ""
    /// What the route does with the request, in words.
    public var action = ""
    /// The route's rate limit in words, and what is left of it; empty without one.
    public var limit = ""
    /// What the route wants to know of who asks; empty for nothing.
    public var access = ""
    /// How often and at what the request is tried again, in words; empty where nothing is tried.
    public var retry = ""
    /// How the endpoints are spoken with, in words; empty where none is asked.
    public var origin = ""
    /// Which coding the answer of an endpoint would get, in words; empty where none is asked.
    public var compression = ""
    /// What the route's cache makes of it; nil without one, and where the door answers itself.
    public var cache: CacheExplanation?
    /// What the route does with the fields of the answer, one thing each.
    public var answerFields: [String] = []
    /// When another endpoint is asked as well; empty for never.
    public var hedge = ""
    /// Where copies of the requests go, and what is compared; empty for nowhere.
    public var mirror = ""
    /// The pool's limit of requests at a time, where it has one that follows its answers.
    public var concurrency = ""
    /// The priority among those who wait, and how many do; empty where no pool is asked.
    public var queue = ""
    /// Other routes that would fit too, most special ones not first, at most ten.
    public var passedOver: [Int] = []
    /// Routes for this host and path whose condition does not hold, at most ten.
    public var unmet: [Int] = []
    /// The choice of the endpoint; nil without a route.
    public var pool: PoolExplanation?
}

extension RequestExplanation {
    fileprivate mutating func end(_ fault: Fault) {
        status = fault.status
        reason = "\(fault.word)"
    }
}

extension GatewaySnapshot {
    /// Says what would be done with a request that has not been made, by the code that does it.
    ///
    /// `request` is a head as it would come from a client. The choice is that of a worker that
    /// has just begun: turns and response times of the running ones are not known here.
    public func explain(
        _ request: [UInt8],
        client: IPAddress,
        isTLS: Bool,
        health: HealthTable,
        load: LoadTable,
        rates: RateTables,
        sessions: SessionTable? = nil,
        waiting: WaitingBoard,
        places: PoolPlaces,
        now: Instant
    ) -> RequestExplanation {
        var parser = RequestParser(limits: plan.limits.head)
        var fields = FieldTable(limit: Int(plan.limits.head.fields))
        var head = RequestHead()
        switch parser.parse(request.span, fields: &fields, head: &head) {
        case .needMore: return refusal(.fault(.internalError), "the head has no end")
        case .refused(let refused):
            return refusal(.refused(refused), "the request is refused: \(refused.citation)")
        case .complete: break
        }
        let path = request.span.slice(head.path)
        if let refused = refusal(of: head, path) { return refused }
        let plain = [UInt8](capacity: path.count) { (output: inout OutputSpan<UInt8>) in
            PathForm.writePlain(path, into: &output)
        }
        let view = RequestView(
            head: head,
            fields: fields.entries,
            bytes: request.span,
            path: plain.span,
            client: client,
            isTLS: isTLS
        )
        let route = table.match(view)
        guard plan.routes.indices.contains(route) else { return unrouted(route, view) }
        var explanation = RequestExplanation()
        (explanation.passedOver, explanation.unmet) = others(than: route, view)
        explanation.route = route
        explanation.answerFields = answerFields(route: route, isTLS: isTLS)
        explain(route, view, &explanation)
        if explainMaintenance(route, client, &explanation) { return explanation }
        explainLimit(of: route, view, fields, rates, now, &explanation)
        explainAccess(of: route, fields, request.span, &explanation)
        guard explanation.status == nil else { return explanation }
        explanation.cache = cacheExplanation(of: route, view, fields)
        let number = pool(of: route, head, fields, request.span, client)
        guard pools.indices.contains(number) else { return explanation }
        explanation.origin = protocolText(pool: number, head)
        explanation.compression = compressionText(route: route, fields, request.span)
        explainBounds(of: route, pool: number, waiting, places, &explanation)
        let key =
            pools[number].needsKey
            ? pools[number].key.key(head: head, fields: fields, bytes: request.span, client: client)
            : 0
        let chooser = Chooser(plan: selection, health: health, load: load, worker: 0, seed: 1)
        explainTier(of: route, chooser, now, &explanation)
        let session = session(in: fields, request.span, pool: number, sessions, now)
        let role = pools[number].sticky.isOn ? .any : pools[number].wish(head.method)
        let choice = chooser.explain(
            pool: number,
            key: key,
            session: session,
            role: role,
            now: now
        )
        explanation.pool = choice
        if case .none(let nobody) = choice.choice { explanation.end(HTTPDoor.fault(nobody)) }
        return explanation
    }

    /// What is said when no route fits, or the body would decide which.
    private func unrouted(_ route: Int, _ view: RequestView) -> RequestExplanation {
        var explanation: RequestExplanation
        if route == RouteTable.needsBody {
            explanation = RequestExplanation()
            explanation.reason = "depends-on-body"
            explanation.why = "what the body holds decides on the route, and here is none"
        } else {
            explanation = refusal(.fault(.noRoute), "no route fits this request")
        }
        (explanation.passedOver, explanation.unmet) = others(than: route, view)
        return explanation
    }

    /// What is refused whatever the routes are.
    private func refusal(of head: RequestHead, _ path: Span<UInt8>) -> RequestExplanation? {
        if head.method == .connect {
            return refusal(.fault(.connectMethod), "CONNECT is refused")
        }
        if PathForm.hasDotSegment(path) {
            return refusal(.fault(.dotSegment), "a path with dot segments is refused")
        }
        guard PathForm.encoding(path) == .malformed else { return nil }
        return refusal(.fault(.pathEncoding), "a percent sign in the path begins no octet")
    }

    /// Says what holds up or repeats a request to the pool.
    private func explainBounds(
        of route: Int,
        pool: Int,
        _ waiting: WaitingBoard,
        _ places: PoolPlaces,
        _ explanation: inout RequestExplanation
    ) {
        explanation.retry = retryText(route, pool: pool)
        explanation.hedge = hedgeText(pool)
        explanation.mirror = mirrorText(route)
        explanation.queue = queueText(route, pool: pool, waiting)
        explanation.concurrency = concurrencyText(pool: pool, places)
    }

    private func hedgeText(_ pool: Int) -> String {
        guard let plan = plan.poolPlans[pool].hedge else { return "" }
        return "another endpoint as well after p\(plan.percentile), \(plan.least) at least, for "
            + "\(plan.percent) % of the requests at most"
    }

    private func mirrorText(_ route: Int) -> String {
        guard let mirror = plan.routes[route].mirror, plan.pools.indices.contains(mirror.pool)
        else { return "" }
        return mirror.text(plan.pools[mirror.pool].name)
    }

    private func retryText(_ route: Int, pool: Int) -> String {
        let attempts = plan.routes[route].retries ?? plan.poolPlans[pool].retries
        guard attempts > 0 else { return "never" }
        let rule = plan.routes[route].retry.applied(to: plan.poolPlans[pool].retry)
        return "up to \(attempts) times on \(rule.text)"
    }

    private func concurrencyText(pool: Int, _ places: PoolPlaces) -> String {
        guard pools[pool].isAdaptive else { return "" }
        let state = places.state(plan.pools[pool].slot)
        guard state.rest > .zero else { return "\(state.taken) of \(state.limit) at a time" }
        func text(_ time: Interval) -> String { "\(Double(time.microseconds) / 1_000) ms" }
        return "\(state.taken) of \(state.limit) at a time; an answer takes \(text(state.latest)), "
            + "at rest \(text(state.rest))"
    }

    private func queueText(_ route: Int, pool: Int, _ waiting: WaitingBoard) -> String {
        let slot = plan.pools[pool].slot
        let limit = plan.poolPlans[pool].queueLimit
        let others = Priority.allCases.map { "\(waiting.count(slot, $0)) \($0.word)" }
        return "priority \(plan.routes[route].priority.word); of \(limit) places taken: "
            + others.joined(separator: ", ")
    }

    /// What the client's cookie names, when the pool is sticky and there is one.
    private func session(
        in fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        pool: Int,
        _ sessions: SessionTable?,
        _ now: Instant
    ) -> UInt64? {
        let sticky = pools[pool].sticky
        guard sticky.isOn else { return nil }
        let actions = actions
        guard sticky.mode != .learn else {
            let name = sticky.askedName(fields.entries, bytes, actions)
            guard let sessions, !name.isEmpty else { return nil }
            let key = sessions.key(name, pool: Int(pools[pool].slot))
            return sessions.find(key, idle: sticky.idle, now: now, touching: false)
        }
        let name = actions.text.span.slice(sticky.name)
        let isMarked = sticky.mode == .prefix
        let mark = SessionMark(of: name, in: fields.entries, bytes, isMarked: isMarked)
        return mark.isThere ? mark.session : nil
    }

    /// Says what the route does itself: refuse, redirect, respond, or which pools it knows.
    private func explain(
        _ route: Int,
        _ request: RequestView,
        _ explanation: inout RequestExplanation
    ) {
        explanation.why = why(plan.routes[route])
        guard actions.admits(request.client, routes[route]) else {
            explanation.status = Fault.clientDenied.status
            explanation.reason = "\(Fault.clientDenied.word)"
            explanation.action = "the client's network is not served here"
            return
        }
        let context = TemplateContext(
            record: routes[route],
            head: request.head,
            bytes: request.bytes,
            path: request.path,
            client: request.client,
            requestID: RequestID(bits: 0),
            traceID: 0,
            isTLS: request.isTLS
        )
        switch plan.routes[route].action {
        case .pool(let pool): explanation.action = "pool \(name(ofPool: pool))"
        case .split(let shares, let key):
            let parts = shares.map { "\(name(ofPool: $0.pool)) \($0.part)" }
            let way = key == .random ? "each request drawn anew" : "by a part of the request"
            explanation.action = "split \(parts.joined(separator: ", ")), \(way)"
        case .redirect(let status, _):
            explanation.status = status
            explanation.reason = "\(Reason.route(.redirect).word)"
            explanation.action =
                "redirect to \(text { actions.writeResponse(context, into: &$0).target })"
        case .respond(let status, _, let body):
            explanation.status = status
            explanation.reason = "\(Reason.route(.respond).word)"
            explanation.action = "a text of \(body.count) bytes"
        case .dns:
            explanation.status = 200
            explanation.reason = "\(Reason.route(.dns).word)"
            explanation.action = "an answer of DNS, as explain-dns explains it"
        }
        if routes[route].target >= 0 {
            let target = text {
                actions.writeRequest(context, into: &$0, hasPlainPath: false).target
            }
            explanation.action += ", rewritten to \(target)"
        }
    }

    /// Says what the route's limit leaves; nothing is taken of it.
    private func explainLimit(
        of route: Int,
        _ request: RequestView,
        _ fields: borrowing FieldTable,
        _ rates: RateTables,
        _ now: Instant,
        _ explanation: inout RequestExplanation
    ) {
        let isDenied = explanation.reason == "\(Fault.clientDenied.word)"
        guard let plan = plan.routes[route].limit, !isDenied else { return }
        let rule = actions.limits[Int(routes[route].limit)]
        let key = rule.key(
            head: request.head,
            fields: fields,
            bytes: request.bytes,
            client: request.client,
            seed: rates.keySeed
        )
        let decision = rates.peek(key, rule.machine, now: now)
        guard !decision.isAllowed else {
            explanation.limit = "\(plan.text): \(decision.remaining &+ 1) left"
            return
        }
        explanation.limit = "\(plan.text): none left, the next in \(decision.waitSeconds) s"
        guard !plan.isDryRun else { return }
        explanation.status = Fault.rateLimited.status
        explanation.reason = "\(Fault.rateLimited.word)"
    }

    /// True when the route is being worked on, and that is the answer to this client.
    private func explainMaintenance(
        _ route: Int,
        _ client: IPAddress,
        _ explanation: inout RequestExplanation
    ) -> Bool {
        let record = routes[route]
        guard record.maintenance >= 0, actions.admits(client, record) else { return false }
        let rule = actions.maintenances[Int(record.maintenance)]
        guard !actions.holds(client, rule.allowed) else { return false }
        explanation.status = rule.status
        explanation.reason = "\(Reason.route(.maintenance).word)"
        explanation.action = "the route is being worked on"
        return true
    }

    /// Says whether the route asks for credentials; they are not verified here.
    private func explainAccess(
        of route: Int,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        _ explanation: inout RequestExplanation
    ) {
        guard let plan = plan.routes[route].access, routes[route].access >= 0 else { return }
        explanation.access = plan.text
        let isRefused = ["\(Fault.clientDenied.word)", "\(Fault.rateLimited.word)"]
        guard !isRefused.contains(explanation.reason) else { return }
        let rule = actions.access[Int(routes[route].access)]
        let isGiven = !Credentials.find(rule.kind, in: fields, bytes).isEmpty
        guard rule.isUsable, isGiven else {
            let fault = rule.isUsable ? Fault.unauthorized : .authUnavailable
            explanation.status = fault.status
            explanation.reason = "\(fault.word)"
            return
        }
        explanation.access += "; what is given here is not verified"
    }

    private func name(ofPool pool: Int) -> String {
        plan.pools.indices.contains(pool) ? plan.pools[pool].name : "-"
    }

    /// What a writer has put into the range that it answers.
    private func text(_ write: (inout OutputSpan<UInt8>) -> ByteRange) -> String {
        var range = ByteRange.empty
        let bytes = [UInt8](capacity: 32_768) { (output: inout OutputSpan<UInt8>) in
            range = write(&output)
        }
        let end = min(range.end, bytes.count)
        return String(decoding: bytes[min(Int(range.start), end)..<end], as: UTF8.self)
    }

    /// The pool of the route; of a split that is drawn anew, the one with the largest share.
    private func pool(
        of route: Int,
        _ head: RequestHead,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        _ client: IPAddress
    ) -> Int {
        let record = routes[route]
        guard case .split(let shares, _) = plan.routes[route].action else {
            return Int(record.pool)
        }
        guard record.splitKey >= 0 else { return shares.max { $0.part < $1.part }?.pool ?? -1 }
        let key = actions.splitKeys[Int(record.splitKey)].key(
            head: head,
            fields: fields,
            bytes: bytes,
            client: client
        )
        return Int(actions.pool(record.shares, draw: Hash.mix(key ^ record.identity)))
    }

    /// The endpoints of one pool, or of all, as the choice sees them now, by slot.
    public func candidates(
        pool name: String?,
        health: HealthTable,
        load: LoadTable,
        now: Instant
    ) -> [Int: CandidateExplanation] {
        let chooser = Chooser(plan: selection, health: health, load: load, worker: 0, seed: 1)
        var found: [Int: CandidateExplanation] = [:]
        for pool in plan.pools.indices where name == nil || plan.pools[pool].name == name {
            for candidate in chooser.explain(pool: pool, key: 0, now: now).candidates {
                found[candidate.slot] = candidate
            }
        }
        return found
    }

    private func refusal(_ reason: Reason, _ why: String) -> RequestExplanation {
        var explanation = RequestExplanation()
        explanation.status = reason.status
        explanation.reason = "\(reason.word)"
        explanation.why = why
        return explanation
    }

    /// Routes that would get the request if the winner were not there, and those that would if
    /// their condition held: each is asked alone.
    private func others(than winner: Int, _ request: RequestView) -> ([Int], [Int]) {
        var found: [Int] = []
        var unmet: [Int] = []
        for index in plan.routes.indices where index != winner {
            if RouteTable([plan.routes[index]]).match(request) >= 0 {
                if found.count < 10 { found.append(index) }
                continue
            }
            guard plan.routes[index].condition != nil, unmet.count < 10 else { continue }
            var open = plan.routes[index]
            open.condition = nil
            if RouteTable([open]).match(request) >= 0 { unmet.append(index) }
        }
        return (found, unmet)
    }

    private func why(_ route: RoutePlan) -> String {
        let host =
            switch route.host {
            case .exact: "the route names this host"
            case .wildcard: "the most special wildcard that covers this host"
            case .any: "no route for this very host fits, and this one takes any host"
            }
        let path =
            switch route.path {
            case .exact(let text):
                PathTemplate.isTemplate(text) ? "the path has this form" : "exactly this path"
            case .prefix(let text):
                PathTemplate.isTemplate(text)
                    ? "the path begins with this form" : "the longest prefix of the path there"
            case .expression: "the first expression that matches the path"
            }
        guard let condition = route.condition else { return "\(host); \(path)" }
        return "\(host); \(path); the condition holds: \(condition)"
    }
}
