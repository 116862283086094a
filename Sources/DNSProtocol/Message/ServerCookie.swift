// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A cookie of the client with the one that a server has made for it (RFC 9018 §4).
///
///     +----------------+---------+----------+-----------+--------------+
///     | client cookie  | version | reserved | timestamp | hash         |
///     | 8 octets       | 1       | 3        | 4         | 8            |
///     +----------------+---------+----------+-----------+--------------+
public struct ServerCookie: BitwiseCopyable, Sendable, Equatable {
    /// What the client made up.
    public var client: UInt64
    /// Version, reserved octets and time.
    public var head: UInt64
    /// What only those who know the secret can make.
    public var hash: UInt64

    /// Octets of the option's data.
    public static var length: Int { 24 }

    /// When it was made, in seconds since 1970, modulo 2^32.
    var timestamp: UInt32 { UInt32(truncatingIfNeeded: head) }

    /// Writes the option's data.
    @_lifetime(output: copy output)
    public func write(into output: inout OutputSpan<UInt8>) {
        output.write(uint64: client)
        output.write(uint64: head)
        output.write(uint64: hash)
    }
}

/// What the cookie of a query is worth.
public enum CookieState: UInt8, Sendable, BitwiseCopyable {
    /// There is none, or none is looked at.
    case absent
    /// The client has not got one of ours yet.
    case new
    /// The part of the server is not ours, too old or of the future.
    case bad
    /// The client has been here before, at this address.
    case good
}

/// The secrets that server cookies are made with: the first makes them, all are believed.
public struct CookieSecrets: BitwiseCopyable, Sendable {
    /// The most that are believed at a time.
    public static var limit: Int { 4 }
    // RFC 9018 §4.3: believed for an hour, and five minutes ahead; made anew after half an hour.
    static var oldest: Int32 { 3600 }
    static var newest: Int32 { -300 }
    static var renewed: Int32 { 1800 }
    // RFC 7873 §7.1: how long one secret makes cookies, where nobody else has to know it.
    static var period: UInt32 { 86_400 }

    private var keys = InlineArray<4, SipKey>(repeating: SipKey(0, 0))
    // The only secret is no secret of cookies: those of each day follow from it.
    private var isDaily = false
    /// How many there are; without any, cookies are not answered.
    public private(set) var count = 0

    /// The first so many of these.
    public init(_ secrets: [SipKey] = []) {
        for secret in secrets.prefix(CookieSecrets.limit) {
            keys[count] = secret
            count += 1
        }
    }

    /// Secrets that follow from this one, another each day (RFC 7873 §7.1).
    ///
    /// Which one made a cookie is told by the cookie's own time, so the one of the day before is
    /// believed for as long as any cookie is.
    public init(daily root: SipKey) {
        self.init([root])
        isDaily = true
    }

    /// A new cookie for a client at an address.
    public func make(client: UInt64, for address: IPAddress, at time: UInt32) -> ServerCookie {
        var cookie = ServerCookie(client: client, head: 1 << 56 | UInt64(time), hash: 0)
        cookie.hash = CookieSecrets.hash(cookie, address, secret(0, of: cookie))
        return cookie
    }

    private func secret(_ place: Int, of cookie: ServerCookie) -> SipKey {
        guard isDaily else { return keys[place] }
        let day = cookie.timestamp / CookieSecrets.period
        func half(_ number: UInt8) -> UInt64 {
            var input = InlineArray<5, UInt8>(repeating: number)
            for place in 0..<4 {
                input[place] = UInt8(truncatingIfNeeded: day >> UInt32(place * 8))
            }
            return SipHash.shortDigest(input.span, key: keys[0])
        }
        return SipKey(half(0), half(1))
    }

    // §7.1: whoever brings one of a former secret gets one of the present.
    private func isLasting(_ cookie: ServerCookie, _ place: Int, at time: UInt32) -> Bool {
        guard place == 0, Int32(bitPattern: time &- cookie.timestamp) <= CookieSecrets.renewed
        else { return false }
        return !isDaily
            || cookie.timestamp / CookieSecrets.period == time / CookieSecrets.period
    }

    /// What the cookie of a query is worth, and the one to answer with.
    public func judge(
        _ query: DNSQuery,
        _ request: Span<UInt8>,
        from address: IPAddress,
        at time: UInt32
    ) -> (state: CookieState, answer: ServerCookie)? {
        guard count > 0, let sent = query.cookie(request) else { return nil }
        func fresh() -> ServerCookie { make(client: sent.client, for: address, at: time) }
        guard query.edns.cookieLength > 8 else { return (.new, fresh()) }
        // RFC 9018 §4.1: other lengths and versions are other servers' own.
        guard query.edns.cookieLength == ServerCookie.length, sent.head >> 56 == 1 else {
            return (.bad, fresh())
        }
        let age = Int32(bitPattern: time &- sent.timestamp)
        guard age <= CookieSecrets.oldest, age >= CookieSecrets.newest else {
            return (.bad, fresh())
        }
        for place in 0..<count {
            let secret = secret(place, of: sent)
            guard CookieSecrets.hash(sent, address, secret) == sent.hash else { continue }
            return (.good, isLasting(sent, place, at: time) ? sent : fresh())
        }
        return (.bad, fresh())
    }

    // RFC 9018 §4.4: over client cookie, version, reserved octets as they are, time and address.
    private static func hash(
        _ cookie: ServerCookie,
        _ address: IPAddress,
        _ key: SipKey
    ) -> UInt64 {
        var input = InlineArray<32, UInt8>(repeating: 0)
        for place in 0..<8 {
            let shift = UInt64(56 &- place &* 8)
            input[place] = UInt8(truncatingIfNeeded: cookie.client >> shift)
            input[place &+ 8] = UInt8(truncatingIfNeeded: cookie.head >> shift)
        }
        for place in 0..<address.byteCount { input[place &+ 16] = address.byte(place) }
        let octets = input.span.extracting(0..<16 &+ address.byteCount)
        return SipHash.shortDigest(octets, key: key).byteSwapped
    }
}

extension DNSQuery {
    /// The cookie of a query: what it lacks to that of a server is 0.
    func cookie(_ request: Span<UInt8>) -> ServerCookie? {
        let start = Int(edns.cookieStart)
        guard edns.options.contains(.cookie), start &+ Int(edns.cookieLength) <= request.count
        else {
            return nil
        }
        func word(_ place: Int) -> UInt64 {
            guard place &+ 8 <= Int(edns.cookieLength) else { return 0 }
            var word: UInt64 = 0
            for index in 0..<8 { word = word << 8 | UInt64(request[start &+ place &+ index]) }
            return word
        }
        return ServerCookie(client: word(0), head: word(8), hash: word(16))
    }
}
