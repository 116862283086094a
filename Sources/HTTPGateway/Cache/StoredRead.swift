// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// One client's hold on a stored object, or on one that is being fetched.
struct StoredRead: BitwiseCopyable {
    /// The object that is read, or the fill whose head is awaited.
    var ref: StoredRef
    /// What there is besides, though it may not be used as it is; none where nothing is.
    var base: StoredRef
    /// Among the door's stores.
    var store: Int32
    var client: Handle
    /// Of the content, what is read next.
    var offset: UInt64 = 0
    /// For how many seconds it is fresh, negative once it is stale; nil before that is known.
    var timeToLive: Int64?
    /// It is stale, and may be used while it is asked for anew.
    var isUpdating = false
    /// Its own request began the fetch.
    var isLeader = false
    /// That fetch, among the clients; none for the others.
    var fetch = Handle.none
    /// It is in the list of those that wait for news of their object.
    var isWaiting = false
    /// How often it has looked for an object.
    var turns: UInt8 = 0
    /// Among the answers in several parts; -1 for another one.
    var parts: Int32 = -1
    /// The next one with news from the same list.
    var next: Int32 = -1
}

/// How far an answer in several parts has come.
struct StoredParts: BitwiseCopyable {
    var answer: RangeAnswer
    var index = 0
    /// The text before the part has been written.
    var isTold = false
}

/// One request to an endpoint whose answer goes into a store.
struct FetchState: BitwiseCopyable {
    var fill: StoredRef
    /// What is validated; none where there is nothing.
    var base: StoredRef
    /// Among the door's stores.
    var store: Int32
    /// The number of the cache.
    var cache: Int32
    /// Whose request it was; none for one in the background.
    var leader: Handle
    /// When the request went out.
    var sent = WallTime(nanoseconds: 0)
    /// It is in the background, for what is fresh still.
    var isAhead = false
    /// The answer is being kept.
    var isKept = false
    /// What is stored is as new as can be.
    var isDone = false
    /// It turned out to be more than is kept: what has come waits for the first reader, who goes on alone.
    var isOverfull = false
    /// A 304 was of no use: it has been sent once more, without a condition.
    var isRepeated = false
    /// Octets of content in the store.
    var stored: UInt64 = 0
    /// Octets of the validators, in the block behind the request's head.
    var validators: Int32 = 0
    /// Whom to tell how it ends; nobody for ``nobody``.
    var ticket = FetchState.nobody
    var end = FetchEnd.open

    static let nobody = UInt64.max
}

/// What others tell a worker about its caches.
enum CacheNews: Sendable {
    /// There is news of an object, which its readers wait for.
    case object(store: ObjectIdentifier, number: UInt64)
    /// Something is to be fetched.
    case warm(WarmRequest)

    /// Tells workers; a bit stands for each of the same number but for multiples of 64.
    func post(to workers: UInt64, _ mailboxes: [Mailbox<CacheNews>]) {
        var waiting = workers
        while waiting != 0 {
            var number = waiting.trailingZeroBitCount
            waiting &= waiting &- 1
            while number < mailboxes.count {
                mailboxes[number].post(self)
                number &+= 64
            }
        }
    }
}
