// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// What is kept of the answers of endpoints, and who is answered with it.
    static let cacheOptions: [Option] = storeOptions + freshnessOptions + cacheKeyOptions

    static let cacheGroups: [OptionGroup] = [
        OptionGroup(
            "caches.*",
            "Caches by name; a route has one in front of its pools by `cache`.",
            noun: "cache"
        ),
        OptionGroup(
            "caches.*.lifetimes",
            "How long answers are fresh, by status, that do not say it: `200`, `300-399`, `5xx` or "
                + "`any`; of several that fit the narrowest holds."
        ),
        OptionGroup(
            "caches.*.key",
            "What tells requests apart, beside scheme and path: those with the same key get the same "
                + "answer."
        ),
    ]

    private static let storeOptions: [Option] = [
        Option(
            "routes[].cache",
            .reference(.cache),
            .absent("none"),
            "Cache that answers in place of the pool where it may."
        ),
        Option(
            "caches.*.memory",
            .size(MiB(1)...(1 << 40)),
            "256MiB",
            "Memory for what is kept; then what is asked for least gives way."
        ),
        Option(
            "caches.*.object-limit",
            .size(KiB(1)...(1 << 34)),
            .absent("8MiB, at most an eighth of `memory`"),
            "Largest answer that is kept, at most an eighth of `memory`."
        ),
        Option(
            "caches.*.disk",
            .size(MiB(16)...(1 << 46)),
            .absent("what is kept is lost when Martlet ends"),
            "Octets of files for what is kept, which outlive Martlet; the oldest give way."
        ),
        Option(
            "caches.*.disk-folder",
            .filePath,
            .absent("none; `disk` needs one"),
            "Folder of these files, which is this cache's own.",
            beside: ["disk"]
        ),
        Option(
            "caches.*.pinned-limit",
            .size(0...(1 << 39)),
            .absent("a quarter of `memory`"),
            "Memory that pushed objects which are pinned may take in all, at most half of `memory`."
        ),
        Option(
            "caches.*.min-uses",
            .integer(1...100),
            "1",
            "The request for an answer from which on it is kept."
        ),
        Option(
            "caches.*.query-limit",
            .size(0...KiB(32)),
            "16KiB",
            "Content of a QUERY up to which its answer is looked for and kept; `0` for never."
        ),
        Option(
            "caches.*.wait",
            .duration(.zero...minutes(10)),
            "5s",
            "How long a request waits for what another one is fetching before it goes itself."
        ),
        Option(
            "caches.*.pass-lifetime",
            .duration(.zero...days(1)),
            "2m",
            "How long it is remembered that an answer may not be kept, so that nobody waits for it."
        ),
        Option(
            "caches.*.through",
            .reference(.pool),
            .absent("the route's own pool"),
            "Pool of other caches through which it fetches, each object through one of them; where they "
                + "are of no help, the route's own pool is asked."
        ),
        Option(
            "caches.*.status-header",
            .boolean,
            "true",
            "Whether answers tell in `X-Cache-Status` too what `Cache-Status` says, as one word."
        ),
        Option(
            "caches.*.tags-to-clients",
            .boolean,
            "true",
            "Whether answers keep `Surrogate-Key` and `Cache-Tag`, which another cache in front may need."
        ),
        Option(
            "caches.*.name",
            .label,
            "Martlet",
            "What the cache calls itself in `Cache-Status` (RFC 9211); it begins with a letter."
        ),
        Option(
            "caches.*.purge",
            .list(.prefix),
            .absent("nobody"),
            "Networks whose clients may take out what is kept, by the method `PURGE`."
        ),
    ]

    private static let freshnessOptions: [Option] = [
        Option(
            "caches.*.lifetimes.*",
            .duration(.zero...days(365)),
            .absent("what `heuristic-percent` gives"),
            "How long answers with these statuses are fresh that do not say it."
        ),
        Option(
            "caches.*.override",
            .boolean,
            "false",
            "Whether `lifetimes` hold also for answers that say another one; what they forbid by "
                + "`no-store`, `private` or `no-cache` stays forbidden.",
            beside: ["lifetimes"]
        ),
        Option(
            "caches.*.heuristic-percent",
            .percentage(0...100),
            "10%",
            "How long an answer is fresh that says nothing but `Last-Modified`, as a share of its age "
                + "then."
        ),
        Option(
            "caches.*.heuristic-limit",
            .duration(.zero...days(365)),
            "1d",
            "The longest that `heuristic-percent` gives."
        ),
        Option(
            "caches.*.lifetime-limit",
            .duration(.zero...days(3650)),
            "365d",
            "The longest that anything is fresh, whatever the endpoint says."
        ),
        Option(
            "caches.*.refresh-ahead",
            .percentage(0...50),
            "0%",
            "The last share of a lifetime in which what is asked for often is fetched anew in the "
                + "background, so that nobody waits for it."
        ),
        Option(
            "caches.*.jitter",
            .percentage(0...50),
            "0%",
            "How much shorter than they say answers are fresh at most, each by another share, so that "
                + "what came together does not expire together."
        ),
        Option(
            "caches.*.stale-while-revalidate",
            .duration(.zero...days(365)),
            "0s",
            "How long a stale answer is used while it is fetched anew, where it does not say it."
        ),
        Option(
            "caches.*.stale-if-error",
            .duration(.zero...days(365)),
            "0s",
            "How long a stale answer is used when the endpoints fail, where it does not say it."
        ),
        Option(
            "caches.*.allow-stale-with-s-maxage",
            .boolean,
            "false",
            "Whether `stale-while-revalidate` and `stale-if-error` count in answers with `s-maxage`, "
                + "which by itself forbids stale answers."
        ),
        Option(
            "caches.*.heed-clients",
            .boolean,
            "false",
            "Whether `Cache-Control` of clients is heeded, by which anybody sends requests to the "
                + "endpoints."
        ),
        Option(
            "caches.*.keep-cookies",
            .boolean,
            "false",
            "Whether answers with `Set-Cookie` are kept, and everybody gets the cookie."
        ),
        Option(
            "caches.*.targets",
            .list(.fieldName),
            .absent("`Martlet-Cache-Control`, `CDN-Cache-Control`"),
            "Fields in which endpoints speak to this cache alone, the first one first (RFC 9213)."
        ),
    ]

    private static let cacheKeyOptions: [Option] = [
        Option(
            "caches.*.key.host",
            .boolean,
            "true",
            "Whether hosts are told apart."
        ),
        Option(
            "caches.*.key.query",
            .words(CacheQuery.allCases.map(\.rawValue)),
            "all",
            "What counts of the query: all as it is sent, all in any order (`sorted`), or nothing."
        ),
        Option(
            "caches.*.key.only",
            .list(.text(255)),
            .absent("what `query` says"),
            "Parameters of the query that count, and no others."
        ),
        Option(
            "caches.*.key.without",
            .list(.text(255)),
            .absent("what `query` says"),
            "Parameters of the query that do not count, such as `utm_*`: all whose names begin so."
        ),
        Option(
            "caches.*.key.headers",
            .list(.fieldName),
            .absent("none"),
            "Fields of the request whose values count, beside those that `Vary` names."
        ),
        Option(
            "caches.*.key.cookies",
            .list(.fieldName),
            .absent("none"),
            "Cookies whose values count."
        ),
    ]
}
