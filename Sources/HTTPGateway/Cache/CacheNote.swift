// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache

/// What an exchange has to tell of its cache, as small as it can be.
struct CacheNote: BitwiseCopyable {
    /// What is told beside the words of RFC 9211.
    enum Detail: UInt8, BitwiseCopyable {
        case none
        /// It is remembered that its answers are not kept.
        case passing
        /// What is stale is given because the origin failed.
        case originFailed
        /// What another request fetches took too long.
        case waitedTooLong
        /// It was not asked for often enough to be kept.
        case tooRare
        /// It was read from the disk for this request, and others that came meanwhile.
        case disk
        /// The content of its QUERY is longer than what is looked at.
        case longContent
        /// It has passed this node before.
        case loop
        /// The peers through which it is fetched were of no help.
        case tierFailed

        var word: StaticString? {
            switch self {
            case .none: nil
            case .passing: "passing"
            case .originFailed: "origin-failed"
            case .waitedTooLong: "waited-too-long"
            case .tooRare: "too-rare"
            case .disk: "disk"
            case .longContent: "content-too-long"
            case .loop: "loop"
            case .tierFailed: "tier-failed"
            }
        }
    }

    /// Why the request went on; nil where it was answered from the store.
    var forward: CacheStatus.Forward?
    var detail = Detail.none
    private var marks: UInt8 = 0

    var isStored: Bool {
        get { has(1) }
        set { mark(1, newValue) }
    }
    var isCollapsed: Bool {
        get { has(2) }
        set { mark(2, newValue) }
    }
    /// The origin said that what is stored still holds.
    var isRenewed: Bool {
        get { has(4) }
        set { mark(4, newValue) }
    }
    /// Whom the request is sent to are other caches, not its route's pool.
    var isThroughTier: Bool {
        get { has(8) }
        set { mark(8, newValue) }
    }

    private func has(_ bit: UInt8) -> Bool { marks & bit != 0 }

    private mutating func mark(_ bit: UInt8, _ isSet: Bool) {
        marks = isSet ? marks | bit : marks & ~bit
    }

    /// As `Cache-Status` tells it, with the seconds for which the answer is fresh.
    func status(_ timeToLive: Int64?) -> CacheStatus {
        var status = CacheStatus(forward)
        status.forwardStatus = isRenewed ? 304 : 0
        status.timeToLive = timeToLive
        status.isStored = isStored
        status.isCollapsed = isCollapsed
        status.detail = detail.word
        return status
    }
}
