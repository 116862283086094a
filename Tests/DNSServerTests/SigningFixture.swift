// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Steering
import Testing

/// Signed zones, and a validator that knows nothing of how they are signed.
///
/// It takes a response apart into sets and signatures and looks at each as RFC 4035 §5.3 has it,
/// with the canonical form written anew from the RFC.
struct SigningFixture {
    var fixture: ZoneFixture
    /// The DNSKEY data of the zones by their names.
    var keys: [DomainName: [ZoneKey]]
    /// Names may be made from wildcards, and signed as those.
    var takesExpansions = false
    /// Seconds since 1970.
    var now: UInt32 = 1_800_000_000

    init(
        _ zones: [(key: String, value: String)],
        signed: [String: ZoneKeys],
        steered: [(String, Int)] = [],
        steer: SteerTable? = nil
    ) throws {
        let plain = try ZoneFixture(pairs: zones, steered: steered, steer: steer)
        var all: [DomainName: ZoneKeys] = [:]
        for (name, keys) in signed { all[try #require(DomainName(name))] = keys }
        var snapshot = plain.snapshot
        snapshot.signing = SigningTable(all, zones: snapshot.zones, changed: snapshot.changed)
        fixture = ZoneFixture(snapshot)
        fixture.context = plain.context
        fixture.context.isStream = true
        keys = all.mapValues(\.keys)
    }

    static func keys(
        _ algorithm: SigningAlgorithm = .ecdsaP256,
        _ denial: DenialMethod = .compact
    ) throws -> ZoneKeys {
        ZoneKeys(keys: [ZoneKey(try #require(SigningKey.generate(algorithm)))], denial: denial)
    }

    /// A response to a question with DO.
    mutating func ask(
        _ name: String,
        _ type: RecordType = .A,
        flags: UInt16 = 0x8000,
        size: UInt16 = 1232
    ) throws -> DNSMessage {
        let question = EDNSQuestion {
            ($0.name, $0.type, $0.ednsFlags, $0.size) = (name, type, flags, size)
        }
        fixture.context.timestamp = now
        return try fixture.ask(question)
    }

    /// One set with the signatures over it.
    struct Signed {
        var records: [DNSMessage.Record]
        var signatures: [DNSMessage.Record]
    }

    static func sets(_ records: [DNSMessage.Record]) -> [Signed] {
        var sets: [Signed] = []
        for record in records where record.type != .RRSIG {
            let place = sets.firstIndex {
                $0.records[0].owner == record.owner && $0.records[0].type == record.type
            }
            if let place {
                sets[place].records.append(record)
            } else {
                sets.append(Signed(records: [record], signatures: []))
            }
        }
        for index in sets.indices {
            let set = sets[index].records[0]
            sets[index].signatures = records.filter {
                $0.type == .RRSIG && $0.owner == set.owner
                    && Array($0.data.prefix(2)) == [
                        UInt8(set.type.rawValue >> 8), UInt8(set.type.rawValue & 255),
                    ]
            }
        }
        return sets
    }

    /// What is wrong with the sets of a section; empty when every one has a good signature.
    func faults(_ records: [DNSMessage.Record]) -> [String] {
        let orphans = records.filter { record in
            record.type == .RRSIG
                && !SigningFixture.sets(records).contains { $0.signatures.contains(record) }
        }
        return SigningFixture.sets(records).flatMap { set -> [String] in
            let first = set.records[0]
            let name = "\(first.owner) \(first.type)"
            if set.signatures.isEmpty { return ["\(name) is not signed"] }
            return set.signatures.compactMap { fault(set.records, $0).map { "\(name) \($0)" } }
        } + orphans.map { "a signature of nothing at \($0.owner)" }
    }

    func fault(_ set: [DNSMessage.Record], _ signature: DNSMessage.Record) -> String? {
        let data = signature.data
        func number(_ start: Int, _ count: Int) -> UInt32 {
            data[start..<start + count].reduce(0) { $0 << 8 | UInt32($1) }
        }
        let signer = data.dropFirst(18).prefix { _ in true }
        guard let length = WireName.length(in: data.span, at: 18),
            let zone = DomainName(wire: Array(signer.prefix(length)))
        else { return "names no signer" }
        let isOfKeys = [RecordType.DNSKEY, .CDS, .CDNSKEY].contains(set[0].type)
        let key = keys[zone]?.first {
            UInt32($0.tag) == number(16, 2) && $0.key.algorithm.rawValue == data[2]
                && (isOfKeys ? $0.signsKeys : $0.signsZone)
        }
        guard let key else { return "is signed by no key of \(zone)" }
        guard set[0].owner.isWithin(zone) else { return "lies outside of \(zone)" }
        let (expiration, inception) = (number(8, 4), number(12, 4))
        guard inception <= now, now <= expiration else { return "does not hold now" }
        guard signature.ttl == set[0].ttl, set.allSatisfy({ $0.ttl <= number(4, 4) }) else {
            return "has TTL \(signature.ttl), the set \(set[0].ttl), the original \(number(4, 4))"
        }
        let labels = set[0].owner.labelCount
        let isWildcard = Array(set[0].owner.wire.prefix(2)) == [1, 0x2a]
        var owner = set[0].owner.lowercased
        if Int(data[3]) != labels - (isWildcard ? 1 : 0) {
            guard takesExpansions, Int(data[3]) < labels else { return "has \(data[3]) labels" }
            while owner.labelCount > Int(data[3]) { owner = owner.parent }
            guard let wildcard = DomainName(wire: [1, 0x2a] + owner.wire) else { return "is odd" }
            owner = wildcard
        }
        var text = Array(data.prefix(18 + length))
        let forms = Set(set.map { SigningFixture.canonical($0) }).sorted {
            $0.lexicographicallyPrecedes($1)
        }
        for form in forms {
            text += owner.wire
            text += [UInt8(set[0].type.rawValue >> 8), UInt8(set[0].type.rawValue & 255), 0, 1]
            text += data[4..<8] + [UInt8(form.count >> 8), UInt8(form.count & 255)] + form
        }
        let verifier = key.key.algorithm.verifier(publicKey: key.key.publicKey)
        let isGood =
            verifier?.verifies(text.span, signature: Array(data.dropFirst(18 + length))) == true
        return isGood ? nil : "has a bad signature"
    }

    private static func canonical(_ record: DNSMessage.Record) -> [UInt8] {
        CanonicalData.bytes(record.type, record.data.span)
    }

    /// The types of an NSEC or NSEC3 record.
    static func types(_ record: DNSMessage.Record?) -> [String] {
        guard let record else { return [] }
        let words = RecordText.data(record.type, record.data.span).split(separator: " ")
        return words.dropFirst(record.type == .NSEC ? 1 : 5).map(String.init)
    }
}
