// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// What the DNS door counts.
public enum DNSCounter: Int, CaseIterable, Sendable {
    /// Queries over UDP that were answered.
    case queriesUDP
    /// Queries over TCP that were answered.
    case queriesTCP
    /// Queries over TLS that were answered.
    case queriesTLS
    /// Queries over HTTPS that were answered.
    case queriesHTTPS
    /// Responses with NOERROR.
    case noError
    /// Responses with NXDOMAIN.
    case nameError
    /// Responses with SERVFAIL.
    case serverFailure
    /// Responses with FORMERR.
    case formatError
    /// Responses with NOTIMP.
    case notImplemented
    /// Responses with REFUSED.
    case refused
    /// Responses with any other code.
    case otherCode
    /// Responses with TC.
    case truncated
    /// Responses whose addresses a policy chose.
    case steered
    /// Messages that broke the format.
    case malformed
    /// Messages that were not answered.
    case dropped
    /// UDP responses that the kernel did not take.
    case unsent
    /// UDP responses that left with others to the same asker, in one message to the kernel.
    case bundled
    /// Queries with a cookie of ours that is good.
    case cookiesGood
    /// Queries with a cookie of a server that is not ours, or too old.
    case cookiesBad
    /// Queries with a cookie of the client alone.
    case cookiesNew
    /// Responses that were too many for a network, and dropped.
    case rateDropped
    /// Responses that were too many, in whose place the client was told to ask again.
    case ratePutOff
    /// Responses that were too many, and sent since nothing is withheld yet.
    case rateExceeded
    /// TCP connections accepted.
    case connectionsAccepted
    /// TCP connections closed.
    case connectionsClosed
    /// TCP connections closed at once, the limit being reached.
    case connectionsRefused
    /// TCP connections closed for being idle or slow.
    case connectionsTimedOut
    /// Times that accepting stopped for want of descriptors.
    case acceptPauses
    /// TLS connections accepted.
    case secureAccepted
    /// TLS connections closed.
    case secureClosed
    /// TLS connections closed at once, the limit being reached.
    case secureRefused
    /// TLS connections closed for being idle or slow.
    case secureTimedOut
    /// Handshakes that succeeded.
    case handshakes
    /// Those of them that resumed a session.
    case resumptions
    /// Signatures of handshakes that another thread made.
    case signaturesLent
    /// Signed queries whose signature is good.
    case transactionsGood
    /// Signed queries with a key that is not known.
    case transactionsBadKey
    /// Signed queries whose signature is not that of their key.
    case transactionsBadSignature
    /// Signed queries of another time.
    case transactionsBadTime
    /// Signed queries whose signature is too short.
    case transactionsBadTruncation
    /// Signatures of record sets that were made.
    case signaturesMade
    /// Signatures of record sets that had been made before.
    case signaturesKnown
    /// Responses with SERVFAIL because a set could not be signed.
    case signingFailures
    /// Zones that peers have begun to take whole.
    case transfersWhole
    /// Zones of which peers have asked for what has changed.
    case transfersIncremental
    /// Transfers that were refused.
    case transfersRefused
    /// Transfers that were broken off.
    case transfersBroken

    /// The family of the metric, without the suffix `_total` of counters.
    public var family: String {
        switch self {
        case .queriesUDP, .queriesTCP, .queriesTLS, .queriesHTTPS: "martlet_dns_queries"
        case .noError, .nameError, .serverFailure, .formatError, .notImplemented, .refused,
            .otherCode:
            "martlet_dns_responses"
        case .truncated: "martlet_dns_truncated"
        case .steered: "martlet_dns_steered"
        case .malformed: "martlet_dns_malformed"
        case .dropped: "martlet_dns_dropped"
        case .unsent: "martlet_dns_unsent"
        case .bundled: "martlet_dns_bundled"
        case .cookiesGood, .cookiesBad, .cookiesNew: "martlet_dns_cookies"
        case .rateDropped, .ratePutOff, .rateExceeded: "martlet_dns_rate_limited"
        case .connectionsAccepted: "martlet_dns_tcp_connections_accepted"
        case .connectionsClosed: "martlet_dns_tcp_connections_closed"
        case .connectionsRefused: "martlet_dns_tcp_connections_refused"
        case .connectionsTimedOut: "martlet_dns_tcp_connections_timed_out"
        case .acceptPauses: "martlet_dns_accept_pauses"
        case .secureAccepted: "martlet_dns_tls_connections_accepted"
        case .secureClosed: "martlet_dns_tls_connections_closed"
        case .secureRefused: "martlet_dns_tls_connections_refused"
        case .secureTimedOut: "martlet_dns_tls_connections_timed_out"
        case .handshakes: "martlet_dns_tls_handshakes"
        case .resumptions: "martlet_dns_tls_resumptions"
        case .signaturesLent: "martlet_dns_tls_slow_signatures"
        case .transactionsGood, .transactionsBadKey, .transactionsBadSignature,
            .transactionsBadTime, .transactionsBadTruncation:
            "martlet_dns_tsig_queries"
        case .signaturesMade, .signaturesKnown: "martlet_dns_signatures"
        case .signingFailures: "martlet_dns_signing_failures"
        case .transfersWhole, .transfersIncremental, .transfersRefused, .transfersBroken:
            "martlet_dns_transfers"
        }
    }

    /// The label that tells this counter from others of its family; nil when it is alone.
    public var label: (name: String, value: String)? {
        switch self {
        case .queriesUDP: ("transport", "udp")
        case .queriesTCP: ("transport", "tcp")
        case .queriesTLS: ("transport", "dot")
        case .queriesHTTPS: ("transport", "doh")
        case .noError: ("rcode", "NOERROR")
        case .nameError: ("rcode", "NXDOMAIN")
        case .serverFailure: ("rcode", "SERVFAIL")
        case .formatError: ("rcode", "FORMERR")
        case .notImplemented: ("rcode", "NOTIMP")
        case .refused: ("rcode", "REFUSED")
        case .otherCode: ("rcode", "other")
        case .cookiesGood: ("state", "good")
        case .cookiesBad: ("state", "bad")
        case .cookiesNew: ("state", "new")
        case .signaturesMade: ("source", "made")
        case .signaturesKnown: ("source", "cache")
        case .rateDropped: ("action", "dropped")
        case .ratePutOff: ("action", "put-off")
        case .rateExceeded: ("action", "log-only")
        case .transactionsGood: ("state", "good")
        case .transactionsBadKey: ("state", "badkey")
        case .transactionsBadSignature: ("state", "badsig")
        case .transactionsBadTime: ("state", "badtime")
        case .transactionsBadTruncation: ("state", "badtrunc")
        case .transfersWhole: ("kind", "axfr")
        case .transfersIncremental: ("kind", "ixfr")
        case .transfersRefused: ("kind", "refused")
        case .transfersBroken: ("kind", "broken")
        default: nil
        }
    }

    /// What the metric means; the same for all counters of one family.
    public var help: String {
        switch self {
        case .queriesUDP, .queriesTCP, .queriesTLS, .queriesHTTPS: "Queries answered, by transport."
        case .noError, .nameError, .serverFailure, .formatError, .notImplemented, .refused,
            .otherCode:
            "Responses sent, by response code."
        case .truncated: "Responses with the TC bit."
        case .steered: "Responses whose addresses a policy chose."
        case .malformed: "Messages that broke the DNS format."
        case .dropped: "Messages that were no queries and got no response."
        case .unsent: "UDP responses that the kernel did not take."
        case .bundled: "UDP responses that were handed to the kernel with others to the same asker."
        case .connectionsAccepted: "TCP connections of DNS clients accepted."
        case .connectionsClosed: "TCP connections of DNS clients closed."
        case .cookiesGood, .cookiesBad, .cookiesNew: "Queries with a DNS cookie, by its worth."
        case .rateDropped, .ratePutOff, .rateExceeded:
            "Responses beyond the rate of their network, by what became of them."
        case .connectionsRefused: "TCP connections closed at once because the limit was reached."
        case .connectionsTimedOut: "TCP connections closed for being idle or slow."
        case .secureAccepted: "TLS connections of DNS clients accepted."
        case .secureClosed: "TLS connections of DNS clients closed."
        case .secureRefused: "TLS connections closed at once because the limit was reached."
        case .secureTimedOut: "TLS connections closed for being idle or slow."
        case .handshakes: "TLS handshakes of DNS clients that succeeded."
        case .resumptions: "TLS handshakes of DNS clients that resumed a session."
        case .signaturesLent:
            "TLS handshakes of DNS clients whose signature was made by another thread."
        case .transactionsGood, .transactionsBadKey, .transactionsBadSignature,
            .transactionsBadTime, .transactionsBadTruncation:
            "Queries signed by TSIG, by what their signature is worth."
        case .signaturesMade, .signaturesKnown:
            "Signatures of record sets in responses, by whether they had been made before."
        case .signingFailures: "Responses with SERVFAIL because a set could not be signed."
        case .transfersWhole, .transfersIncremental, .transfersRefused, .transfersBroken:
            "Transfers of zones to peers: begun, by their kind, refused, and broken off."
        case .acceptPauses: "Times that accepting stopped for want of file descriptors."
        }
    }

    /// The counter of queries that came so.
    public static func of(_ transport: DNSTransport) -> DNSCounter {
        switch transport {
        case .udp: .queriesUDP
        case .tcp: .queriesTCP
        case .dot: .queriesTLS
        case .doh: .queriesHTTPS
        }
    }

    static func of(_ code: ResponseCode) -> DNSCounter {
        switch code {
        case .noError: .noError
        case .nameError: .nameError
        case .serverFailure: .serverFailure
        case .formatError: .formatError
        case .notImplemented: .notImplemented
        case .refused: .refused
        default: .otherCode
        }
    }
}

/// Counts of one turn, added to the shared words at its end: one store per word and turn.
struct DNSTally {
    private var counts = InlineArray<46, UInt32>(repeating: 0)

    @inline(__always)
    mutating func add(_ counter: DNSCounter, _ value: UInt32 = 1) {
        guard counter.rawValue < counts.count else { return }
        counts[counter.rawValue] &+= value
    }

    @inline(__always)
    mutating func add(_ outcome: AnswerOutcome, _ transport: DNSCounter) {
        if outcome.isMalformed { add(.malformed) }
        guard !outcome.isDropped else { return add(.dropped) }
        add(transport)
        add(DNSCounter.of(outcome.code))
        if outcome.isTruncated { add(.truncated) }
        if outcome.policy >= 0 { add(.steered) }
        if outcome.signaturesMade > 0 { add(.signaturesMade, UInt32(outcome.signaturesMade)) }
        if outcome.signaturesKnown > 0 { add(.signaturesKnown, UInt32(outcome.signaturesKnown)) }
        if outcome.isUnsigned { add(.signingFailures) }
        switch outcome.cookie {
        case .absent: break
        case .new: add(.cookiesNew)
        case .bad: add(.cookiesBad)
        case .good: add(.cookiesGood)
        }
        switch outcome.signature {
        case .absent: break
        case .good: add(.transactionsGood)
        case .badKey: add(.transactionsBadKey)
        case .badSignature: add(.transactionsBadSignature)
        case .badTime: add(.transactionsBadTime)
        case .badTruncation: add(.transactionsBadTruncation)
        }
    }

    /// The count at a place.
    subscript(_ place: Int) -> UInt32 {
        place >= 0 && place < counts.count ? counts[place] : 0
    }
}
