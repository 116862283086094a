// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// The data of a service record of a steered name, cut where the addresses of an answer belong.
///
///     1 octet    1 when the addresses are put in, 0 when all is in the head
///     2 octets   length of the head: priority, target, parameters before `ipv4hint`
///     2 octets   length of the middle: what stands between the two hints
///     2 octets   length of the tail
///     head, middle, tail
///
/// Parameters stand in the order of their keys (RFC 9460 §2.2), so each hint has one place.
struct ServiceTemplate: BitwiseCopyable {
    static let prefixLength = 7
    private static let ipv4hint = 4
    private static let ipv6hint = 6

    let takesHints: Bool
    private let start: Int
    private let headEnd: Int
    private let middleEnd: Int
    /// Where the next template lies.
    let end: Int

    var head: Range<Int> { start..<headEnd }
    var middle: Range<Int> { headEnd..<middleEnd }
    var tail: Range<Int> { middleEnd..<end }
    /// Octets of the three pieces together.
    var length: Int { end &- start }

    /// Reads the template at `start`; nil when there is none.
    init?(_ bytes: Span<UInt8>, at start: Int) {
        guard start >= 0, start &+ ServiceTemplate.prefixLength <= bytes.count else { return nil }
        takesHints = bytes[start] == 1
        self.start = start &+ ServiceTemplate.prefixLength
        headEnd = self.start &+ ServiceTemplate.word(bytes, start &+ 1)
        middleEnd = headEnd &+ ServiceTemplate.word(bytes, start &+ 3)
        end = middleEnd &+ ServiceTemplate.word(bytes, start &+ 5)
        guard end <= bytes.count else { return nil }
    }

    private static func word(_ bytes: Span<UInt8>, _ place: Int) -> Int {
        Int(bytes[place]) << 8 | Int(bytes[place &+ 1])
    }

    /// The template of a record's data; `takesHints` is for services at their owner without hints.
    static func bytes(_ data: [UInt8], takesHints: Bool) -> [UInt8] {
        var (middleStart, tailStart) = (data.count, data.count)
        if takesHints, let length = WireName.length(in: data.span, at: 2) {
            var position = 2 + length
            (middleStart, tailStart) = (position, position)
            while position + 4 <= data.count {
                let key = word(data.span, position)
                position = min(position + 4 + word(data.span, position + 2), data.count)
                if key < ipv4hint { middleStart = position }
                if key < ipv6hint { tailStart = position }
            }
        }
        var bytes: [UInt8] = [takesHints ? 1 : 0]
        for length in [middleStart, tailStart - middleStart, data.count - tailStart] {
            bytes += [UInt8(length >> 8 & 255), UInt8(length & 255)]
        }
        return bytes + data
    }

    /// True when a record's data has one of the hints.
    static func hasHints(_ data: [UInt8]) -> Bool {
        guard let length = WireName.length(in: data.span, at: 2) else { return false }
        var position = 2 + length
        while position + 4 <= data.count {
            let key = word(data.span, position)
            if key == ipv4hint || key == ipv6hint { return true }
            position += 4 + word(data.span, position + 2)
        }
        return false
    }
}
