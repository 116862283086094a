// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
public import Essentials
public import Steering

/// What a record says, for those who ask.
extension QueryRecord {
    /// When the query was answered, in nanoseconds since 1970.
    public var time: Int64 { Int64(bitPattern: words[Place.time]) }
    /// The number of the snapshot that it was answered from.
    public var snapshot: UInt64 { words[Place.snapshot] }
    /// ``SteerTable/layoutMark`` of the policies then.
    public var layoutMark: UInt64 { words[Place.layout] }
    /// The generation of health that the policy read; 0 when none was asked.
    public var generation: UInt64 { words[Place.generation] }
    /// Who asked.
    public var asker: IPAddress { address(at: Place.asker, isIPv4: self[.askerIsIPv4] == 1) }
    /// Its port; 0 where it is not known, as behind a request of HTTP.
    public var askerPort: UInt16 { UInt16(truncatingIfNeeded: self[.askerPort]) }
    /// The listener where it came in; nil for one of HTTP.
    public var listener: Int? { self[.listener] == 0 ? nil : self[.listener] - 1 }
    /// When the turn began in which the query was received, in nanoseconds since 1970.
    public var askedAt: Int64 { Int64(bitPattern: words[Place.askedAt]) }
    /// The worker that answered.
    public var worker: Int { self[.worker] }
    /// How it came.
    public var transport: DNSTransport {
        DNSTransport(rawValue: UInt8(truncatingIfNeeded: self[.transport])) ?? .udp
    }
    /// The response code.
    public var code: ResponseCode { ResponseCode(UInt16(self[.code])) }
    /// TC.
    public var isTruncated: Bool { self[.isTruncated] == 1 }
    /// The leading bits of the client's address that the answer depends on.
    public var scope: UInt8 { UInt8(self[.scope]) }
    /// The TTL that the policy gave; 0 without a policy.
    public var ttl: UInt32 { UInt32(self[.ttl]) }
    /// For how many seconds the answer holds: the shortest TTL of what was sent, aliases and the
    /// SOA of a negative answer included (RFC 2308 §5).
    ///
    /// Nil where nothing was sent that is kept. Of an answer too long to be in the record it is the
    /// policy's.
    public var lifetime: UInt32? {
        guard let message else { return policy == nil ? nil : ttl }
        return (message.answers + message.authorities.filter { $0.type == .SOA }).map(\.ttl).min()
    }
    /// One sentence: why ``lifetime`` is what it is; nil where no policy had a part in it.
    public var whyTTL: String? {
        guard policy != nil, let lifetime,
            self[.outcome] != Int(SteerOutcome.servfail.rawValue)
        else { return nil }
        guard self[.isLasting] == 0 else {
            return "the zone's: the policy has no address of this family at all"
        }
        let seconds = UInt16(self[.secondsToChange])
        let reason = TTLReason(
            ttl: ttl,
            isHighest: self[.isHighestTTL] == 1,
            isCapped: self[.isCapped] == 1,
            secondsToChange: seconds == HealthWord.noChangeInSight ? nil : seconds
        )
        guard lifetime < ttl else { return reason.sentence }
        return "the lowest of what was sent; the policy gave \(ttl): \(reason.sentence)"
    }
    /// The number of the policy that chose, in its snapshot; nil for none.
    public var policy: Int? { self[.policy] == 0 ? nil : self[.policy] - 1 }
    /// True when the weights of a table are still those that the policy read.
    public func hasWeights(of steer: SteerTable) -> Bool {
        self[.dialChanges] == QueryRecord.short(steer.dialChanges)
    }
    /// Nodes that chose, and are not among those kept.
    public var nodesLeft: Int { self[.nodesLeft] }
    /// The endpoints whose addresses were answered, by slot, in order.
    public var slots: [Int] {
        (0..<self[.slots]).map { Int(number(at: $0, from: Place.slots)) }
    }

    /// The client's network as its resolver stated it; nil when it did not.
    public var subnet: Prefix? {
        guard self[.hasSubnet] == 1 else { return nil }
        let address = address(at: Place.subnet, isIPv4: self[.subnetIsIPv4] == 1)
        return Prefix(address, length: self[.subnetLength])
    }
    /// True when that counted.
    public var hearsSubnet: Bool { self[.hearsSubnet] == 1 }

    /// Whose answer it was meant to be.
    public var client: IPAddress {
        guard hearsSubnet, let subnet, subnet.length > 0 else { return asker }
        return subnet.address
    }

    private func address(at place: Int, isIPv4: Bool) -> IPAddress {
        let bits = UInt128(words[place]) << 64 | UInt128(words[place + 1])
        guard isIPv4 else { return IPAddress(v6: bits) }
        return IPAddress(v4: UInt32(truncatingIfNeeded: bits))
    }

    /// Octets of the response.
    public var length: Int { self[.length] }

    /// The octets of the response that are kept.
    public var response: [UInt8] {
        (0..<min(length, QueryRecord.responseLimit)).map { index in
            UInt8(truncatingIfNeeded: words[Place.response + index / 8] >> UInt64(index % 8 * 8))
        }
    }

    /// The response as values; nil when it was too long to be kept whole.
    public var message: DNSMessage? {
        length <= QueryRecord.responseLimit ? DNSMessage(response) : nil
    }

    /// The question; nil when the query had none that could be read.
    public var question: (name: DomainName, type: RecordType)? {
        let bytes = response
        let start = DNSQuery.headerLength
        guard bytes.count > start, bytes[5] == 1,
            let scanned = WireName.scan(bytes.span, at: start),
            start + scanned.length + 4 <= bytes.count,
            let name = DomainName(wire: Array(bytes[start..<start + scanned.length]))
        else { return nil }
        let type = bytes[(start + scanned.length)...].prefix(2)
        return (name, RecordType(type.reduce(0) { $0 << 8 | UInt16($1) }))
    }

    /// The answer as the policy gave it, without addresses that the record does not hold.
    public func answers(_ addresses: (Int) -> IPAddress?) -> AnswerSet {
        var set = AnswerSet(
            outcome: SteerOutcome(rawValue: UInt8(self[.outcome])) ?? .none,
            mode: ChoiceMode(rawValue: UInt8(self[.mode])) ?? .healthy,
            scope: scope,
            secondsToChange: UInt16(self[.secondsToChange])
        )
        for index in 0..<self[.nodes] { set.recall(node: number(at: index, from: Place.nodes)) }
        for slot in slots {
            guard let address = addresses(slot) else { continue }
            set.recall(address, slot: UInt32(clamping: slot))
        }
        return set
    }
}
