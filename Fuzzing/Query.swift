// SPDX-License-Identifier: Apache-2.0
// modules: Essentials DNSProtocol Steering Runtime DNSServer
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Steering

/// Any datagram is answered within its limit, or dropped; an answer repeats the id of its query.
func examine(_ bytes: [UInt8]) {
    guard let snapshot else { return }
    for isStream in [false, true] {
        var context = AnswerContext(
            now: .start,
            random: SeededRandom(seed: 1),
            transport: isStream ? .tcp : .udp
        )
        var isDropped = false
        let answer = [UInt8](capacity: 65_535) { output in
            isDropped =
                Authority.answer(
                    bytes.span,
                    from: snapshot,
                    &context,
                    into: &output
                ).isDropped
        }
        guard !isDropped else {
            promise(answer.isEmpty, "nothing is written for what is dropped")
            continue
        }
        promise(answer.count >= 12, "an answer has a header")
        promise(answer[0] == bytes[0] && answer[1] == bytes[1], "an answer repeats the id")
        promise(answer[2] & 0x80 != 0, "an answer says that it is one")
        promise(isStream || answer.count <= 1232, "an answer keeps to its size")
        promise(DNSMessage(answer) != nil, "an answer can be decoded to its last octet")
    }
}

private let snapshot: DNSSnapshot? = {
    let zone = """
        $TTL 60
        @ IN SOA ns host 1 2 3 4 5
        @ IN NS ns
        ns IN A 192.0.2.1
        * IN TXT "a wildcard"
        alias IN CNAME other
        other IN CNAME alias
        sub IN NS ns.sub
        ns.sub IN AAAA 2001:db8::1
        big IN TXT \(String(repeating: "\"0123456789012345678901234567890123456789\" ", count: 60))
        _a._tcp IN SRV 1 2 3 ns
        """
    var builder = ZoneTableBuilder()
    // The first is not signed, the others in both ways.
    let origins = ["example.com", "example.net", "example.org"].compactMap { DomainName($0) }
    for origin in origins {
        builder.beginZone(origin)
        builder.read(ZoneFileReader(Array(zone.utf8), file: "z", origin: origin))
    }
    guard origins.count == 3, let zones = builder.build().table,
        let key = SigningKey.generate(.ed25519)
    else { return nil }
    let health = HealthTable(capacity: 1)
    var snapshot = DNSSnapshot(
        zones: zones,
        steer: SteerTable([], health: health),
        generation: 1
    )
    let keys = [
        origins[1]: ZoneKeys(keys: [ZoneKey(key)]),
        origins[2]: ZoneKeys(keys: [ZoneKey(key)], denial: .narrowNSEC3),
    ]
    snapshot.signing = SigningTable(keys, zones: zones, changed: .empty)
    return snapshot
}()
