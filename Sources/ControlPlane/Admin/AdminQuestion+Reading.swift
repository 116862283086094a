// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Steering

extension AdminQuestion {
    /// Makes a question of a request, or says why there is none in it.
    public init(_ request: ServiceRequest) throws(Problem) {
        guard let segments = request.segments, let parameters = request.parameters else {
            throw Problem(.malformedRequest, "The target holds a broken percent escape.")
        }
        let (rows, values) = AdminRoute.find(segments)
        guard !rows.isEmpty else { throw Problem(.notFound, "Nothing is at \(request.path).") }
        if request.method == .options {
            self = .options(AdminRoute.allow(rows))
            return
        }
        let method = request.method == .head ? "GET" : "\(request.method.name)"
        guard let row = rows.first(where: { $0.method == method }) else {
            let asked = method.isEmpty ? "that method" : method
            var problem = Problem(.methodNotAllowed, "\(request.path) does not take \(asked).")
            problem.allow = AdminRoute.allow(rows)
            throw problem
        }
        self = try AdminQuestion.read(row.target, values, Parameters(parameters), request)
    }

    private static func read(
        _ target: AdminRoute.Target,
        _ values: [String],
        _ parameters: Parameters,
        _ request: ServiceRequest
    ) throws(Problem) -> AdminQuestion {
        switch target {
        case .page: return .page
        case .live: return .live
        case .ready: return .ready
        case .started: return .started
        case .metrics:
            return .metrics(isOpenMetrics: MetricText.isOpenMetrics(request.field("accept")))
        case .snapshot: return .snapshot
        case .pools: return .pools
        case .pool: return .pool(values.first ?? "")
        case .endpoint:
            let change = try EndpointChange(request)
            return .change(pool: values.first ?? "", endpoint: values.last ?? "", change)
        case .overlay: return .discardOverlay
        case .steering: return .steering
        case .steer: return .steer(policy: values.first ?? "", try SteeringOrder(request))
        case .migrate:
            return .migrate(values.first ?? "", try MigrationMachine.Order(request))
        case .reload: return .reload
        case .reloadZone: return .reloadZone(values.first ?? "")
        case .allKeys: return .keys(zone: nil)
        case .keys: return .keys(zone: values.first ?? "")
        case .orderKeys: return .orderKeys(zone: values.first ?? "", try KeyOrder(request))
        case .exportZone: return .exportZone(values.first ?? "")
        case .discardZone: return .discardZone(values.first ?? "")
        case .zoneChanges: return .zoneChanges(values.first ?? "")
        case .importZone: return .importZone(try ZoneImportOrder(values.first ?? "", request))
        case .caches: return .caches
        case .purge: return .purge(cache: values.first ?? "", try PurgeOrder(request))
        case .cached:
            try parameters.check(known: ["url", "cache"])
            let url = try parameters.required("url")
            return .cached(url: url, cache: parameters.value("cache"))
        case .push, .pushed, .unpush, .top, .allStatistics, .statistics, .warm, .warmings, .warming,
            .cancelWarming:
            return try readCaching(target, values, parameters, request)
        case .upgrade: return .upgrade
        case .explain: return .explain(try RequestSketch(parameters))
        case .explainDNS: return .explainDNS(try QuerySketch(parameters))
        case .queries: return .queries(try QueryFilter(parameters))
        case .answers:
            try parameters.check(known: ["policy"])
            return .answers(policy: parameters.value("policy"))
        case .place:
            guard let address = values.first.flatMap({ IPAddress($0) }) else {
                throw Problem(.invalidValue, "'\(values.first ?? "")' is no IP address.")
            }
            return .place(address)
        case .roundTrips: return .roundTrips(try RTTPageSketch(parameters))
        case .measure: return .measure(try RTTReader.Row.read(request))
        case .failoverTime:
            try parameters.check(known: ["name"])
            return .failoverTime(name: parameters.value("name"))
        case .request: return .why(values.first ?? "")
        case .events:
            try parameters.check(known: ["after"])
            return .events(after: try parameters.number("after") ?? 0)
        case .eventStream:
            try parameters.check(known: ["after"])
            let latest = request.field("last-event-id").flatMap { UInt64($0) }
            return .eventStream(after: try parameters.number("after") ?? latest)
        }
    }
}

/// The parameters of a query, taken one by one.
struct Parameters {
    let all: [ServiceRequest.Field]

    init(_ all: [ServiceRequest.Field]) { self.all = all }

    func value(_ name: String) -> String? { all.first { $0.name == name }?.value }

    func required(_ name: String) throws(Problem) -> String {
        guard let value = value(name), !value.isEmpty else {
            throw Problem(.invalidValue, "The parameter '\(name)' is missing.")
        }
        return value
    }

    func number(_ name: String) throws(Problem) -> UInt64? {
        guard let text = value(name) else { return nil }
        guard let number = UInt64(text) else {
            throw Problem(.invalidValue, "The parameter '\(name)' is no number: '\(text)'.")
        }
        return number
    }

    func address(_ name: String) throws(Problem) -> IPAddress? {
        guard let text = value(name) else { return nil }
        guard let address = IPAddress(text) else {
            throw Problem(.invalidValue, "The parameter '\(name)' is no IP address: '\(text)'.")
        }
        return address
    }

    /// A misspelt parameter must not be passed over as if it had no effect, nor one of two values;
    /// `repeated` are those that may stand several times.
    func check(known: [String], repeated: [String] = []) throws(Problem) {
        var seen = Set(repeated)
        for name in all.map(\.name) {
            guard known.contains(name) else {
                let names = known.joined(separator: ", ")
                throw Problem(.invalidValue, "Unknown parameter '\(name)'; known are \(names).")
            }
            guard seen.insert(name).inserted || repeated.contains(name) else {
                throw Problem(.invalidValue, "The parameter '\(name)' is there twice.")
            }
        }
    }
}

extension RequestSketch {
    init(_ parameters: Parameters) throws(Problem) {
        try parameters.check(known: ["url", "method", "from", "header"], repeated: ["header"])
        let url = try parameters.required("url")
        let isSecure = url.lowercased().hasPrefix("https://")
        guard isSecure || url.lowercased().hasPrefix("http://") else {
            throw Problem(
                .invalidValue,
                "The parameter 'url' must begin with http:// or https://: '\(url)'."
            )
        }
        let rest = url.dropFirst(isSecure ? 8 : 7).prefix { $0 != "#" }
        var authority = rest.prefix { $0 != "/" && $0 != "?" }
        let target = rest.dropFirst(authority.count)
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            authority = authority[..<colon]
        }
        guard !authority.isEmpty, !authority.contains("@") else {
            throw Problem(.invalidValue, "The parameter 'url' names no host: '\(url)'.")
        }
        self.init(
            host: authority.lowercased(),
            target: target.hasPrefix("/") ? String(target) : "/\(target)"
        )
        if let method = parameters.value("method") {
            guard FieldSyntax.isToken(Array(method.utf8).span) else {
                throw Problem(.invalidValue, "'\(method)' is no method.")
            }
            self.method = method
        }
        self.isSecure = isSecure
        from = try parameters.address("from") ?? from
        for line in parameters.all where line.name == "header" {
            fields.append(try RequestSketch.field(line.value))
        }
    }

    private static func field(_ line: String) throws(Problem) -> ServiceRequest.Field {
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, FieldSyntax.isToken(Array(parts[0].utf8).span) else {
            throw Problem(.invalidValue, "'\(line)' is no header; write 'Name: value'.")
        }
        let value = parts[1].drop { $0 == " " }
        return ServiceRequest.Field(parts[0].lowercased(), String(value))
    }
}

extension QuerySketch {
    init(_ parameters: Parameters) throws(Problem) {
        try parameters.check(known: ["name", "type", "from", "assume", "at"], repeated: ["assume"])
        self.init(name: try parameters.required("name"))
        type = parameters.value("type")?.uppercased() ?? type
        from = try parameters.address("from") ?? from
        supposition = try Supposition(parameters)
    }
}

extension QueryFilter {
    init(_ parameters: Parameters) throws(Problem) {
        try parameters.check(known: ["name", "from", "limit"])
        self.init()
        name = parameters.value("name")
        if let text = parameters.value("from") {
            guard let prefix = Prefix(text) else {
                throw Problem(.invalidValue, "The parameter 'from' is no network: '\(text)'.")
            }
            from = prefix
        }
        guard let number = try parameters.number("limit") else { return }
        guard (1...QueryFilter.mostLimit).contains(number) else {
            throw Problem(
                .invalidValue,
                "The parameter 'limit' must be a number from 1 to \(QueryFilter.mostLimit)."
            )
        }
        limit = Int(number)
    }
}

extension EndpointChange {
    /// The largest weight that can be set.
    static let weightLimit: Int64 = 65_535

    /// The longest time that a drain can be given: a week, as in the configuration.
    static let drainLimit = 604_800.0

    /// Reads the body of a PATCH: `administrative`, `weight`, `drainSeconds`, `force`,
    /// `forceSeconds`; nothing else.
    init(_ request: ServiceRequest) throws(Problem) {
        let members = try request.jsonMembers()
        self.init()
        for member in members where member.name != "forceSeconds" { try take(member) }
        try takeLength(members.first { $0.name == "forceSeconds" }?.value)
        guard drain != nil, state == .ready else { return }
        throw Problem(.invalidValue, "'drainSeconds' is for 'draining' and 'maintenance'.")
    }

    /// How long a health is forced unless the body says so.
    static let forceLength = Interval.seconds(3600)

    private mutating func takeLength(_ value: JSONValue?) throws(Problem) {
        guard let value else { return }
        guard case .hold(let isUp, _) = force else {
            throw Problem(.invalidValue, "'forceSeconds' is for 'force' with 'up' or 'down'.")
        }
        let range = 1...EndpointChange.drainLimit
        guard let number = value.number, range.contains(number) else {
            let limit = Int(EndpointChange.drainLimit)
            throw Problem(.invalidValue, "'forceSeconds' must be a number from 1 to \(limit).")
        }
        force = .hold(isUp: isUp, for: .milliseconds(Int64(number * 1000)))
    }

    private mutating func takeForce(_ value: JSONValue) throws(Problem) {
        switch value.string {
        case "up": force = .hold(isUp: true, for: EndpointChange.forceLength)
        case "down": force = .hold(isUp: false, for: EndpointChange.forceLength)
        case "auto": force = .auto
        default: throw Problem(.invalidValue, "'force' must be one of up, down, auto.")
        }
    }

    private mutating func take(_ member: JSONMember) throws(Problem) {
        switch member.name {
        case "administrative":
            let words = AdministrativeState.allCases.map(\.word)
            guard let state = member.value.string.flatMap({ AdministrativeState(word: $0) }) else {
                let known = words.joined(separator: ", ")
                throw Problem(.invalidValue, "'administrative' must be one of \(known).")
            }
            self.state = state
        case "weight":
            if member.value.isNull {
                weight = .fromFile
                return
            }
            let range = 0...EndpointChange.weightLimit
            guard let value = member.value.integer, range.contains(value) else {
                let limit = EndpointChange.weightLimit
                throw Problem(
                    .invalidValue,
                    "'weight' must be null or a number from 0 to \(limit)."
                )
            }
            weight = .set(UInt32(value))
        case "drainSeconds":
            let range = 0...EndpointChange.drainLimit
            guard let value = member.value.number, range.contains(value) else {
                let limit = Int(EndpointChange.drainLimit)
                throw Problem(.invalidValue, "'drainSeconds' must be a number from 0 to \(limit).")
            }
            drain = .milliseconds(Int64(value * 1000))
        case "force": try takeForce(member.value)
        default:
            let known =
                "known are administrative, weight, drainSeconds, force and forceSeconds"
            throw Problem(.invalidValue, "Unknown member '\(member.name)'; \(known).")
        }
    }
}
