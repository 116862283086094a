// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A query as offsets and numbers: the bytes stay where they were received.
///
///      0              2              4        6        8        10       12
///     +--------------+--------------+--------+--------+--------+--------+-----------------+
///     | id           | QR opcode .. | QDCOUNT| ANCOUNT| NSCOUNT| ARCOUNT| question ...
///     +--------------+--------------+--------+--------+--------+--------+-----------------+
///
/// One value for good and bad queries alike: ``verdict`` says what to do, and a refusal still needs
/// the id, the opcode and, where it could be read, the question (RFC 8906 §3).
public struct DNSQuery: BitwiseCopyable, Sendable {
    /// What becomes of a received message.
    public enum Verdict: Equatable, Sendable, BitwiseCopyable {
        /// A well-formed question.
        case accept
        /// Not a query at all: answering would invite loops.
        case drop
        /// Answered with this code, and nothing else.
        case reject(ResponseCode)
    }

    /// What to do with it.
    public internal(set) var verdict: Verdict
    /// The id to answer with.
    public internal(set) var id: UInt16 = 0
    /// The second pair of header octets as received.
    public internal(set) var flags: UInt16 = 0
    /// Where the question ends; 12 when there is none to repeat.
    public internal(set) var questionEnd = 12
    /// The name at offset 12; of length 0 without a question.
    public internal(set) var name = ScannedName()
    /// What is asked for.
    public internal(set) var type = RecordType(0)
    /// In which class.
    public internal(set) var recordClass: UInt16 = 0
    /// What EDNS adds.
    public internal(set) var edns = EDNS()
    /// True when the message ends with a transaction signature.
    public internal(set) var isSigned = false

    init(verdict: Verdict) { self.verdict = verdict }

    /// The same query once its signature is known to be good: it is answered as if it had none.
    public var withoutSignature: DNSQuery {
        var query = self
        query.isSigned = false
        return query
    }

    /// What an IXFR over UDP is answered as: the SOA alone, and by TCP the rest (RFC 1995 §2).
    public var serialQuery: DNSQuery {
        var query = self
        query.type = .SOA
        return query
    }

    /// The same as the messages of a transfer answer it: CD is clear in them, whatever the request
    /// has (RFC 5936 §2.2.1).
    public var forTransfer: DNSQuery {
        var query = self
        query.flags &= ~0x0010
        return query
    }

    /// Octets of the header.
    @inlinable public static var headerLength: Int { 12 }
    /// The header's operation: 0 is a standard query.
    @inlinable public var opcode: UInt8 { UInt8(truncatingIfNeeded: flags >> 11) & 15 }
}

/// What the OPT record of a query says (RFC 6891).
public struct EDNS: BitwiseCopyable, Sendable, Equatable {
    /// True when the query carries an OPT record.
    public var isPresent = false
    /// The size of UDP answers that the asker takes; at least 512 (RFC 6891 §6.2.3).
    public var payloadSize: UInt16 = 512
    /// The EDNS version asked for.
    public var version: UInt8 = 0
    /// True when DNSSEC records are wanted (RFC 3225).
    public var wantsDNSSEC = false
    /// True when a name that does not exist may be denied compactly and with NXDOMAIN (RFC 9824
    /// §5.1).
    public var takesCompactDenial = false
    /// The client subnet, when a well-formed one is given.
    public var subnet: ClientSubnet?
    /// Further options that the query carries and that an answer may take up.
    public var options = EDNSOptions()
    // Where the data of the cookie is in the message.
    var cookieStart: UInt16 = 0
    var cookieLength: UInt8 = 0

    /// No EDNS.
    @inlinable public init() {}
}

/// The client's network as its resolver states it (RFC 7871).
public struct ClientSubnet: BitwiseCopyable, Sendable, Equatable {
    /// The network address; bits past ``sourceLength`` are zero.
    public var address: IPAddress
    /// How many leading bits the resolver discloses.
    public var sourceLength: UInt8
    // Family 0, in which a client that is not told of has no address: `dig +subnet=0` asks so, and
    // is answered so.
    private var hasNoFamily = false

    // Octets of the address that the option carries.
    private var octets: Int { (Int(sourceLength) &+ 7) / 8 }
    /// Octets of the option, its head included.
    var optionLength: Int { 8 &+ octets }

    /// Reads the option's data; nil for what must be answered FORMERR.
    ///
    /// Scope must be 0 in queries, the family known, the prefix no longer than the address, and the
    /// address as long as the prefix says with zero bits after it (RFC 7871 §6, §7.1.2). Without a prefix the
    /// family may be 0, as BIND has it.
    init?(_ bytes: Span<UInt8>, at start: Int, length: Int) {
        guard length >= 4, start <= bytes.count &- length else { return nil }
        if length == 4,
            bytes[start] | bytes[start &+ 1] | bytes[start &+ 2] | bytes[start &+ 3] == 0
        {
            address = IPAddress(v4: 0)
            sourceLength = 0
            hasNoFamily = true
            return
        }
        let isIPv4 = bytes[start] == 0 && bytes[start &+ 1] == 1
        guard isIPv4 || (bytes[start] == 0 && bytes[start &+ 1] == 2) else { return nil }
        let source = Int(bytes[start &+ 2])
        guard bytes[start &+ 3] == 0, source <= (isIPv4 ? 32 : 128) else { return nil }
        let octets = (source &+ 7) / 8
        guard length == 4 &+ octets else { return nil }
        var bits: UInt128 = 0
        for index in 0..<octets { bits = bits << 8 | UInt128(bytes[start &+ 4 &+ index]) }
        let unused = octets &* 8 &- source
        guard bits & ((1 << UInt128(unused)) &- 1) == 0 else { return nil }
        bits <<= UInt128((isIPv4 ? 32 : 128) &- octets &* 8)
        address =
            isIPv4 ? IPAddress(v4: UInt32(truncatingIfNeeded: bits)) : IPAddress(v6: bits)
        sourceLength = UInt8(source)
    }

    // RFC 7871 §6 and §7.2.1: family, source and address as asked. Who hides the client gets an
    // answer that is not for one.
    @_lifetime(output: copy output)
    func write(scope: UInt8, into output: inout OutputSpan<UInt8>) {
        // Code, length, family, the two prefix lengths.
        let family: UInt64 = hasNoFamily ? 0 : address.isIPv4 ? 1 : 2
        var head: UInt64 = 8 << 48 | UInt64(4 &+ octets) << 32 | family << 16
        if sourceLength > 0 { head |= UInt64(sourceLength) << 8 | UInt64(scope) }
        output.write(uint64: head)
        output.write(octets: octets, of: address)
    }
}
