// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// A server of a zone, with what is known of where it is.
struct TraceServer: Sendable, Equatable {
    /// Its name; nil for one that was given by address.
    var name: DomainName?
    var addresses: [SocketAddress]
}

/// One step of a resolution, as an operator sees it.
struct TraceStep: Sendable, Equatable {
    /// Who was asked.
    enum Layer: String, Sendable, Equatable {
        /// The hosts file of this machine.
        case hosts
        /// A resolver of this machine, with its cache.
        case resolver
        /// A server of a zone.
        case authority
    }

    /// What came of it.
    enum Verdict: String, Sendable, Equatable {
        /// The records that were asked for.
        case answer
        /// The name is another one's alias.
        case alias
        /// The name exists, such records do not.
        case noData = "no-data"
        /// The name does not exist.
        case noName = "no-name"
        /// Other servers know more.
        case referral
        /// The server does not do what it was named for.
        case lame
        /// It refuses, or has failed.
        case refusal
        /// Nothing came in time, or nobody is there.
        case silence
        /// The way leads back to where it was.
        case loop
        /// Nobody was asked.
        case skipped
    }

    /// What a delegation says of signatures.
    enum Security: String, Sendable, Equatable {
        /// DS records: the zone below is signed.
        case signed
        /// A signed proof that there are none.
        case provenUnsigned = "proven-unsigned"
        /// Neither of both.
        case unsigned
    }

    var layer: Layer
    /// How deep within the search for addresses of servers; 0 for the name itself.
    var depth = 0
    /// The zone whose server was asked.
    var zone: DomainName?
    var name: DomainName
    var type: RecordType
    var serverName: DomainName?
    var server: SocketAddress?
    var transport: QueryTransport?
    var elapsed: Interval?
    var verdict: Verdict
    /// One sentence more; empty for none.
    var note = ""
    var code: ResponseCode?
    var isAuthoritative = false
    /// The resolver says that it has verified the answer (AD).
    var isVerified = false
    var records: [DNSMessage.Record] = []
    /// The zone that was referred to, and its servers.
    var cut: DomainName?
    var servers: [TraceServer] = []
    /// Of a referral.
    var security: Security?
    /// Of an answer: signatures came with it.
    var isSigned = false
}

/// How a resolution ended.
enum TraceOutcome: Sendable, Equatable {
    case answer
    case noData
    case noName
    case broken(String)

    /// True when the chain of delegations has led to an answer of whatever kind.
    var hasEnd: Bool {
        if case .broken = self { return false }
        return true
    }
}

/// What the answer of a resolver shows about its cache, beside that of the authority.
enum CacheState: Sendable, Equatable {
    /// Nothing to compare.
    case unknown
    /// The full TTL: it has just been fetched.
    case fresh
    /// It has been there for so many seconds, of so many.
    case cached(age: UInt32, of: UInt32)
    /// The TTL is longer than the authority's: raised, or from before a change.
    case longer(UInt32, authority: UInt32)
}
