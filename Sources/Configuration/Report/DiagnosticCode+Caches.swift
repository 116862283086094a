// SPDX-License-Identifier: Apache-2.0

/// What the reference page says about caches.
extension DiagnosticCode {
    var cacheExplanation: CodeExplanation {
        switch self {
        case .unknownCache:
            .init(
                "unknown cache",
                "A route names a cache that `caches` does not have.",
                "Correct the name, or define the cache."
            )
        case .smallCacheDisk:
            .init(
                "disk too small",
                "The files on the disk are filled one after the other, and the oldest goes as a whole: "
                    + "with room for fewer than eight of the largest answers most would go at once.",
                "Raise `disk`, or lower `object-limit`."
            )
        case .sharedCacheFolder:
            .init(
                "one folder for two caches",
                "A folder belongs to one cache, which removes from it what it does not know.",
                "Give each cache a `disk-folder` of its own."
            )
        case .cachedAccess:
            .init(
                "cache behind a login",
                "A route asks for credentials and has a cache: what is kept for one who may come in "
                    + "is given to all of them. Requests with `Authorization` are kept only where the "
                    + "answer allows it (RFC 9111 §3.5).",
                "See that what is for one person alone says `private`, or take `cache` away."
            )
        case .cachedSessions:
            .init(
                "cache before sticky clients",
                "The pool keeps each client at its endpoint, and who is answered from the cache comes "
                    + "to none and gets no cookie of it.",
                "Give what is for everybody, such as images, a route and a pool of its own."
            )
        case .sharedCookies:
            .init(
                "cookies for everybody",
                "`keep-cookies` keeps answers with `Set-Cookie`: one client's session may become "
                    + "everybody's.",
                "Leave it out, and have the endpoint set no cookie in what is to be kept."
            )
        case .keyWithoutQuery:
            .init(
                "the query does not count",
                "With `key.query: none` all requests for a path get the same answer, whatever the "
                    + "query asks for.",
                "Name what counts in `only`, or what does not in `without`."
            )
        case .cacheThroughOwnPool:
            .init(
                "no way past the tier",
                "A cache fetches through a pool of other caches, and the route names the same pool: when "
                    + "its endpoints fail, there is nobody else to ask.",
                "Have the route name the pool of the origins, and `through` that of the caches."
            )
        default:
            .init(
                "caches larger than the memory",
                "The `memory` of all caches together is more than the machine has.",
                "Lower it; what does not fit is fetched again."
            )
        }
    }
}
