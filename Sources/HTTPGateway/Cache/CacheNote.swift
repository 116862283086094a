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

        var word: StaticString? {
            switch self {
            case .none: nil
            case .passing: "passing"
            case .originFailed: "origin-failed"
            case .waitedTooLong: "waited-too-long"
            case .tooRare: "too-rare"
            case .disk: "disk"
            case .longContent: "content-too-long"
            }
        }
    }

    /// Why the request went on; nil where it was answered from the store.
    var forward: CacheStatus.Forward?
    var detail = Detail.none
    var isStored = false
    var isCollapsed = false
    /// The origin said that what is stored still holds.
    var isRenewed = false

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
