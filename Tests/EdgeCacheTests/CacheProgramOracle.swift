// SPDX-License-Identifier: Apache-2.0
import Testing

/// Something stored, as the program has seen it come: what RFC 9111 allows is asked of it, by arithmetic of its
/// own on what the origin meant.
final class ProgramRecord {
    var answer: ProgramAnswer
    let resource: Int
    /// The request that it was stored for, or that has renewed it.
    var request: ProgramRequest
    /// When the request went out, and the head came.
    var asked: Int64
    var came: Int64
    /// It must never be found again.
    var isGone: Bool
    /// It is stale by order.
    var isSoft = false
    var isComplete = false

    init(
        _ answer: ProgramAnswer,
        _ resource: Int,
        _ request: ProgramRequest,
        asked: Int64,
        came: Int64,
        isGone: Bool
    ) {
        self.answer = answer
        self.resource = resource
        self.request = request
        self.asked = asked
        self.came = came
        self.isGone = isGone
    }

    private var control: ProgramControl { answer.control ?? ProgramControl() }

    /// For who has to find out what went wrong.
    var story: String {
        let head = String(decoding: answer.head(status: answer.status), as: UTF8.self)
        return "\(head), asked \(asked), came \(came), soft \(isSoft), lifetime \(lifetime)"
    }

    // MARK: §4.2

    /// §4.2.3.
    func age(_ now: Int64) -> Int64 {
        let apparent = max(0, came - (answer.date ?? came))
        let corrected = (answer.age ?? 0) + max(0, came - asked)
        return max(apparent, corrected) + max(0, now - came)
    }

    /// §4.2.1; of a guess the most that §4.2.2 recommends.
    var lifetime: Int64 {
        if let lifetime = control.sharedMaxAge ?? control.maxAge { return lifetime }
        if let expires = answer.expires { return max(0, expires - (answer.date ?? came)) }
        let isGuessed = answer.status == 200 || answer.status == 404 || control.isPublic
        guard let modified = answer.modified, isGuessed else { return 0 }
        return min(max(0, (answer.date ?? came) - modified) / 10, 86_400)
    }

    func isFresh(_ now: Int64) -> Bool { lifetime > age(now) && !isSoft }

    private func staleness(_ now: Int64) -> Int64 { max(0, age(now) - lifetime) }

    /// §4.2.4.
    private var isStaleForbidden: Bool {
        control.isNoCache || control.isMustRevalidate || control.isProxyRevalidate
            || control.sharedMaxAge != nil
    }

    // MARK: §3

    /// Whether a shared cache may keep it (§3, §3.5, §4.1); clients are heeded or not.
    func isStorable(isHeeded: Bool) -> Bool {
        Self.isStorable(answer, request, isHeeded: isHeeded)
    }

    static func isStorable(
        _ answer: ProgramAnswer,
        _ request: ProgramRequest,
        isHeeded: Bool
    ) -> Bool {
        let control = answer.control ?? ProgramControl()
        if control.isNoStore || control.isPrivate || isHeeded && request.wish.isNoStore {
            return false
        }
        if answer.status == 206 || answer.variesByAll || answer.setsCookie { return false }
        let isShared =
            control.isPublic || control.isMustRevalidate || control.sharedMaxAge != nil
        if request.hasAuthorization, !isShared { return false }
        let isExplicit =
            control.isPublic || control.maxAge != nil || control.sharedMaxAge != nil
            || answer.expires != nil
        return isExplicit || answer.status == 200 || answer.status == 404
    }

    // MARK: §4

    /// §4.1.
    func isFor(_ other: ProgramRequest) -> Bool {
        (!answer.variesByColor || other.color == request.color)
            && (!answer.variesBySize || other.size == request.size)
    }

    /// Whether it may be given without asking, as fresh.
    func mayServeFresh(_ request: ProgramRequest, _ now: Int64, isHeeded: Bool) -> Bool {
        guard isFresh(now), !control.isNoCache else { return false }
        guard isHeeded else { return true }
        let wish = request.wish
        return !wish.isReload && wish.maxAge.map { age(now) <= $0 } ?? true
            && wish.minFresh.map { lifetime - age(now) >= $0 } ?? true
    }

    /// Whether it may be given although it is stale: the origin's word or the client's (RFC 5861 §3, §4.2.4).
    func mayServeStale(_ request: ProgramRequest, _ now: Int64, isHeeded: Bool) -> Bool {
        guard !isStaleForbidden else { return false }
        if isHeeded {
            let wish = request.wish
            guard !wish.isReload, wish.minFresh == nil,
                wish.maxAge.map({ age(now) <= $0 }) ?? true
            else { return false }
            if let most = wish.maxStale, staleness(now) <= most { return true }
        }
        return staleness(now) < control.staleWhileRevalidate ?? 0
    }

    /// Whether it may be given because the origin fails (RFC 5861 §4); what is stale by order alone is kept for
    /// that.
    func mayServeOnError(_ now: Int64) -> Bool {
        !isStaleForbidden && (lifetime > age(now) || staleness(now) < control.staleIfError ?? 0)
    }

    /// Whether who looks for it while it comes may read along.
    func mayReadAlong(_ request: ProgramRequest, _ now: Int64, isHeeded: Bool) -> Bool {
        mayServeFresh(request, now, isHeeded: isHeeded)
            || mayServeStale(request, now, isHeeded: isHeeded)
    }
}
