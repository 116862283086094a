// SPDX-License-Identifier: Apache-2.0

/// What Martlet knows about whether an endpoint can serve.
public enum Health: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// A probe is configured but has given no verdict yet.
    case unknown = 0
    /// Fit to serve.
    case up = 1
    /// Not fit to serve.
    case down = 2

    /// The word used in configuration, logs, metrics and the API.
    public var word: String {
        switch self {
        case .unknown: "unknown"
        case .up: "up"
        case .down: "down"
        }
    }

    /// Reads ``word`` back.
    public init?(word: some StringProtocol) {
        guard let found = Health.allCases.first(where: { $0.word == word }) else { return nil }
        self = found
    }
}

/// What the operator wants of an endpoint, whatever its health.
public enum AdministrativeState: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// Takes work as its health allows.
    case ready = 0
    /// Takes no new work; what it has is finished.
    case draining = 1
    /// Takes no work at all.
    case maintenance = 2

    /// The word used in configuration, logs, metrics and the API.
    public var word: String {
        switch self {
        case .ready: "ready"
        case .draining: "draining"
        case .maintenance: "maintenance"
        }
    }

    /// Reads ``word`` back.
    public init?(word: some StringProtocol) {
        guard let found = AdministrativeState.allCases.first(where: { $0.word == word }) else {
            return nil
        }
        self = found
    }
}

/// Why an endpoint has the health it has: a closed list with stable words.
///
/// Raw values are written into health words and saved states; they are never reused.
public enum HealthReason: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// No probe has reported yet.
    case pending = 0
    /// The probe passed.
    case probePassed = 1
    /// No probe is configured: counted as up.
    case noProbe = 2
    /// The connection was refused.
    case connectRefused = 3
    /// No connection within the time allowed.
    case connectTimeout = 4
    /// The connection failed for another reason, for example no route.
    case connectFailed = 5
    /// The peer reset the connection.
    case connectionReset = 6
    /// The peer closed before a whole answer.
    case closedEarly = 7
    /// No whole answer within the probe's timeout.
    case probeTimeout = 8
    /// The answer is not valid HTTP.
    case malformedResponse = 9
    /// The body lacks what the probe asks for.
    case bodyMismatch = 10
    /// The body says that a dependency fails; the detail names it.
    case dependency = 11
    /// The endpoint's name does not resolve.
    case unresolved = 12
    /// Consecutive failures of real requests.
    case passiveFailures = 13
    /// Too large a share of real requests failed.
    case passiveErrorRate = 14
    /// TLS with the endpoint failed.
    case tlsFailed = 15
    /// Far slower than the rest of its pool.
    case passiveLatency = 16
    /// The endpoint answers that it does not serve (grpc.health.v1); the detail says how.
    case notServing = 17
    /// A gRPC call ended with an error; the detail holds its code.
    case grpcStatus = 18
    /// The endpoint's certificate ends sooner than the probe allows; the detail says when.
    case certificateEnding = 19
    /// A name server answered with a response code that does not pass; the detail names it.
    case unexpectedCode = 20
    /// A name server's answer lacks records; the detail says which.
    case answerMismatch = 21
    /// A name server answered without being an authority for the name.
    case notAuthoritative = 22
    /// A calculated check that it depends on is down; the detail says which, and why.
    case calculated = 23
    /// An operator says that it is up, for a while.
    case forcedUp = 24
    /// An operator says that it is down, for a while.
    case forcedDown = 25
    /// A command ended with a status that does not pass, or by a signal; the detail says how.
    case commandFailed = 26
    /// A command cannot be run; the detail says why.
    case commandUnusable = 27
    /// The process that runs commands ended while this one ran.
    case commandLost = 28
    /// An unexpected status without a word of its own; the detail holds it.
    case statusUnexpected = 32
    /// Status 400.
    case status400 = 33
    /// Status 401.
    case status401 = 34
    /// Status 403.
    case status403 = 35
    /// Status 404.
    case status404 = 36
    /// Status 429.
    case status429 = 37
    /// Status 500.
    case status500 = 38
    /// Status 501.
    case status501 = 39
    /// Status 502.
    case status502 = 40
    /// Status 503.
    case status503 = 41
    /// Status 504.
    case status504 = 42
    /// Somebody asks what would be if it were so; no door ever reads it.
    case supposed = 63

    /// The reason for an unexpected status code.
    public static func status(_ code: Int) -> HealthReason {
        switch code {
        case 400: .status400
        case 401: .status401
        case 403: .status403
        case 404: .status404
        case 429: .status429
        case 500: .status500
        case 501: .status501
        case 502: .status502
        case 503: .status503
        case 504: .status504
        default: .statusUnexpected
        }
    }

    /// The part of a detail that makes it another cause when it changes.
    ///
    /// What commands say behind a colon may hold a measured value, which differs each time.
    func gist(of detail: String) -> Substring {
        switch self {
        case .commandFailed, .probeTimeout: detail.prefix { $0 != ":" }
        default: detail[...]
        }
    }

    /// True when not even a connection could be made.
    public var isConnectFailure: Bool {
        switch self {
        case .connectRefused, .connectTimeout, .connectFailed, .unresolved: true
        default: false
        }
    }

    /// The stable word used in logs, metrics and the API.
    public var word: String {
        switch self {
        case .pending: "pending"
        case .probePassed: "probe-passed"
        case .noProbe: "no-probe"
        case .connectRefused: "connect-refused"
        case .connectTimeout: "connect-timeout"
        case .connectFailed: "connect-failed"
        case .connectionReset: "connection-reset"
        case .closedEarly: "closed-early"
        case .probeTimeout: "probe-timeout"
        case .malformedResponse: "malformed-response"
        case .bodyMismatch: "body-mismatch"
        case .dependency: "dependency"
        case .unresolved: "unresolved"
        case .passiveFailures: "passive-failures"
        case .passiveErrorRate: "passive-error-rate"
        case .passiveLatency: "passive-latency"
        case .tlsFailed: "tls-failed"
        case .notServing: "not-serving"
        case .grpcStatus: "grpc-status"
        case .certificateEnding: "certificate-ending"
        case .unexpectedCode: "unexpected-rcode"
        case .answerMismatch: "answer-mismatch"
        case .notAuthoritative: "not-authoritative"
        case .calculated: "calculated-check"
        case .forcedUp: "forced-up"
        case .forcedDown: "forced-down"
        case .commandFailed: "command-failed"
        case .commandUnusable: "command-unusable"
        case .commandLost: "command-lost"
        case .supposed: "supposed"
        case .statusUnexpected: "status-unexpected"
        default: "status-\(statusCode)"
        }
    }

    /// Reads ``word`` back.
    public init?(word: some StringProtocol) {
        guard let found = HealthReason.allCases.first(where: { $0.word == word }) else {
            return nil
        }
        self = found
    }

    private var statusCode: Int {
        switch self {
        case .status400: 400
        case .status401: 401
        case .status403: 403
        case .status404: 404
        case .status429: 429
        case .status500: 500
        case .status501: 501
        case .status502: 502
        case .status503: 503
        case .status504: 504
        default: 0
        }
    }
}
