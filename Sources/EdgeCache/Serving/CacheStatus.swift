// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// What became of a request at this cache, as `Cache-Status` tells it (RFC 9211).
public struct CacheStatus: BitwiseCopyable, Sendable {
    /// Why a request went on to an origin (§2.2).
    public enum Forward: UInt8, BitwiseCopyable, Sendable, CaseIterable {
        /// The cache was told not to look.
        case bypass
        /// A method that is not answered from a cache.
        case method
        /// Nothing is stored for the URI.
        case uriMiss
        /// What is stored for the URI is for other requests, by its `Vary`.
        case varyMiss
        /// Nothing fits, for a reason that is not told.
        case miss
        /// What is stored is fresh, and the client did not want it.
        case request
        /// What is stored is stale.
        case stale
        /// Some of what was asked for is stored.
        case partial

        /// As it is written.
        public var word: StaticString {
            switch self {
            case .bypass: "bypass"
            case .method: "method"
            case .uriMiss: "uri-miss"
            case .varyMiss: "vary-miss"
            case .miss: "miss"
            case .request: "request"
            case .stale: "stale"
            case .partial: "partial"
            }
        }
    }

    /// Why the request went on; nil where it was answered from the store.
    public var forward: Forward?
    /// The status that the origin answered with; 0 where it is that of the response (§2.3).
    public var forwardStatus: UInt16 = 0
    /// For how many seconds more the response is fresh, negative once it is stale (§2.4).
    public var timeToLive: Int64?
    /// True when the response was stored (§2.5).
    public var isStored = false
    /// True when it was sent to an origin together with others (§2.6).
    public var isCollapsed = false
    /// One word more, a token (§2.8).
    public var detail: StaticString?

    /// A request that was answered from the store, or sent on for a reason.
    public init(_ forward: Forward? = nil) { self.forward = forward }

    /// True when no origin was asked (§2.1).
    public var isHit: Bool { forward == nil }

    /// Appends the member for this cache, such as `Martlet; hit; ttl=376`.
    ///
    /// A name that is no token is written as a string. False, and nothing is written, when it does not fit
    /// or when the name has octets that no string may have.
    public func write(name: Span<UInt8>, into output: inout OutputSpan<UInt8>) -> Bool {
        let start = output.count
        let isWhole =
            CacheStatus.write(item: name, into: &output) && writeForward(into: &output)
            && writeNumber("; ttl=", timeToLive, into: &output)
            && (isHit || !isCollapsed || output.write("; collapsed"))
            && writeDetail(into: &output)
        if !isWhole { output.removeLast(output.count &- start) }
        return isWhole
    }

    /// Appends `Cache-Status` with the member, as a line of its own.
    ///
    /// Behind the lines that came: the field is a list, whose first member is the cache that is nearest to the
    /// origin (§2).
    public func writeField(name: Span<UInt8>, into output: inout OutputSpan<UInt8>) -> Bool {
        let start = output.count
        let isWhole =
            output.write("Cache-Status: ") && write(name: name, into: &output)
            && output.writeLineEnd()
        if !isWhole { output.removeLast(output.count &- start) }
        return isWhole
    }

    private func writeForward(into output: inout OutputSpan<UInt8>) -> Bool {
        guard let forward else { return output.write("; hit") }
        let status = forwardStatus == 0 ? nil : Int64(forwardStatus)
        return output.write("; fwd=") && output.write(forward.word)
            && writeNumber("; fwd-status=", status, into: &output)
            && (!isStored || output.write("; stored"))
    }

    /// An integer has 15 digits at most (RFC 9651 §3.3.1).
    private func writeNumber(
        _ key: StaticString,
        _ number: Int64?,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard let number else { return true }
        let magnitude = min(number.magnitude, 999_999_999_999_999)
        return output.write(key) && (number >= 0 || output.write("-"))
            && output.write(decimal: magnitude)
    }

    private func writeDetail(into output: inout OutputSpan<UInt8>) -> Bool {
        guard let detail else { return true }
        return output.write("; detail=") && output.write(detail)
    }

    /// A token, else a string (RFC 9651 §3.3.4, §3.3.3).
    private static func write(item: Span<UInt8>, into output: inout OutputSpan<UInt8>) -> Bool {
        if isToken(item) { return output.write(item) }
        guard output.write("\"") else { return false }
        for index in item.indices {
            let byte = item[index]
            guard byte >= 0x20, byte < 0x7f else { return false }
            let isEscaped = byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
            guard !isEscaped || output.write("\\"), output.write(byte) else { return false }
        }
        return output.write("\"")
    }

    private static func isToken(_ item: Span<UInt8>) -> Bool {
        guard !item.isEmpty, ASCII.isLetter(item[0]) || item[0] == UInt8(ascii: "*") else {
            return false
        }
        for index in item.indices {
            let byte = item[index]
            let isAllowed =
                FieldSyntax.isTokenByte(byte) || byte == UInt8(ascii: ":")
                || byte == UInt8(ascii: "/")
            guard isAllowed else { return false }
        }
        return true
    }
}

/// The same in one word, as `X-Cache-Status` has it at many servers.
public enum CacheWord: UInt8, Sendable, CaseIterable {
    /// From the store, fresh.
    case hit
    /// From the origin: nothing fitting was stored.
    case miss
    /// From the origin: what was stored had become stale.
    case expired
    /// From the store, stale, because the origin failed or the client takes it so.
    case stale
    /// From the store, stale, while the origin is asked.
    case updating
    /// From the store, after the origin said that it still holds.
    case revalidated
    /// From the origin: the store was not asked, or not wanted.
    case bypass

    /// The word for what became of a request; `isUpdating` when it is asked for anew meanwhile.
    public init(_ status: CacheStatus, isUpdating: Bool) {
        switch status.forward {
        case nil where status.timeToLive ?? 1 > 0: self = .hit
        case nil: self = isUpdating ? .updating : .stale
        case .stale, .request:
            guard status.forwardStatus != 304 else {
                self = .revalidated
                return
            }
            self = status.forward == .stale ? .expired : .bypass
        case .bypass, .method: self = .bypass
        case .uriMiss, .varyMiss, .miss, .partial: self = .miss
        }
    }

    /// As it is written.
    public var text: StaticString {
        switch self {
        case .hit: "HIT"
        case .miss: "MISS"
        case .expired: "EXPIRED"
        case .stale: "STALE"
        case .updating: "UPDATING"
        case .revalidated: "REVALIDATED"
        case .bypass: "BYPASS"
        }
    }
}
