// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import HTTPProtocol

/// Why a response is not kept.
public enum NotStored: UInt8, Sendable, CaseIterable {
    /// A method whose responses are not kept here.
    case method
    /// The client asked that nothing is kept (RFC 9111 §5.2.1.5).
    case requestNoStore
    /// `no-store` (§5.2.2.5).
    case noStore
    /// `private` (§5.2.2.7).
    case isPrivate
    /// The request had `Authorization`, and nothing allows it (§3.5).
    case authorization
    /// A status that is not understood, and has to be (§3).
    case status
    /// Neither a time nor a status that may be kept by itself (§3).
    case notExplicit
    /// `Vary: *`: it fits no other request (§4.1).
    case varies
    /// `Set-Cookie`, which would be everybody's.
    case cookie
    /// Already stale, and nothing to ask anew by.
    case useless

    /// For a log and for people.
    public var word: StaticString {
        switch self {
        case .method: "method"
        case .requestNoStore: "request-no-store"
        case .noStore: "no-store"
        case .isPrivate: "private"
        case .authorization: "authorization"
        case .status: "status"
        case .notExplicit: "not-explicit"
        case .varies: "vary-all"
        case .cookie: "set-cookie"
        case .useless: "no-use"
        }
    }
}

/// Whether a response is kept.
public enum StorageVerdict: Sendable, Equatable {
    /// It is, and this is known of it.
    case store(StoredFacts)
    /// It is not.
    case refuse(NotStored)
}

/// Which responses may be kept (RFC 9111 §3), and what is known of them then.
public struct StorageRule: Sendable {
    let rules: CacheRules

    /// By what an operator decided.
    public init(_ rules: CacheRules) { self.rules = rules }

    /// Judges a response to a request that was sent at `sent` and whose head came at `now`.
    public func judge(
        _ request: CacheRequest,
        status: UInt16,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        sent: WallTime,
        now: WallTime
    ) -> StorageVerdict {
        // Of HEAD there is nothing to keep: it is answered from what GET has brought.
        guard request.method == .get || request.method == .query else { return .refuse(.method) }
        let (said, isTargeted) = CacheDirectives.ofResponse(fields, bytes, targets: rules.targets)
        if let reason = refusal(request, status, said, isTargeted, fields, bytes) {
            return .refuse(reason)
        }
        var facts = facts(status, said, isTargeted, fields, bytes, now)
        facts.initialAge = initialAge(fields, bytes, sent: sent, now: now)
        let isValidated = !facts.traits.isDisjoint(with: [.hasETag, .hasLastModified])
        let longest = max(facts.staleWhileRevalidate, facts.staleIfError)
        let isUsable =
            !facts.traits.contains(.mustAsk)
            && facts.initialAge
                < facts.lifetime + (facts.traits.contains(.neverStale) ? .zero : longest)
        return isValidated || isUsable ? .store(facts) : .refuse(.useless)
    }

    private func refusal(
        _ request: CacheRequest,
        _ status: UInt16,
        _ said: CacheDirectives,
        _ isTargeted: Bool,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> NotStored? {
        let words = said.words
        if rules.heedsClients, request.directives.words.contains(.noStore) {
            return .requestNoStore
        }
        let isUnderstood = StorageRule.isUnderstood(status)
        if words.contains(.mustUnderstand) {
            // §5.2.2.3: `no-store` is for those who do not understand it.
            guard isUnderstood else { return .status }
        } else if words.contains(.noStore) {
            return .noStore
        }
        guard status >= 200, status != 206, status != 304 else { return .status }
        if words.contains(.isPrivate) { return .isPrivate }
        if request.hasAuthorization, !allowsAuthorization(said) { return .authorization }
        if variesByAll(fields, bytes) { return .varies }
        if fields.first(.setCookie) != nil, !rules.keepsCookies { return .cookie }
        let isExplicit =
            words.contains(.isPublic) || said.sharedMaxAge.isPresent || said.maxAge.isPresent
            || fields.first(.expires) != nil && !isTargeted || rules.lifetime(status) != nil
        guard isExplicit || StorageRule.isHeuristicallyCacheable(status) else {
            return .notExplicit
        }
        return nil
    }

    /// §3.5: what allows a shared cache to keep what was asked for with credentials.
    private func allowsAuthorization(_ said: CacheDirectives) -> Bool {
        said.words.contains(.isPublic) || said.words.contains(.mustRevalidate)
            || said.sharedMaxAge.isPresent
    }

    private func variesByAll(_ fields: borrowing FieldTable, _ bytes: Span<UInt8>) -> Bool {
        var place = fields.first(.vary)
        while let index = place {
            var list = ListReader(fields[index].value)
            while let name = list.next(bytes) {
                if name.count == 1, bytes[Int(name.start)] == UInt8(ascii: "*") { return true }
            }
            place = fields.next(.vary, from: index &+ 1)
        }
        return false
    }

    // MARK: Statuses

    /// Statuses that may be kept without a word about it (RFC 9110 §15.1), but for 206.
    public static func isHeuristicallyCacheable(_ status: UInt16) -> Bool {
        switch status {
        case 200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501: true
        default: false
        }
    }

    /// Statuses whose meaning for a cache is known here: those of RFC 9110 §15, with 429, 431 and 511
    /// of RFC 6585 and 451 of RFC 7725.
    public static func isUnderstood(_ status: UInt16) -> Bool {
        switch status {
        case 200...205, 300...303, 305, 307, 308, 400...417, 421, 422, 426, 429, 431, 451,
            500...505,
            511:
            true
        default: false
        }
    }

    // MARK: Lifetime

    private func facts(
        _ status: UInt16,
        _ said: CacheDirectives,
        _ isTargeted: Bool,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        _ now: WallTime
    ) -> StoredFacts {
        var traits: StoredFacts.Traits = isTargeted ? .isTargeted : []
        let present = now.seconds
        let modified = StorageRule.date(.lastModified, fields, bytes, present)
        if modified != nil { traits.insert(.hasLastModified) }
        if let place = fields.first(.etag), EntityTag(bytes, fields[place].value) != nil {
            traits.insert(.hasETag)
        }
        // §5.4: of the requests that `Pragma` was made for, some responses have it; it means nothing.
        if said.words.contains(.noCache) { traits.insert(.mustAsk) }
        if said.words.contains(.immutable) { traits.insert(.immutable) }
        let isAllowed =
            rules.allowsStaleBesideSharedMaxAge
            && (said.staleWhileRevalidate.isPresent || said.staleIfError.isPresent)
        let isBound =
            said.words.contains(.mustRevalidate) || said.words.contains(.proxyRevalidate)
            || said.sharedMaxAge.isPresent && !isAllowed
        if isBound { traits.insert(.neverStale) }
        let origin = StorageRule.date(.date, fields, bytes, present) ?? present
        let ruled = rules.lifetime(status)
        var lifetime = explicitLifetime(said, isTargeted, fields, bytes, origin, present)
        if rules.lifetimesWin || lifetime == nil { lifetime = ruled ?? lifetime }
        if lifetime == nil, let modified,
            StorageRule.isHeuristicallyCacheable(status) || said.words.contains(.isPublic)
        {
            traits.insert(.isHeuristic)
            let share = max(origin &- modified, 0) / 100 * rules.heuristicPercent
            lifetime = min(.seconds(share), rules.heuristicLimit)
        }
        return StoredFacts(
            status: status,
            traits: traits,
            received: now,
            initialAge: .zero,
            lifetime: min(lifetime ?? .zero, rules.lifetimeLimit),
            staleWhileRevalidate: said.staleWhileRevalidate.isPresent
                ? .seconds(said.staleWhileRevalidate.value ?? 0) : rules.staleWhileRevalidate,
            staleIfError: said.staleIfError.isPresent
                ? .seconds(said.staleIfError.value ?? 0) : rules.staleIfError
        )
    }

    /// §4.2.1; what cannot be read means stale.
    private func explicitLifetime(
        _ said: CacheDirectives,
        _ isTargeted: Bool,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        _ origin: Int64,
        _ present: Int64
    ) -> Interval? {
        if said.sharedMaxAge.isPresent { return .seconds(said.sharedMaxAge.value ?? 0) }
        if said.maxAge.isPresent { return .seconds(said.maxAge.value ?? 0) }
        // RFC 9213 §2.2: beside a targeted field it says nothing to this cache.
        guard !isTargeted, fields.first(.expires) != nil else { return nil }
        guard let end = StorageRule.date(.expires, fields, bytes, present) else { return .zero }
        return .seconds(max(end &- origin, 0))
    }

    /// Of several lines the first; nil where it is no date (RFC 9111 §5.3).
    private static func date(
        _ known: KnownField,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        _ present: Int64
    ) -> Int64? {
        fields.first(known).flatMap {
            HTTPDate.seconds(bytes.slice(fields[$0].value), now: present)
        }
    }

    // MARK: Age

    /// How old a response was when its head came: `corrected_initial_age` (§4.2.3).
    ///
    /// Of a 304 it is that of what it renews, too.
    public func initialAge(
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        sent: WallTime,
        now: WallTime
    ) -> Interval {
        var told: Int64 = 0
        if let place = fields.first(.age) {
            // §5.1: of a list the first member; what is no number is passed over.
            var list = ListReader(fields[place].value)
            if let first = list.next(bytes) { told = DeltaSeconds(bytes.slice(first)).value ?? 0 }
        }
        let delay = max(now - sent, .zero)
        let date = StorageRule.date(.date, fields, bytes, now.seconds)
        let apparent = Interval.seconds(max(now.seconds &- (date ?? now.seconds), 0))
        return max(apparent, .seconds(told) + delay)
    }
}

extension WallTime {
    /// Whole seconds since 1970, rounded down.
    var seconds: Int64 {
        let (quotient, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return rest < 0 ? quotient - 1 : quotient
    }
}
