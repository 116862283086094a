// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Testing

/// A query put together by hand, with whatever EDNS can hold.
struct EDNSQuestion {
    var name = "example.com"
    var type = RecordType.SOA
    var recordClass: UInt16 = 1
    var flags: UInt16 = 0
    var hasQuestion = true
    var hasEDNS = true
    var size: UInt16 = 1232
    var version: UInt8 = 0
    var ednsFlags: UInt16 = 0
    var options: [(code: UInt16, data: [UInt8])] = []

    init(_ change: (inout EDNSQuestion) -> Void = { _ in }) { change(&self) }

    private func words(_ values: [UInt16]) -> [UInt8] {
        values.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    }

    var bytes: [UInt8] {
        var bytes = words([0xabcd, flags, hasQuestion ? 1 : 0, 0, 0, hasEDNS ? 1 : 0])
        if hasQuestion {
            bytes += (DomainName(name)?.wire ?? []) + words([type.rawValue, recordClass])
        }
        guard hasEDNS else { return bytes }
        let data = options.flatMap { words([$0.code, UInt16($0.data.count)]) + $0.data }
        bytes += [0] + words([41, size, UInt16(version), ednsFlags, UInt16(data.count)])
        return bytes + data
    }
}

extension DNSMessage {
    /// The options of EDNS in their order.
    var options: [(code: UInt16, data: [UInt8])] {
        var found: [(code: UInt16, data: [UInt8])] = []
        var rest = (option?.data ?? [])[...]
        while rest.count >= 4 {
            let head = rest.prefix(4).map { UInt16($0) }
            let length = Int(head[2] << 8 | head[3])
            rest = rest.dropFirst(4)
            found.append((head[0] << 8 | head[1], Array(rest.prefix(length))))
            rest = rest.dropFirst(length)
        }
        return found
    }

    /// The data of the first option with this code.
    func option(_ code: UInt16) -> [UInt8]? { options.first { $0.code == code }?.data }
}

extension ZoneFixture {
    /// The decoded response.
    mutating func ask(_ question: EDNSQuestion) throws -> DNSMessage {
        let bytes = respond(question.bytes)
        return try #require(DNSMessage(bytes), "\(bytes)")
    }
}
