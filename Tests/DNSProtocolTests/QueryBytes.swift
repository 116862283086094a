// SPDX-License-Identifier: Apache-2.0
import DNSProtocol

/// Queries as bytes, put together by hand so that they may be wrong in every way.
struct QueryBytes {
    var id: UInt16 = 0x1234
    var flags: UInt16 = 0x0100
    var counts: [UInt16] = [1, 0, 0, 0]
    var body: [UInt8] = []

    init(_ name: String = "www.example.com", _ type: RecordType = .A, class number: UInt16 = 1) {
        body = (DomainName(name)?.wire ?? []) + words([type.rawValue, number])
    }

    func words(_ values: [UInt16]) -> [UInt8] {
        values.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    }

    func edns(
        size: UInt16 = 1232,
        version: UInt16 = 0,
        flags: UInt16 = 0,
        options: [UInt8] = [],
        owner: [UInt8] = [0]
    ) -> QueryBytes {
        var copy = self
        copy.counts[3] += 1
        let length = UInt16(options.count)
        copy.body += owner + words([41, size, version, flags, length]) + options
        return copy
    }

    func option(_ code: UInt16, _ data: [UInt8]) -> [UInt8] {
        words([code, UInt16(data.count)]) + data
    }

    func with(_ change: (inout QueryBytes) -> Void) -> QueryBytes {
        var copy = self
        change(&copy)
        return copy
    }

    var bytes: [UInt8] { words([id, flags] + counts) + body }

    var read: DNSQuery { DNSQuery.read(bytes.span) }
}
