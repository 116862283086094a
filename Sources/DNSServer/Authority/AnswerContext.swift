// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
public import Essentials
internal import Steering

/// How a query came, and how its answer goes.
public enum DNSTransport: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// A datagram.
    case udp
    /// TCP (RFC 7766).
    case tcp
    /// TLS (RFC 7858).
    case dot
    /// HTTPS (RFC 8484).
    case doh

    /// The word in records and metrics.
    public var word: StaticString {
        switch self {
        case .udp: "udp"
        case .tcp: "tcp"
        case .dot: "dot"
        case .doh: "doh"
        }
    }
}

/// What an answer depends on besides the question and the data.
public struct AnswerContext: BitwiseCopyable, Sendable {
    /// The time, for policies.
    public var now: Instant
    /// Turns address sets, and draws by weight.
    public var random: SeededRandom
    /// The size of UDP messages that is announced and never exceeded (RFC 6891 §6.2.5).
    public var ednsSize: UInt16
    /// How the query came.
    public var transport: DNSTransport
    /// Who asks, and so whose answer it is unless a client subnet is stated and heard.
    public var client: IPAddress
    /// True when the client subnet that the asker states is heard and answered (RFC 7871 §7.2).
    public var hearsSubnet: Bool
    /// How the door behaves towards askers.
    public var conduct: DNSConduct
    /// Seconds since 1970, modulo 2^32, for cookies (RFC 9018 §4.3).
    public var timestamp: UInt32 = 0
    /// How long a TCP connection may be idle, in units of 100 ms, for those who ask (RFC 7828).
    public var keepalive: UInt16?
    /// True where padding hides lengths, on encrypted transports; elsewhere it has no octets
    /// (RFC 7830 §6).
    public var pads: Bool
    // Octets that are kept back for the signature of the response.
    var signatureRoom = 0
    // Nobody gets the answer: it leaves no trace of a client.
    var isTrial = false
    // The latest steered answer; its room is here so that it need not be cleared for each query.
    var answers = AnswerSet()
    // How many of its endpoints are to be counted.
    var answeredCount = 0
    var answersIPv6 = false
    // What the query in hand is picked for: a record of it is kept, or goes to the log.
    var isKept = false
    var isLogged = false
    // What its policy decided, if it is picked.
    var decision = DecisionNote()
    // For records: the port of who asks, and the listener; 0 and -1 where there is none.
    var clientPort: UInt16 = 0
    var listener: Int16 = -1

    /// The default for ``ednsSize``: no fragment on any usual path (DNS flag day 2020).
    public static var defaultEDNSSize: UInt16 { 1232 }

    /// Puts the parts together.
    public init(
        now: Instant,
        random: SeededRandom,
        ednsSize: UInt16 = AnswerContext.defaultEDNSSize,
        transport: DNSTransport = .udp,
        client: IPAddress = IPAddress(v4: 0),
        hearsSubnet: Bool = true,
        conduct: DNSConduct = DNSConduct()
    ) {
        self.conduct = conduct
        self.now = now
        self.random = random
        self.ednsSize = ednsSize
        self.transport = transport
        pads = transport == .dot || transport == .doh
        self.client = client
        self.hearsSubnet = hearsSubnet
    }

    /// The query in hand is one of those that a record is made of.
    @inline(__always) var isSampled: Bool { isKept || isLogged }

    /// Notes who asks.
    @inline(__always)
    mutating func setClient(_ address: SocketAddress) {
        client = address.ip.unmapped
        clientPort = address.port
    }

    /// True for transports without datagrams.
    public var isStream: Bool {
        get { transport != .udp }
        set { transport = newValue ? .tcp : .udp }
    }

    /// Notes the answer in ``answers`` for counting, and what its policy decided for a record.
    @inline(__always)
    mutating func noteAnswers(isIPv6: Bool, _ steer: borrowing SteerTable) {
        answersIPv6 = isIPv6
        answeredCount = answers.count
        guard isSampled else { return }
        decision.add(answers, steer, isFirst: true)
    }

    /// Notes what a policy decided, for a record of the query.
    @inline(__always)
    mutating func sample(
        _ answers: AnswerSet,
        _ steer: borrowing SteerTable,
        isFirst: Bool
    ) {
        guard isSampled else { return }
        decision.add(answers, steer, isFirst: isFirst)
    }

    /// Counts an answered query, and whom its policy chose.
    @inline(__always)
    mutating func count(
        _ outcome: AnswerOutcome,
        of type: RecordType,
        in book: borrowing AnswerBook,
        _ steer: borrowing SteerTable
    ) {
        book.count(type, outcome)
        if outcome.policy >= 0 { count(in: book, policy: steer.identity(of: outcome.policy)) }
    }

    /// Counts the latest steered answer, once.
    @inline(__always)
    mutating func count(in book: borrowing AnswerBook, policy: UInt64) {
        book.count(self, policy: policy)
        answeredCount = 0
    }

    /// The least that a signature leaves of a message: a question, OPT and a cookie.
    static var leastLimit: Int { 340 }

    func limit(for query: DNSQuery) -> Int {
        let limit = unsignedLimit(for: query)
        return signatureRoom == 0 ? limit : max(limit &- signatureRoom, AnswerContext.leastLimit)
    }

    private func unsignedLimit(for query: DNSQuery) -> Int {
        // In a stream a message may have 65,535 octets whatever EDNS says.
        if transport == .doh { return DNSDoor.messageLimit }
        if isStream { return Int(UInt16.max) }
        guard query.edns.isPresent else { return 512 }
        return Int(min(query.edns.payloadSize, max(ednsSize, 512)))
    }
}

/// What became of a query, for counters and logs.
public struct AnswerOutcome: BitwiseCopyable, Sendable, Equatable {
    /// What the response says.
    public var code = ResponseCode.noError
    /// No response at all: the message was not a query.
    public var isDropped = false
    /// The query broke the format.
    public var isMalformed = false
    /// The response carries TC.
    public var isTruncated = false
    /// The zone whose data answered last; -1 for none.
    public var zone = -1
    // What stands for that zone where queries are counted; 0 for none.
    var zoneIdentity: UInt64 = 0
    /// The policy that chose addresses; -1 for none.
    public var policy = -1
    /// What the cookie of the query is worth.
    public var cookie = CookieState.absent
    /// What the signature of the query is worth.
    public var signature = SignatureState.absent
    // Somebody says that a zone has changed; whether that is heard, the rules say.
    var isNotice = false
    // The name in the zone that answers, of which all answers are alike; -1 for none.
    var node = -1
    // There are records in the answer section, or it says where to ask on.
    var hasAnswers = false
    var isReferral = false
    /// More about the outcome than the code (RFC 8914); nil when there is no more to say.
    public var reason: ExtendedError?
    /// The leading bits of the client's address that the answer depends on (RFC 7871 §6).
    public var scope: UInt8 = 0
    /// The TTL that the policy gave, and the most that it may be; 0 without a policy.
    public var ttl: UInt32 = 0
    /// The most that the TTL may be.
    public var mostTTL: UInt32 = 0
    /// True when the zone alone says how long the answer holds: ``AnswerSet/isLasting``.
    public var isLasting = false
    /// True when a migration under way allows no higher TTL.
    public var isCapped = false
    /// Signatures that were made for the answer, and that were known.
    public var signaturesMade: UInt16 = 0
    /// Signatures that had been made before.
    public var signaturesKnown: UInt16 = 0
    /// True when a signature could not be made: then nothing is answered but that.
    public var isUnsigned = false
    // A hash of the name whose policy was asked.
    var nameHash: UInt64 = 0

    init() {}
}
