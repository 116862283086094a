// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import HTTPGateway
internal import Steering

extension AdminDesk {
    /// Says where a request would go.
    func explain(
        _ sketch: RequestSketch,
        _ source: SnapshotSource
    ) throws(Problem) -> ServiceResponse {
        let (view, moment) = (source.view, source.moment)
        guard let snapshot = view.snapshot, view.listeners.contains(where: { $0.door == .http })
        else { throw Problem(.doorMissing, "There is no HTTP listener.") }
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
        let routes = snapshot.gateway.plan.routes
        let pools = snapshot.gateway.plan.pools
        let route = explanation.route.map { number -> JSONValue in
            var json = routes[number].json(pools)
            json.append(JSONMember("why", .string(explanation.why)))
            return .object(json)
        }
        let others = explanation.passedOver.map { JSONValue.object(routes[$0].json(pools)) }
        let unmet = explanation.unmet.map { JSONValue.object(routes[$0].json(pools)) }
        let passages = snapshot.gateway.passages(of: sketch.host, isTLS: sketch.isSecure)
            .map { passage -> JSONValue in
                ["listener": .string(passage.listener), "pool": .string(passage.pool)]
            }
        let document: JSONValue = [
            "generation": .integer(Int64(clamping: view.generation)),
            "healthGeneration": .integer(Int64(clamping: view.health.generation)),
            "request": [
                "method": .string(sketch.method),
                "host": .string(sketch.host),
                "target": .string(sketch.target),
                "from": .string("\(sketch.from)"),
            ],
            "status": explanation.status.map { .integer(Int64($0)) } ?? .null,
            "reason": .string(explanation.reason),
            "why": .string(explanation.why),
            "route": route ?? .null,
            "action": .string(explanation.action),
            "passthrough": .array(passages),
            "retry": explanation.retry.isEmpty ? .null : .string(explanation.retry),
            "protocol": explanation.origin.isEmpty ? .null : .string(explanation.origin),
            "compression": explanation.compression.isEmpty
                ? .null : .string(explanation.compression),
            "cache": explanation.cache?.json ?? .null,
            "responseHeaders": .array(explanation.answerFields.map { .string($0) }),
            "hedge": explanation.hedge.isEmpty ? .null : .string(explanation.hedge),
            "mirror": explanation.mirror.isEmpty ? .null : .string(explanation.mirror),
            "queue": explanation.queue.isEmpty ? .null : .string(explanation.queue),
            "concurrency": explanation.concurrency.isEmpty
                ? .null : .string(explanation.concurrency),
            "limit": explanation.limit.isEmpty ? .null : .string(explanation.limit),
            "access": explanation.access.isEmpty ? .null : .string(explanation.access),
            "passedOver": .array(others),
            "unmet": .array(unmet),
            "pool": explanation.pool?.json(
                forced: AdminDesk.left(view, moment),
                details: source.details
            ) ?? .null,
        ]
        return AdminDesk.answer(document)
    }

    /// Seconds that the health of endpoints is forced for still, by slot.
    private static func left(_ view: ControlView, _ moment: Moment) -> [Int: Double] {
        view.forced.mapValues { max(($0.until - moment.now).seconds.rounded(), 0) }
    }

    /// Says what a query would get, by the picture of health that is or that is supposed.
    func explain(
        _ sketch: QuerySketch,
        _ source: SnapshotSource,
        _ picture: SupposedPicture
    ) throws(Problem) -> ServiceResponse {
        let (view, moment) = (source.view, source.moment)
        guard let snapshot = view.snapshot, view.listeners.contains(where: { $0.door.speaksDNS })
        else { throw Problem(.doorMissing, "There is no DNS listener.") }
        guard let name = DomainName(sketch.name), !sketch.name.isEmpty else {
            throw Problem(.invalidValue, "The parameter 'name' is no domain name.")
        }
        guard let type = RecordType(sketch.type) else {
            throw Problem(.invalidValue, "The parameter 'type' is no record type.")
        }
        let answer = picture.snapshot(snapshot.dns).explain(
            name: name,
            type: type,
            from: sketch.from,
            now: picture.moment.now,
            seed: UInt64(bitPattern: picture.moment.now.nanoseconds)
        )
        let steps = answer.steps.map { step -> JSONValue in
            [
                "name": .string("\(step.name)"),
                "zone": step.zone.map { .string("\($0)") } ?? .null,
                "node": step.node.map { .string("\($0)") } ?? .null,
                "why": .string(step.why),
            ]
        }
        // Only policies that go by places look one up.
        let place =
            answer.policy?.steps.contains(where: \.isByPlace) == true
            ? ClientPlace(sketch.from, view.locations, view.settings.geo) : nil
        let policy = answer.policy?.json(
            details: source.details,
            from: place?.point,
            supposed: picture.mark
        )
        func list(_ lines: [String]) -> JSONValue { .array(lines.map { .string($0) }) }
        let document: JSONValue = [
            "generation": .integer(Int64(clamping: view.generation)),
            "healthGeneration": .integer(Int64(clamping: view.health.generation)),
            "query": [
                "name": .string("\(name)"),
                "type": .string("\(type)"),
                "from": .string("\(sketch.from)"),
            ],
            "supposition": picture.json,
            "rcode": .string("\(answer.code)"),
            "authoritative": .bool(answer.isAuthoritative),
            "truncatedOverUDP": .bool(answer.isTruncatedOverUDP),
            "why": .string(answer.why),
            "steps": .array(steps),
            "records": list(answer.answers),
            "authority": list(answer.authorities),
            "additional": list(answer.additionals),
            "ttl": answer.ttl.map { .integer(Int64($0)) } ?? .null,
            "whyTTL": answer.ttl == nil ? .null : .string(answer.whyTTL),
            "policy": policy ?? .null,
            "place": place?.json ?? .null,
            "alias": answer.alias.map { $0.json(view, at: moment) } ?? .null,
        ]
        return AdminDesk.answer(document)
    }

    static func answer(_ document: JSONValue) -> ServiceResponse {
        var json = JSONWriter()
        json.write(document)
        return .json(json)
    }
}

extension AliasExplanation {
    fileprivate func json(_ view: ControlView, at moment: Moment) -> JSONValue {
        var members = [
            JSONMember("owner", .string("\(owner)")),
            JSONMember("target", .string("\(target)")),
            JSONMember("source", .string(isOutside ? "resolver" : "zone")),
        ]
        guard isOutside else { return .object(members) }
        func seconds(_ interval: Interval?) -> JSONValue {
            interval.map { .number(($0.seconds * 1000).rounded() / 1000) } ?? .null
        }
        members.append(JSONMember("ageSeconds", seconds(age)))
        members.append(JSONMember("leftSeconds", seconds(left)))
        let (word, network) = share.parts
        members.append(JSONMember("answerFor", .string(word)))
        members.append(JSONMember("network", network.map { .string("\($0)") } ?? .null))
        let host = Assembly.host(target)
        if let known = view.aliases?.targets.first(where: { $0.host == host }) {
            let failure = known.entry?.failure ?? ""
            let state = known.state(moment.now, view.settings.alias).rawValue
            members.append(JSONMember("state", .string(state)))
            members.append(JSONMember("failure", failure.isEmpty ? .null : .string(failure)))
        }
        return .object(members)
    }
}

extension CacheExplanation {
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "key": key.isEmpty ? .null : .string(key),
            "mayAnswer": .bool(mayAnswer), "why": .string(why),
            "fetch": fetch.isEmpty ? .null : .string(fetch),
        ]
    }
}

extension RequestSketch {
    /// The head that a client would send.
    var head: [UInt8] {
        var text = "\(method) \(target) HTTP/1.1\r\n"
        if !fields.contains(where: { $0.name == "host" }) { text += "Host: \(host)\r\n" }
        for field in fields { text += "\(field.name): \(field.value)\r\n" }
        return Array((text + "\r\n").utf8)
    }
}

extension RoutePlan {
    fileprivate func json(_ pools: [PoolDefinition]) -> [JSONMember] {
        let hostText =
            switch host {
            case .any: "*"
            case .exact(let name): name
            case .wildcard(let name): "*.\(name)"
            }
        let pathText =
            switch path {
            case .exact(let path): "= \(path)"
            case .prefix(let path): path
            case .expression(let pattern): "~ \(pattern)"
            }
        let names = action.pools.filter(pools.indices.contains).map { pools[$0].name }
        return [
            JSONMember("name", .string(name)),
            JSONMember("host", .string(hostText)),
            JSONMember("path", .string(pathText)),
            JSONMember("when", condition.map { .string("\($0)") } ?? .null),
            JSONMember("pools", .array(names.map(JSONValue.string))),
        ]
    }
}
