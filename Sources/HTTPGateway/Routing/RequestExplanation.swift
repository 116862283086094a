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
    /// Other routes that would fit too, most special ones not first, at most ten.
    public var passedOver: [Int] = []
    /// The choice of the endpoint; nil without a route.
    public var pool: PoolExplanation?
}

extension GatewaySnapshot {
    /// Says what would be done with a request that has not been made, by the code that does it.
    ///
    /// `request` is a head as it would come from a client. The choice is that of a worker that
    /// has just begun: turns and response times of the running ones are not known here.
    public func explain(
        _ request: [UInt8],
        client: IPAddress,
        health: HealthTable,
        load: LoadTable,
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
        if head.method == .connect {
            return refusal(.fault(.connectMethod), "CONNECT is refused")
        }
        let path = request.span.slice(head.path)
        if PathForm.hasDotSegment(path) {
            return refusal(.fault(.dotSegment), "a path with dot segments is refused")
        }
        let target = path.isEmpty ? [UInt8(ascii: "/")] : Array(request[head.path])
        let host = request[head.host]
        guard let route = match(table, host, target) else {
            return refusal(.fault(.noRoute), "no route fits this host and path")
        }
        var explanation = RequestExplanation()
        explanation.route = route
        explanation.why = why(plan.routes[route])
        explanation.passedOver = passedOver(by: route, host, target)
        let pool = plan.routes[route].pool
        guard pools.indices.contains(pool) else { return explanation }
        let key =
            pools[pool].needsKey
            ? pools[pool].key.key(head: head, fields: fields, bytes: request.span, client: client)
            : 0
        let chooser = Chooser(plan: selection, health: health, load: load, worker: 0, seed: 1)
        let choice = chooser.explain(pool: pool, key: key, now: now)
        explanation.pool = choice
        if case .none(let nobody) = choice.choice {
            let fault = HTTPDoor.fault(nobody)
            explanation.status = fault.status
            explanation.reason = "\(fault.word)"
        }
        return explanation
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

    private func match(_ table: RouteTable, _ host: [UInt8], _ path: [UInt8]) -> Int? {
        let route = table.match(host: host.span, path: path.span)
        return plan.routes.indices.contains(route) ? route : nil
    }

    /// Routes that would get the request if this one were not there: each is asked alone.
    private func passedOver(by winner: Int, _ host: [UInt8], _ path: [UInt8]) -> [Int] {
        var found: [Int] = []
        for index in plan.routes.indices where index != winner && found.count < 10 {
            let alone = RouteTable([plan.routes[index]])
            if match(alone, host, path) != nil { found.append(index) }
        }
        return found
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
            case .exact: "exactly this path"
            case .prefix: "the longest prefix of the path there"
            }
        return "\(host); \(path)"
    }
}

extension [UInt8] {
    /// A copy of the bytes of a range.
    fileprivate subscript(_ range: ByteRange) -> [UInt8] {
        let start = Swift.min(Int(range.start), count)
        return Array(self[start..<Swift.min(range.end, count)])
    }
}
