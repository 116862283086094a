// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// An active check and its rhythm.
public struct ProbeSettings: Sendable, Equatable {
    /// The key under `probes`.
    public var name: String
    /// What is asked of the endpoint.
    public var check: ProbeCheck
    /// The port asked instead of the endpoint's own; nil means the endpoint's.
    public var port: UInt16?
    /// From the start of one check to the start of the next.
    public var interval: Interval
    /// The whole check must be over by then.
    public var timeout: Interval
    /// Successes in a row that turn down into up.
    public var rise: Int
    /// Failures in a row that turn up into down.
    public var fall: Int
    /// Share of the interval by which each check is moved at random.
    public var jitter: Percentage
    /// The interval while a state is changing; never longer than ``interval``.
    public var fastInterval: Interval
    /// What a down verdict does to work already there.
    public var kind: ProbeKind
    /// Whether it speaks TLS.
    public var tls: ProbeSecurity
    /// What the certificate that is shown must be like.
    public var certificate: ProbeCertificateSettings
    /// The calculated probe that must be up as well; nil for none.
    public var requires: String?
}

/// What a probe wants of the certificate that an endpoint shows.
public struct ProbeCertificateSettings: Sendable, Equatable {
    /// The name that it must have; nil for the one that is asked for anyway.
    public var name: String?
    /// Whether it must be valid and have the expected name.
    public var verify: Bool
    /// A file of authorities in PEM; nil means those of the system.
    public var authorities: String?
    /// Days that it must have left; 0 for any number.
    public var minDays: Int
    /// What fewer days mean.
    public var ending: EndingPolicy
}

/// What it means that a certificate ends soon.
public enum EndingPolicy: String, Sendable, Equatable, CaseIterable {
    /// Somebody should look.
    case warn
    /// The check fails.
    case down
}

/// What a probe asks.
public enum ProbeCheck: Sendable, Equatable {
    /// That a TCP connection opens.
    case tcp
    /// That TLS is agreed on over it.
    case tls
    /// An HTTP exchange that ends as expected.
    case http(HTTPProbeSettings)
    /// A call of grpc.health.v1 that says SERVING.
    case grpc(GRPCProbeSettings)
    /// A question to a name server.
    case dns(DNSProbeSettings)
    /// That a program says so.
    case command(CommandProbeSettings)
    /// Nothing: the states of others decide.
    case calculated(CalculatedProbeSettings)
}

/// The program that a probe runs.
public struct CommandProbeSettings: Sendable, Equatable {
    /// Its absolute path.
    public var program: String
    /// Its arguments, in which `{address}` and the like stand for what is probed.
    public var arguments: [CommandArgument]
    /// Exit statuses that count as success.
    public var exit: [Int]
}

/// A verdict made of the states of others.
public struct CalculatedProbeSettings: Sendable, Equatable {
    /// Members that must be well; nil for all.
    public var atLeast: Int?
    /// The members.
    public var of: [CheckMemberSettings]
}

/// One whose state counts.
public struct CheckMemberSettings: Sendable, Equatable {
    /// A pool whose endpoints are looked at.
    public var pool: String?
    /// One endpoint of the pool; nil for all.
    public var endpoint: String?
    /// Endpoints that must take new work.
    public var endpoints: Int
    /// Another calculated probe.
    public var probe: String?
    /// Whether it counts while it is not well.
    public var not: Bool
}

/// The question of a DNS probe, and what the answer must be like.
public struct DNSProbeSettings: Sendable, Equatable {
    /// The name asked for.
    public var name: String
    /// The type asked for.
    public var type: String
    /// Response codes that count as success.
    public var rcode: [String]
    /// Addresses that the answer must have; none for any.
    public var addresses: [IPAddress]
    /// How many of ``addresses`` must be there.
    public var match: AnswerMatch
    /// Whether the server must be an authority for the name.
    public var authoritative: Bool
    /// How the question goes.
    public var transport: DNSTransport
}

/// How many of the expected addresses an answer must have.
public enum AnswerMatch: String, Sendable, Equatable, CaseIterable {
    /// One.
    case any
    /// All.
    case all
}

/// How a question reaches a name server.
public enum DNSTransport: String, Sendable, Equatable, CaseIterable {
    /// By one datagram.
    case udp
    /// By a connection.
    case tcp
}

/// How far a TCP probe goes.
public enum TCPProbe: String, Sendable, Equatable, CaseIterable {
    /// To the connection.
    case connect
    /// To the end of the TLS handshake.
    case tls
}

/// The call of a gRPC probe.
public struct GRPCProbeSettings: Sendable, Equatable {
    /// The service asked about; nil means the server as a whole.
    public var service: String?
    /// The authority; nil means the endpoint's own address or name.
    public var host: String?
}

/// Whether a probe speaks TLS.
public enum ProbeSecurity: String, Sendable, Equatable, CaseIterable {
    /// Where the pool does, and as it does.
    case pool
    /// Always, as the probe's own ``ProbeCertificateSettings`` say.
    case on
    /// Never.
    case off
}

/// What a down verdict does.
public enum ProbeKind: String, Sendable, Equatable, CaseIterable {
    /// No new work; nothing is cut.
    case readiness
    /// The endpoint is dead: its connections are closed.
    case liveness
}

/// The HTTP exchange of a probe.
public struct HTTPProbeSettings: Sendable, Equatable {
    /// The request target.
    public var path: String
    /// The request method.
    public var method: ProbeMethod
    /// The Host field; nil means the endpoint's own address or name.
    public var host: String?
    /// Further request fields in file order.
    public var headers: [HeaderSettings]
    /// Statuses that count as success.
    public var expect: StatusRanges
    /// Text the body must contain.
    public var bodyContains: String?
    /// A regular expression (RE2) the body must match somewhere.
    public var bodyRegex: String?
    /// Body bytes read at most.
    public var readLimit: ByteCount
    /// What a JSON body with a status per dependency means.
    public var dependencies: DependencyPolicy
    /// How the answer says who leads; nil when it does not.
    public var role: RoleSettings?
}

/// A request method of a probe.
public enum ProbeMethod: String, Sendable, Equatable, CaseIterable {
    /// GET.
    case get = "GET"
    /// HEAD: no body is read.
    case head = "HEAD"
    /// OPTIONS.
    case options = "OPTIONS"
}

/// One field that a probe sends.
public struct HeaderSettings: Sendable, Equatable {
    /// The field name, a token of RFC 9110 §5.6.2.
    public var name: String
    /// The value, free of CR, LF and NUL.
    public var value: String
}

/// What a JSON health body means that gives a status per dependency.
public enum DependencyPolicy: String, Sendable, Equatable, CaseIterable {
    /// The body is not read for dependencies.
    case ignore
    /// Failing dependencies are named in the reason; the status decides.
    case report
    /// A failing dependency fails the check.
    case require
}
