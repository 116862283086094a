// SPDX-License-Identifier: Apache-2.0
// modules: Essentials DNSProtocol Runtime Steering DNSServer
import DNSProtocol
import DNSServer
import Essentials

/// A dynamic update is decoded and applied: whatever comes of it, the zone keeps its SOA, its serial
/// never goes back, and the difference goes through its wire form.
func examine(_ bytes: [UInt8]) {
    guard let message = UpdateMessage(bytes), let apex = DomainName("example.com"),
        let network = Prefix(IPAddress(v4: 0), length: 0)
    else { return }
    let start = StartOfAuthority(
        primary: apex,
        mailbox: apex,
        numbers: (serial: 7, refresh: 1, retry: 1, expire: 1, minimum: 1)
    )
    var zone = ZoneRecords(apex: apex)
    zone.add(DNSMessage.Record(owner: apex, type: .SOA, ttl: 1, data: RecordValue.soa(start).wire))
    zone.add(DNSMessage.Record(owner: apex, type: .NS, ttl: 1, data: apex.wire))
    let machine = UpdateMachine(rules: [
        UpdateRule(key: nil, networks: [network], types: [.ANY])
    ])
    let before = zone.records.count
    let outcome = machine.apply(
        message,
        by: UpdateAsker(key: nil, client: IPAddress(v4: 1)),
        to: &zone,
        seconds: 1
    )
    promise(zone[apex, .SOA]?.data.count == 1 && zone[apex, .NS] != nil, "SOA and NS stay")
    guard let difference = outcome.difference else {
        promise(zone.records.count == before, "nothing changes without a difference")
        return
    }
    promise(difference.to.isNewer(than: SerialNumber(7)), "the serial rises")
    promise(
        ZoneDifference(deletedWire: difference.deletedWire, addedWire: difference.addedWire)
            == difference,
        "differences can be kept"
    )
    promise(zone.digest == ZoneDigest(zone.records), "the digest is that of the records")
    zone.rollBack()
    promise(zone.records.count == before && zone.serial == 7, "changes can be undone")
    promise(UpdateAnswer.bare(bytes, outcome.code).count <= bytes.count, "no answer is longer")
}
