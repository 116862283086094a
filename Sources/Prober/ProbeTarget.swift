// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import HTTPProtocol
public import Runtime

/// One endpoint to be probed, with everything that the prober needs to know of it.
public struct ProbeTarget: Sendable, Equatable {
    /// The endpoint's slot in the health table: who it is, across reloads.
    public var slot: Int
    /// Where to connect, the probe's own port already put in.
    public var address: SocketAddress
    /// What to ask.
    public var question: ProbeQuestion
    /// How often, and how long to wait.
    public var rhythm: ProbeRhythm
    /// How TLS is spoken with it; nil for plain TCP.
    @Rare public var security: TargetSecurity?
    /// What its certificate's time must be like; nil for any.
    @Rare public var certificate: CertificateRule?
    /// The PROXY header that its connections begin with, naming nobody; nil for none.
    public var proxyHeader: ProxyVersion?

    /// A target from its parts.
    public init(
        slot: Int,
        address: SocketAddress,
        question: ProbeQuestion = .connect,
        rhythm: ProbeRhythm = ProbeRhythm()
    ) {
        self.slot = slot
        self.address = address
        self.question = question
        self.rhythm = rhythm
    }
}

/// How TLS is spoken with an endpoint.
public struct TargetSecurity: Sendable, Equatable {
    /// The client side.
    public var context: TLSClientContext
    /// The name that its certificate must have.
    public var name: String

    /// Joins the parts.
    public init(context: TLSClientContext, name: String) {
        self.context = context
        self.name = name
    }
}

/// What a probe asks of an endpoint.
///
/// Kept apart from the target: there are tens of thousands of these, and most ask little.
public indirect enum ProbeQuestion: Sendable, Equatable {
    /// That a TCP connection opens.
    case connect
    /// An HTTP exchange that ends as expected.
    case http(HTTPQuestion)
    /// A call of grpc.health.v1 that says SERVING.
    case grpc(GRPCQuestion)
    /// A question to a name server.
    case dns(DNSQuestion)
    /// That a program says so.
    case command(CommandQuestion)

    /// True when another process asks.
    var isCommand: Bool {
        if case .command = self { true } else { false }
    }

    /// True when it goes by UDP.
    var isDatagram: Bool {
        guard case .dns(let question) = self else { return false }
        return !question.isStream
    }
}

/// A call of `grpc.health.v1.Health/Check`.
public struct GRPCQuestion: Sendable, Equatable {
    /// The service asked about; empty for the server as a whole.
    public var service: String
    /// The authority of the call; nil means the target's address.
    public var host: String?

    /// Asks about a service.
    public init(service: String = "", host: String? = nil) {
        self.service = service
        self.host = host
    }
}

/// An HTTP request and what its response must be like.
public struct HTTPQuestion: Sendable, Equatable {
    /// The request method: GET, HEAD or OPTIONS.
    public var method: Method
    /// The request target, in origin form.
    public var path: String
    /// The Host field; nil means the target's address.
    public var host: String?
    /// Further fields in order; one named like a field of ours takes its place.
    public var fields: [ProbeField]
    /// Statuses that pass.
    public var statuses: [ClosedRange<UInt16>]
    /// Text the body must contain; empty for none.
    public var bodyContains: String
    /// A regular expression that the body must match somewhere.
    public var bodyExpression: RegularExpression?
    /// Body bytes read at most; what follows is not judged.
    public var readLimit: Int
    /// What failing dependencies in a JSON body mean.
    public var dependencies: DependencyRule
    /// How the answer says who leads; nil when it does not.
    public var role: RoleRule?

    /// A GET of `path` that must end in 200, with the defaults for all else.
    public init(path: String) {
        method = .get
        self.path = path
        host = nil
        fields = []
        statuses = [200...200]
        bodyContains = ""
        bodyExpression = nil
        readLimit = 65_536
        dependencies = .report
    }
}

/// One field that a probe sends.
public struct ProbeField: Sendable, Equatable {
    /// The field name, a token of RFC 9110 §5.6.2.
    public var name: String
    /// The value.
    public var value: String

    /// Joins name and value.
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// What a JSON body means that gives a status per dependency.
public enum DependencyRule: Sendable, Equatable {
    /// The body is not read for dependencies.
    case ignore
    /// Failing dependencies are named; the status decides.
    case report
    /// A failing dependency, or a body that does not tell, fails the probe.
    case require
}
