// SPDX-License-Identifier: Apache-2.0

/// What resolvers may have in their caches of one thing that changes: the DNSKEY set, the
/// signatures of the zone, or the DS set.
///
/// Whoever asks gets the present content, or a former one that a server which lags still gives;
/// and keeps it for its TTL. So a former content is gone at
///
///     replaced + propagation + TTL (+ margin)
///
/// and not a second earlier. When it was replaced is only known once the present one is served:
/// until then it counts as served, so that a crash in between makes no wait shorter.
struct CacheHistory<Content: Hashable & Sendable>: Sendable, Equatable {
    /// A content that was served once.
    struct Former: Sendable, Equatable {
        var content: Content
        /// The highest TTL it was served with, in seconds.
        var ttl: Int64
        /// It may still be served.
        var isServed: Bool
        /// From when no cache has it, without the margin; seconds since 1970.
        var gone: Int64
        /// What is added for safety, in seconds.
        var margin: Int64

        func isOver(_ now: Int64, hurried: Bool) -> Bool {
            !isServed && now >= end(hurried: hurried)
        }

        func end(hurried: Bool) -> Int64 { hurried ? gone : gone &+ margin }
    }

    var current: Content
    /// The TTL that the present content is served with.
    var ttl: Int64
    var former: [Former] = []

    init(_ current: Content, ttl: Int64) {
        self.current = current
        self.ttl = ttl
    }

    /// Whatever a cache may hold, the present content included.
    var possible: Set<Content> {
        var all = Set(former.map(\.content))
        all.insert(current)
        return all
    }

    /// Makes another content the present one, or the same with another TTL.
    mutating func replace(by content: Content, ttl: Int64) {
        guard content != current || ttl != self.ttl else { return }
        // Copies made while the TTL was higher live longer; one entry says so for all of them.
        if let index = former.firstIndex(where: { $0.content == current }) {
            former[index].ttl = max(former[index].ttl, self.ttl)
            former[index].isServed = true
        } else {
            former.append(
                Former(content: current, ttl: self.ttl, isServed: true, gone: .min, margin: 0)
            )
        }
        current = content
        self.ttl = ttl
    }

    /// Notes that the present content, and no other, is given out from `now` on.
    mutating func settle(_ now: Int64, reach: Int64, margin: Int64) {
        for index in former.indices where former[index].isServed {
            let gone = now &+ reach &+ former[index].ttl
            former[index].isServed = false
            former[index].margin = max(margin, former[index].margin)
            former[index].gone = max(former[index].gone, gone)
        }
    }

    /// Forgets what no cache has any more.
    mutating func forget(_ now: Int64, hurried: Bool) {
        former.removeAll { $0.isOver(now, hurried: hurried) }
    }

    /// When the next former content is gone; nil when none is known to be.
    func nextEnd(hurried: Bool) -> Int64? {
        former.filter { !$0.isServed }.map { $0.end(hurried: hurried) }.min()
    }
}
