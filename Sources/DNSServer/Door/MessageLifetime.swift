// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// How long an answer may be kept (RFC 8484 §5.1).
enum MessageLifetime {
    /// The least TTL of the answers, or without any that of the authority section.
    ///
    /// There a negative answer has its SOA, with the time that RFC 2308 §5 gives it. Nil for a message
    /// without either.
    static func seconds(of message: Span<UInt8>) -> UInt32? {
        guard message.count >= DNSQuery.headerLength else { return nil }
        var place = DNSQuery.headerLength
        for _ in 0..<count(message, at: 4) {
            guard skipName(message, &place) else { return nil }
            place &+= 4
        }
        if let answers = least(message, count(message, at: 6), &place) { return answers }
        return least(message, count(message, at: 8), &place)
    }

    private static func least(
        _ message: Span<UInt8>,
        _ records: Int,
        _ place: inout Int
    ) -> UInt32? {
        var least: UInt32?
        for _ in 0..<records {
            guard skipName(message, &place), place &+ 10 <= message.count else { return least }
            let high = UInt32(truncatingIfNeeded: count(message, at: place &+ 4))
            let ttl = high << 16 | UInt32(truncatingIfNeeded: count(message, at: place &+ 6))
            least = min(least ?? ttl, ttl)
            place &+= 10 &+ count(message, at: place &+ 8)
        }
        return least
    }

    private static func count(_ message: Span<UInt8>, at place: Int) -> Int {
        guard place >= 0, place &+ 1 < message.count else { return 0 }
        return Int(message[place]) << 8 | Int(message[place &+ 1])
    }

    private static func skipName(_ message: Span<UInt8>, _ place: inout Int) -> Bool {
        while place < message.count {
            let length = Int(message[place])
            if length >= 0xc0 {
                place &+= 2
                return place <= message.count
            }
            place &+= 1 &+ length
            if length == 0 { return true }
        }
        return false
    }
}
