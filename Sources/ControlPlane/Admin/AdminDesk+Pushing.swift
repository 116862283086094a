// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPGateway

/// Objects that operators put into caches.
extension AdminDesk {
    /// Puts an object in; the same one once more changes nothing but when it came.
    func push(
        _ name: String,
        _ order: PushOrder,
        _ view: ControlView,
        at moment: Moment
    ) throws(Problem) -> ServiceResponse {
        let (plan, store) = try AdminDesk.cache(name, view)
        let now = WallTime(nanoseconds: moment.realtime)
        guard let target = CacheTarget(order.url) else { throw PurgeOrder.notURL(order.url) }
        let object = try AdminDesk.object(order, plan, now)
        guard let key = target.key(by: plan.key, object.request, object.requestBytes) else {
            throw Problem(.invalidValue, "'\(order.url)' has no key in the cache '\(name)'.")
        }
        let limit = plan.pinnedLimit
        let answer = store.push(
            key.span,
            object,
            isPinned: order.isPinned,
            pinnedLimit: limit
        )
        if let problem = PushOrder.problem(answer, of: name, limit: limit) { throw problem }
        var memory = 0
        if case .kept(let octets) = answer { memory = octets }
        note(name, order, at: moment)
        return AdminDesk.answer([
            "cache": .string(name), "url": .string(order.url),
            "key": .string(CacheKeyRule.text(ofKey: key)), "pinned": .bool(order.isPinned),
            "bytes": .integer(Int64(order.content.count)), "memoryBytes": .integer(Int64(memory)),
            "lifetimeSeconds": StoredDescription.seconds(object.facts.lifetime),
            "route": route(to: order, name, view, at: moment),
        ])
    }

    private static func object(
        _ order: PushOrder,
        _ plan: CachePlan,
        _ now: WallTime
    ) throws(Problem) -> PushedObject {
        do throws(PushedObject.Fault) {
            return try PushedObject(
                order.sketch,
                content: order.content,
                by: plan.rules,
                now: now
            )
        } catch {
            throw PushOrder.problem(error)
        }
    }

    /// The route by which it is found; null where requests for the URL do not come to this cache.
    private func route(
        to order: PushOrder,
        _ name: String,
        _ view: ControlView,
        at moment: Moment
    ) -> JSONValue {
        guard let snapshot = view.snapshot,
            let sketch = try? RequestSketch(Parameters([ServiceRequest.Field("url", order.url)]))
        else { return .null }
        let explanation = snapshot.gateway.explain(
            sketch.head,
            client: sketch.from,
            isTLS: sketch.isSecure,
            health: view.health,
            load: view.load,
            rates: view.shared.http.rates,
            sessions: view.shared.http.sessionNames,
            waiting: view.shared.http.pending,
            places: view.shared.http.places,
            now: moment.now
        )
        guard let route = explanation.route else { return .null }
        let plan = snapshot.gateway.plan
        guard let number = plan.routes[route].cache, plan.caches[number].name == name else {
            return .null
        }
        return .string(plan.routes[route].name)
    }

    private func note(_ cache: String, _ order: PushOrder, at moment: Moment) {
        let done = order.isPinned ? "pushed and pinned" : "pushed"
        let message = "cache \(cache): \(order.url) \(done)"
        let fields = [
            JSONMember("cache", .string(cache)), JSONMember("url", .string(order.url)),
            JSONMember("pinned", .bool(order.isPinned)),
            JSONMember("bytes", .integer(Int64(order.content.count))),
        ]
        events.record(LogEvent(.cachePushed, realtime: moment.realtime, message, fields))
    }

    /// Takes pushed objects of a URL out again.
    func unpush(
        _ name: String,
        _ url: String,
        _ view: ControlView,
        at moment: Moment
    ) throws(Problem) -> ServiceResponse {
        let (plan, store) = try AdminDesk.cache(name, view)
        guard let selection = CacheTarget(url)?.selection(by: plan.key) else {
            throw PurgeOrder.notURL(url)
        }
        let count = store.unpush(selection)
        guard count > 0 else {
            throw Problem(
                .notPushed,
                "Nothing that was pushed is in the cache '\(name)' of \(url)."
            )
        }
        let message = "cache \(name): \(url) is pushed no more"
        let fields = [
            JSONMember("cache", .string(name)), JSONMember("url", .string(url)),
            JSONMember("objects", .integer(Int64(count))),
        ]
        events.record(LogEvent(.cachePushed, realtime: moment.realtime, message, fields))
        return AdminDesk.answer([
            "cache": .string(name), "url": .string(url), "removed": .integer(Int64(count)),
        ])
    }

    /// Pushed objects, a page of them.
    func pushed(
        _ name: String,
        _ page: CachePage,
        _ view: ControlView,
        at moment: Moment
    ) throws(Problem) -> ServiceResponse {
        let (plan, store) = try AdminDesk.cache(name, view)
        let (objects, next) = store.pushed(from: page.after, limit: page.limit)
        let counts = store.statistics()
        let now = WallTime(nanoseconds: moment.realtime)
        return AdminDesk.answer([
            "cache": .string(name), "count": .integer(Int64(counts.pushed)),
            "pinned": .integer(Int64(counts.pinned)),
            "pinnedBytes": .integer(Int64(counts.pinnedOctets)),
            "pinnedLimitBytes": .integer(Int64(plan.pinnedLimit)),
            "objects": .array(objects.map { $0.json(now) }),
            "next": next.map { .string("\($0)") } ?? .null,
        ])
    }
}

/// Which part of a long list is asked for.
public struct CachePage: Sendable, Equatable {
    /// Where to go on.
    let after: UInt64
    /// The most entries.
    let limit: Int

    private static let most: UInt64 = 1000

    /// Reads `after` and `limit`; 100 entries where nothing is said.
    init(_ parameters: Parameters) throws(Problem) {
        try parameters.check(known: ["after", "limit"])
        after = try parameters.number("after") ?? 0
        limit = try CachePage.limit(parameters, standard: 100)
    }

    /// A number from 1 to 1000.
    static func limit(_ parameters: Parameters, standard: UInt64) throws(Problem) -> Int {
        let limit = try parameters.number("limit") ?? standard
        guard (1...most).contains(limit) else {
            throw Problem(
                .invalidValue,
                "The parameter 'limit' must be a number from 1 to \(most)."
            )
        }
        return Int(limit)
    }
}
