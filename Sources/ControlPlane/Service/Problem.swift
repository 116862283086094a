// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Why a request was refused at run time: one row per stable code.
///
/// Codes are never reused; clients and documents may rely on them.
public enum ProblemCode: String, Sendable, CaseIterable {
    /// The request is not HTTP that this service takes.
    case malformedRequest = "M3001"
    /// The body is larger than the limit.
    case bodyTooLarge = "M3002"
    /// The request did not arrive in time.
    case requestTimeout = "M3003"
    /// Every place for a connection is taken.
    case tooManyConnections = "M3004"
    /// Nothing is at this path.
    case notFound = "M3010"
    /// The path does not take this method.
    case methodNotAllowed = "M3011"
    /// The Host field names something that this listener is not.
    case hostRefused = "M3012"
    /// A web page of another origin asks for a change.
    case originRefused = "M3013"
    /// The body is not of a media type that is read here.
    case mediaType = "M3014"
    /// The body is not a JSON document.
    case invalidJSON = "M3015"
    /// A parameter or member is missing, unknown or out of range.
    case invalidValue = "M3016"
    /// There is no pool of this name.
    case unknownPool = "M3020"
    /// The pool has no endpoint of this address or name.
    case unknownEndpoint = "M3021"
    /// Nothing is known of the request.
    case unknownRequest = "M3022"
    /// There is no policy, branch or migration of this name.
    case unknownChange = "M3023"
    /// The new configuration has errors; the old one serves on.
    case configurationRefused = "M3030"
    /// A reload is running already.
    case reloadRunning = "M3031"
    /// The process is on its way out.
    case shuttingDown = "M3032"
    /// The door that the question is about is not configured.
    case doorMissing = "M3033"
    /// The change could not be carried out.
    case changeFailed = "M3034"
    /// Another process is being started to take over.
    case upgradeRunning = "M3035"
    /// There can be no upgrade now.
    case upgradeRefused = "M3036"
    /// A change of a policy that cannot be made now.
    case steeringRefused = "M3037"
    /// What is supposed is in no state that can be.
    case assumption = "M3038"
    /// What is supposed is of nothing that there is.
    case unknownName = "M3039"
    /// What is supposed may be of one thing or another.
    case ambiguousName = "M3040"
    /// The time that is supposed is none, or too far away.
    case supposedTime = "M3041"
    /// There is no such policy.
    case unknownPolicy = "M3042"
    /// There is no zone of this name.
    case unknownZone = "M3043"
    /// The zone has no file that could be read again.
    case zoneWithoutFile = "M3044"
    /// There is no cache of this name, or it does not serve yet.
    case unknownCache = "M3045"
    /// An object that was pushed may not be kept.
    case notPushable = "M3046"
    /// Pinned objects of the cache would take more than they may.
    case pinnedLimit = "M3047"
    /// The cache has no room for what was pushed.
    case pushNoRoom = "M3048"
    /// Nothing that was pushed is stored of the URL.
    case notPushed = "M3049"
    /// There is no warming of this number.
    case unknownWarming = "M3050"
    /// As many warmings are under way as may be.
    case tooManyWarmings = "M3051"
    /// The zone has no key of this role.
    case noSuchRole = "M3075"
    /// A rollover of this role is under way.
    case rolloverRunning = "M3076"
    /// Nothing is expected of the parent.
    case nothingAwaited = "M3077"
    /// The zone is not signed here.
    case zoneWithoutKeys = "M3078"
    /// Another server rolls the keys.
    case keysFollowed = "M3079"
    /// A configuration that is valid waits for first verdicts.
    case reloadPending = "M3175"
}

extension ProblemCode {
    /// The status to answer with, unless the cause names a closer one.
    public var status: UInt16 {
        switch self {
        case .malformedRequest, .invalidJSON: 400
        case .originRefused: 403
        case .notFound, .unknownPool, .unknownEndpoint, .unknownRequest, .doorMissing,
            .unknownChange, .unknownPolicy, .unknownZone, .zoneWithoutKeys, .unknownCache,
            .notPushed, .unknownWarming:
            404
        case .methodNotAllowed: 405
        case .requestTimeout: 408
        case .reloadRunning, .upgradeRunning, .upgradeRefused, .steeringRefused, .zoneWithoutFile,
            .noSuchRole, .rolloverRunning, .nothingAwaited, .keysFollowed,
            .tooManyWarmings:
            409
        case .bodyTooLarge: 413
        case .mediaType: 415
        case .hostRefused: 421
        case .invalidValue, .configurationRefused, .assumption, .unknownName, .ambiguousName,
            .supposedTime, .notPushable:
            422
        case .changeFailed: 500
        case .pinnedLimit, .pushNoRoom: 507
        case .tooManyConnections, .shuttingDown, .reloadPending: 503
        }
    }

    /// What it is called, the same for every occurrence.
    public var title: String {
        switch self {
        case .malformedRequest: "The request is malformed"
        case .bodyTooLarge: "The body is too large"
        case .requestTimeout: "The request did not arrive in time"
        case .tooManyConnections: "Too many connections"
        case .notFound: "There is nothing at this path"
        case .methodNotAllowed: "The method is not allowed here"
        case .hostRefused: "The host name is not allowed"
        case .originRefused: "The request comes from another web page"
        case .mediaType: "The media type is not supported"
        case .invalidJSON: "The body is not valid JSON"
        case .invalidValue: "A value is not valid"
        case .unknownPool: "There is no such pool"
        case .unknownEndpoint: "There is no such endpoint"
        case .unknownRequest: "Nothing is known of this request"
        case .unknownChange: "There is no such policy, branch or migration to change"
        case .configurationRefused: "The configuration was refused"
        case .reloadRunning: "A reload is running"
        case .shuttingDown: "Martlet is shutting down"
        case .doorMissing: "The door is not configured"
        case .changeFailed: "The change could not be made"
        case .upgradeRunning: "An upgrade is running"
        case .upgradeRefused: "There can be no upgrade now"
        case .steeringRefused: "The policy cannot be changed like that now"
        case .assumption: "This cannot be supposed"
        case .unknownName: "There is nothing of this name to suppose a state of"
        case .ambiguousName: "The name of what is supposed means more than one thing"
        case .supposedTime: "The supposed time is not valid"
        case .unknownPolicy: "There is no such policy"
        case .unknownZone: "There is no such zone"
        case .zoneWithoutFile: "The zone has no file"
        case .unknownCache: "There is no such cache"
        case .notPushable: "The object may not be kept"
        case .pinnedLimit: "Pinned objects take all that they may"
        case .pushNoRoom: "The cache has no room"
        case .notPushed: "Nothing was pushed of this URL"
        case .unknownWarming: "There is no such warming"
        case .tooManyWarmings: "Too many warmings"
        case .noSuchRole: "There is no key of this role"
        case .rolloverRunning: "A rollover is under way"
        case .nothingAwaited: "Nothing is expected of the parent"
        case .zoneWithoutKeys: "The zone is not signed here"
        case .keysFollowed: "Another server rolls these keys"
        case .reloadPending: "The configuration is not in force yet"
        }
    }

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .malformedRequest: "Send HTTP/1.1 as RFC 9112 describes it."
        case .bodyTooLarge: "Send less, in several requests where that is possible."
        case .requestTimeout: "Send the whole request within 10 seconds."
        case .tooManyConnections: "Close connections that are not needed, then try again."
        case .notFound: "See Documentation/reference/api.md for the paths."
        case .methodNotAllowed: "Use a method that the Allow field names."
        case .hostRefused:
            "Use localhost, a loopback address, or the address that admin.listen names."
        case .originRefused: "Make changes from Martlet's own page, curl or the martlet command."
        case .mediaType: "Send Content-Type: application/json."
        case .invalidJSON: "Correct the document at the line and column given."
        case .invalidValue: "Correct the value that the detail names."
        case .unknownPool: "GET /api/v1/pools lists the names."
        case .unknownEndpoint: "GET /api/v1/pools/NAME lists names and addresses."
        case .unknownRequest:
            "Raise log.requests.kept or log.requests.share, or look into the access log."
        case .unknownChange: "GET /api/v1/steering lists policies, branches and migrations."
        case .configurationRefused:
            "Correct the errors listed; `martlet check FILE` shows them with the lines."
        case .reloadRunning: "Wait for it to end, then try again."
        case .shuttingDown: "Ask the process that takes over."
        case .doorMissing: "Add a listener for it to the configuration."
        case .changeFailed: "See the event log for the cause."
        case .upgradeRunning: "Wait until it is over, a few seconds, then try again."
        case .upgradeRefused: "See Documentation/operations/upgrade.md for what it needs."
        case .steeringRefused: "See Documentation/operations/changes.md for what goes when."
        case .assumption: "Write WHAT=up, WHAT=down, WHAT=drain or WHAT=maintenance."
        case .unknownName: "Name an endpoint, a pool, a probe or an address that the detail lists."
        case .ambiguousName: "Write it in one of the ways that the detail lists."
        case .supposedTime:
            "Write a time by RFC 3339, or `+10m`; at most 366 days from now."
        case .unknownPolicy: "Name a policy under `steer` of the configuration."
        case .unknownZone: "Name a zone that `martlet zone list` shows."
        case .noSuchRole: "See 'martlet zone sign-status' for the keys that the zone has."
        case .rolloverRunning:
            "See 'martlet zone sign-status' for what it waits for; 'urgent' leaves margins out."
        case .nothingAwaited: "See 'martlet zone sign-status' for when the parent is asked."
        case .zoneWithoutKeys: "Set 'dnssec' of the zone."
        case .keysFollowed: "Ask the server whose files are followed."
        case .reloadPending:
            "Look at `generation` of the snapshot; shorter timeouts of probes make it sooner."
        case .zoneWithoutFile: "Change it in the configuration, then `martlet reload`."
        case .unknownCache: "GET /api/v1/caches lists the names."
        case .notPushable:
            "Correct the headers: what says no-store or private, sets cookies or varies by all is not kept."
        case .pinnedLimit:
            "Raise `pinned-limit` of the cache, take pinned objects out, or push it without a pin."
        case .pushNoRoom: "Raise `memory` of the cache."
        case .notPushed: "GET /api/v1/caches/CACHE/objects lists what was pushed."
        case .unknownWarming: "GET /api/v1/warmings lists them."
        case .tooManyWarmings: "Wait for one to end, or cancel one."
        }
    }
}

/// How a service says that it refuses a request.
public enum ServiceErrorForm: Sendable, Equatable {
    /// As `application/problem+json` (RFC 9457).
    case problem
    /// As an object with one member, `error`, as PowerDNS does.
    case error
}

/// One refusal, rendered as `application/problem+json` (RFC 9457).
public struct Problem: Error, Equatable, Sendable {
    /// The kind.
    public var code: ProblemCode
    /// The status of the answer.
    public var status: UInt16
    /// What is wrong with this very request.
    public var detail: String
    /// Methods for the Allow field; empty for none.
    public var allow: String
    /// Further members of the document, such as `errors`.
    public var members: [JSONMember]

    /// A refusal of a kind, with what is wrong this time.
    public init(_ code: ProblemCode, _ detail: String, status: UInt16? = nil) {
        self.code = code
        self.detail = detail
        self.status = status ?? code.status
        allow = ""
        members = []
    }

    /// The document.
    public var json: JSONValue {
        let known: [JSONMember] = [
            JSONMember("type", .string("urn:martlet:problem:\(code.rawValue)")),
            JSONMember("title", .string(code.title)),
            JSONMember("status", .integer(Int64(status))),
            JSONMember("code", .string(code.rawValue)),
            JSONMember("detail", .string(detail)),
            JSONMember("remedy", .string(code.remedy)),
        ]
        return .object(known + members)
    }

    /// The answer in the form of a service.
    func response(as form: ServiceErrorForm) -> ServiceResponse {
        guard form == .error else { return response }
        let text = "\(code.title): \(detail) \(code.remedy)"
        return .json(["error": .string(text)], status: status)
    }

    /// The answer.
    public var response: ServiceResponse {
        var fields: [(name: String, value: String)] = [
            ("Content-Type", "application/problem+json")
        ]
        if !allow.isEmpty { fields.append(("Allow", allow)) }
        let text = json.text(indented: true) + "\n"
        return ServiceResponse(status: status, fields: fields, body: .bytes(Array(text.utf8)))
    }
}
