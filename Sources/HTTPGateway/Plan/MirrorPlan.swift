// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol

/// Where copies of a route's requests go, and which.
public struct MirrorPlan: Sendable, Equatable {
    /// The number of the pool that gets the copies.
    public var pool: Int
    /// Share of the requests that are copied.
    public var percent = 100
    /// Which methods are.
    public var methods = MirroredMethods.all
    /// Content bytes of a request that is copied.
    public var bodyLimit = 65_536
    /// From the end of the request to the end of the copy's answer.
    public var timeout = Interval.seconds(5)
    /// What of the answers is compared.
    public var compare = MirrorComparison.off

    /// All requests go to the pool with this number as well.
    public init(pool: Int) { self.pool = pool }
}

/// Which requests may be copied.
public enum MirroredMethods: UInt8, Sendable, BitwiseCopyable {
    /// Those of every method.
    case all
    /// Those that change nothing (RFC 9110 §9.2.1).
    case safe
}

/// What of the copy's answer is compared with the one that the client got.
public enum MirrorComparison: UInt8, Sendable, BitwiseCopyable {
    /// Nothing.
    case off
    /// The status.
    case status
    /// Status, length and content.
    case body
}

/// Why no copy was sent of a request that was to have one.
public enum MirrorSkip: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// As many copies as may be are under way.
    case busy
    /// They hold as much memory as they may.
    case memory
    /// The request has more content than is copied.
    case bodyTooLarge
    /// The request ended before an endpoint had all of it.
    case unsent
    /// Nobody in the pool is up.
    case noEndpoint
    /// All who are have as many requests as they may, or requests wait for them.
    case atLimit
    /// The head of the copy does not fit.
    case headTooLarge
    /// The process ends.
    case shutdown
    /// The worker is behind with its work.
    case overloaded

    /// The word in metrics.
    public var word: StaticString {
        switch self {
        case .busy: "busy"
        case .memory: "memory"
        case .bodyTooLarge: "body-too-large"
        case .unsent: "unsent"
        case .noEndpoint: "no-endpoint"
        case .atLimit: "at-limit"
        case .headTooLarge: "head-too-large"
        case .shutdown: "shutdown"
        case .overloaded: "overloaded"
        }
    }
}

/// Why a copy got no whole answer.
public enum MirrorFailure: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// No connection came about.
    case connect
    /// No TLS did.
    case tls
    /// The answer took too long.
    case timeout
    /// The connection ended first.
    case reset
    /// What came is no answer.
    case malformed
    /// It was ended from here: the endpoint is down or has drained, or the process ends.
    case cut

    /// The word in metrics.
    public var word: StaticString {
        switch self {
        case .connect: "connect"
        case .tls: "tls"
        case .timeout: "timeout"
        case .reset: "reset"
        case .malformed: "malformed"
        case .cut: "cut"
        }
    }

    init(_ fault: Fault) {
        switch fault {
        case .connectRefused, .connectTimeout, .connectFailed: self = .connect
        case .originSecurity, .originVersion: self = .tls
        case .requestTimeout, .firstByteTimeout, .betweenBytesTimeout, .tryTimeout, .originSlow:
            self = .timeout
        case .originReset, .originClosed, .originTruncated: self = .reset
        case .originMalformed: self = .malformed
        default: self = .cut
        }
    }
}

/// What came of comparing the two answers.
public enum MirrorVerdict: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// All that is compared is the same.
    case same
    /// The statuses differ.
    case status
    /// Length or content differ.
    case body
    /// One of the two got no whole answer of an endpoint.
    case unanswered
    /// Both are longer than what is compared.
    case tooLarge

    /// The word in metrics.
    public var word: StaticString {
        switch self {
        case .same: "same"
        case .status: "status"
        case .body: "body"
        case .unanswered: "unanswered"
        case .tooLarge: "too-large"
        }
    }
}

/// A mirror compiled for the loops.
struct MirrorRule: Sendable, BitwiseCopyable {
    var pool: Int32
    var percent: UInt8
    var methods: MirroredMethods
    var compare: MirrorComparison
    var bodyLimit: Int32
    var timeout: Interval

    init(_ plan: MirrorPlan) {
        pool = Int32(clamping: plan.pool)
        percent = UInt8(clamping: plan.percent)
        methods = plan.methods
        compare = plan.compare
        bodyLimit = Int32(clamping: min(plan.bodyLimit, MirrorState.bodyMaximum))
        timeout = plan.timeout
    }

    /// True when a request of this method has a copy; `draw` is any number.
    func takes(_ method: Method, draw: UInt64) -> Bool {
        (methods == .all || method.isSafe) && (percent >= 100 || draw % 100 < UInt64(percent))
    }
}

extension MirrorPlan {
    /// The mirror in words, of a pool with this name.
    func text(_ name: String) -> String {
        let kind = methods == .safe ? "safe requests" : "requests"
        let compared =
            switch compare {
            case .off: ""
            case .status: ", statuses compared"
            case .body: ", status and content compared"
            }
        return "\(percent) % of the \(kind) to pool \(name) as well\(compared)"
    }
}
