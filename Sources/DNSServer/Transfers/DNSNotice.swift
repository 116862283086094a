// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
public import Essentials
public import Runtime

/// What a worker tells the control thread.
public enum DNSNotice: Sendable {
    /// A peer has taken a zone, or has tried to.
    case transfer(TransferReport)
    /// A primary says that a zone has changed (RFC 1996).
    case changed(zone: DomainName, serial: SerialNumber?, from: IPAddress)
    /// One who is no primary of a zone says so; `others` have said such things since the last that
    /// was told.
    case stray(zone: DomainName, from: IPAddress, others: UInt64)
}

/// How a transfer to a peer went.
public struct TransferReport: Sendable {
    /// What became of it.
    public enum Ending: String, Sendable {
        /// All of it was sent.
        case done
        /// The peer has gone, or was too slow.
        case broken
        /// The peer may not have the zone.
        case refused
        /// There were too many others.
        case busy
    }

    /// The zone.
    public var zone: DomainName
    /// Who asked.
    public var client: IPAddress
    /// The key that signed the request.
    public var key: DomainName?
    /// What became of it.
    public var ending: Ending
    /// The version.
    public var serial: SerialNumber?
    /// True when the differences alone were sent.
    public var isIncremental = false
    /// Messages that were sent.
    public var messages = 0
    /// Records in them.
    public var records = 0
    /// Octets of them.
    public var octets = 0
    /// How long it took.
    public var duration = Interval.zero
}

/// Notices of all workers, for one reader; when nobody reads, those that are too many are dropped.
public final class DNSNotices: Sendable {
    private let mailbox: Mailbox<DNSNotice>
    private let waiting = SharedWords(count: 1)
    // When the latest stray notice was told, in seconds, and how many were not told since.
    private let strays = SharedWords(count: 2)
    /// Notices that wait.
    static let limit: UInt64 = 1024
    /// Seconds between stray notices that are told.
    static let strayInterval: UInt64 = 10

    /// No notices.
    public init() throws(SystemError) { mailbox = try Mailbox() }

    /// Becomes readable when there are some.
    public var descriptor: FileDescriptor { mailbox.descriptor }

    /// Adds a notice, unless too many wait.
    public func post(_ notice: DNSNotice) {
        guard waiting.load(0) < DNSNotices.limit else { return }
        waiting.add(0, 1)
        mailbox.post(notice)
    }

    /// Adds a notice that is not heard, unless one was told a moment ago.
    public func postStray(_ zone: DomainName, from client: IPAddress, seconds: UInt32) {
        let now = UInt64(seconds)
        guard now &- strays.load(0) >= DNSNotices.strayInterval else {
            strays.add(1, 1)
            return
        }
        strays.store(0, now)
        let others = strays.load(1)
        strays.add(1, 0 &- others)
        post(.stray(zone: zone, from: client, others: others))
    }

    /// Takes all.
    public func drain() -> [DNSNotice] {
        let found = mailbox.drain()
        waiting.add(0, 0 &- UInt64(found.count))
        return found
    }
}
