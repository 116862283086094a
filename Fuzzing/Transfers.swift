// SPDX-License-Identifier: Apache-2.0
// modules: Essentials DNSProtocol Steering Runtime DNSServer
import DNSProtocol
import DNSServer
import Essentials

/// Whatever a peer sends: a transfer comes to an end or is given up, what is kept of a zone reads as
/// it was written, and nothing is believed that a key has not signed.
///
/// The input is a stream of messages with their lengths in front, as TCP has them.
func examine(_ bytes: [UInt8]) {
    guard let apex = DomainName("example.com"), let name = DomainName("key.example") else { return }
    let key = TransactionKey(name: name, algorithm: .sha256, secret: Array("a secret".utf8))
    for known in [nil, SerialNumber(1)] {
        var transfer = IncomingTransfer(apex, id: 9, known: known, limit: 1 << 20)
        var client = TransactionClient(key)
        _ = client.sign([0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], seconds: 1000)
        var rest = bytes[...]
        while rest.count > 2, !transfer.isDone {
            let length = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
            let message = Array(rest.dropFirst(2).prefix(length))
            rest = rest.dropFirst(2 + length)
            promise((try? client.take(message.span, seconds: 1000)) == nil, "not signed")
            if case .accepted = TransactionKeys([key]).check(message.span, seconds: 1000) {
                promise(false, "nobody has the key")
            }
            guard let decoded = DNSMessage(message) else { break }
            guard (try? transfer.take(decoded, octets: message.count)) != nil else { break }
        }
        guard transfer.isDone else { continue }
        check(transfer, apex)
    }
    if let records = ZoneImage.records(in: bytes) {
        promise(ZoneImage.bytes(of: records) == bytes, "a file is the one of its records")
    }
}

private func check(_ transfer: IncomingTransfer, _ apex: DomainName) {
    promise(transfer.soa?.type == .SOA, "a transfer has an SOA")
    promise(transfer.records.allSatisfy { $0.owner.isWithin(apex) }, "nothing is outside")
    promise(transfer.records.count { $0.type == .SOA } <= 1, "a zone has one SOA")
    if !transfer.records.isEmpty {
        let file = ZoneImage.bytes(of: transfer.records)
        promise(ZoneImage.records(in: file) == transfer.records, "what is kept reads again")
    }
    for change in transfer.changes {
        promise(change.newSOA?.type == .SOA, "a change ends with an SOA")
    }
}
