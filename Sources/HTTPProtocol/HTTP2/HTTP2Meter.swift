// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// How much of one thing a connection may do: so much at once, and so much more every second.
public struct HTTP2Allowance: BitwiseCopyable, Sendable, Equatable {
    /// The most at once.
    public var burst: Int32
    /// What comes back every second.
    public var perSecond: Int32

    /// An allowance.
    public init(burst: Int32, perSecond: Int32) {
        self.burst = burst
        self.perSecond = perSecond
    }
}

/// The budgets of one connection.
///
/// A page that is left cancels all its streams at once, so resets begin at the number of streams
/// and are earned by answers. PING, WINDOW_UPDATE and PRIORITY are also earned: honest clients send them along with
/// requests and data, so each of those adds to what may come.
public struct HTTP2Budgets: BitwiseCopyable, Sendable, Equatable {
    /// Streams that the client resets, and one more for each frame of data sent, to twice as many.
    public var rapidReset = HTTP2Allowance(burst: 100, perSecond: 20)
    /// Streams that it makes this side reset.
    public var provokedReset = HTTP2Allowance(burst: 100, perSecond: 10)
    /// SETTINGS frames.
    public var settings = HTTP2Allowance(burst: 32, perSecond: 2)
    /// PING frames, and one more for each frame of data either way.
    public var ping = HTTP2Allowance(burst: 64, perSecond: 10)
    /// PRIORITY, PRIORITY_UPDATE and unknown frames, and four more for each request.
    public var priority = HTTP2Allowance(burst: 200, perSecond: 20)
    /// WINDOW_UPDATE frames, and four more for each request and each frame of data sent.
    public var windowUpdate = HTTP2Allowance(burst: 400, perSecond: 20)
    /// DATA without content that ends nothing.
    public var emptyFrames = HTTP2Allowance(burst: 64, perSecond: 5)
    /// Field lists above the limit.
    public var fieldLists = HTTP2Allowance(burst: 8, perSecond: 1)

    /// Answers that may wait at a time, for longer than ``HTTP2Meter/starvation``, because the
    /// windows of their streams have hardly been opened at all.
    public var starved: Int32 = 32

    /// The shipped budgets.
    public init() {}

    /// So many percent of the shipped budgets; of each thing there is always one.
    public init(percent: Int) {
        let share = Int32(clamping: Swift.min(Swift.max(percent, 1), 10_000))
        func scale(_ allowance: inout HTTP2Allowance) {
            allowance.burst = Swift.max(allowance.burst &* share / 100, 1)
            allowance.perSecond = Swift.max(allowance.perSecond &* share / 100, 1)
        }
        scale(&rapidReset)
        scale(&provokedReset)
        scale(&settings)
        scale(&ping)
        scale(&priority)
        scale(&windowUpdate)
        scale(&emptyFrames)
        scale(&fieldLists)
        starved = Swift.max(starved &* share / 100, 1)
    }
}

/// Counts what a peer makes this side do, and says when it is more than a client needs.
///
/// Pure: what happened and when go in, a verdict comes out. Every frame is counted before the
/// library works on it.
public struct HTTP2Meter: BitwiseCopyable, Sendable {
    private struct Account: BitwiseCopyable {
        var balance: Int32
        let allowance: HTTP2Allowance

        init(_ allowance: HTTP2Allowance) {
            self.allowance = allowance
            balance = allowance.burst
        }
        // False when there is nothing left.
        mutating func spend() -> Bool {
            balance &-= 1
            return balance >= 0
        }
        mutating func earn(_ count: Int32, most: Int32) {
            balance = Swift.min(balance &+ Swift.min(count, most), Swift.max(most, balance))
        }
        mutating func refill(_ seconds: Int32) {
            guard balance < allowance.burst else { return }
            let (gain, overflow) = allowance.perSecond.multipliedReportingOverflow(by: seconds)
            let (sum, over) = balance.addingReportingOverflow(overflow ? allowance.burst : gain)
            balance = over ? allowance.burst : Swift.min(sum, allowance.burst)
        }
    }

    // What is earned may be saved up to here, so that a long quiet transfer is no licence.
    private static var savings: Int32 { 4_000 }

    private var rapidReset: Account
    private var provokedReset: Account
    private var settings: Account
    private var ping: Account
    private var priority: Account
    private var windowUpdate: Account
    private var emptyFrames: Account
    private var fieldLists: Account
    private let starved: Int32
    private var starvedSince = Instant.never
    private var refilled: Instant

    /// A meter for a connection that begins now.
    public init(_ budgets: HTTP2Budgets = HTTP2Budgets(), now: Instant) {
        rapidReset = Account(budgets.rapidReset)
        provokedReset = Account(budgets.provokedReset)
        settings = Account(budgets.settings)
        ping = Account(budgets.ping)
        priority = Account(budgets.priority)
        windowUpdate = Account(budgets.windowUpdate)
        emptyFrames = Account(budgets.emptyFrames)
        fieldLists = Account(budgets.fieldLists)
        starved = budgets.starved
        refilled = now
    }

    /// A frame has come; a field block counts as the HEADERS that begins it.
    public mutating func receive(_ header: HTTP2FrameHeader, now: Instant) -> HTTP2Abuse? {
        if now - refilled >= .seconds(1) { refill(now) }
        switch header.type {
        case HTTP2FrameType.data:
            // Padding alone is no content either, but its octets are paid for by the sender.
            if header.length > 0 { ping.earn(1, most: HTTP2Meter.savings) }
            guard header.length == 0, !header.endsStream else { return nil }
            return emptyFrames.spend() ? nil : .emptyFrames
        case HTTP2FrameType.headers:
            windowUpdate.earn(4, most: HTTP2Meter.savings)
            priority.earn(4, most: HTTP2Meter.savings)
            return nil
        case HTTP2FrameType.settings: return settings.spend() ? nil : .settings
        case HTTP2FrameType.ping: return ping.spend() ? nil : .ping
        case HTTP2FrameType.windowUpdate: return windowUpdate.spend() ? nil : .windowUpdate
        case HTTP2FrameType.reset: return rapidReset.spend() ? nil : .rapidReset
        case HTTP2FrameType.goAway, HTTP2FrameType.continuation: return nil
        default: return priority.spend() ? nil : .priority
        }
    }

    /// Frames of data have been sent to the peer.
    public mutating func sentData(frames: Int) {
        let count = Int32(clamping: frames)
        ping.earn(count, most: HTTP2Meter.savings)
        windowUpdate.earn(count &* 4, most: HTTP2Meter.savings)
        rapidReset.earn(count, most: rapidReset.allowance.burst &* 2)
    }

    /// This side had to reset so many streams.
    public mutating func hadToReset(_ count: Int, now: Instant) -> HTTP2Abuse? {
        if now - refilled >= .seconds(1) { refill(now) }
        let known = Swift.min(Swift.max(count, 0), 1_000)
        for _ in 0..<known where !provokedReset.spend() { return .provokedReset }
        return nil
    }

    /// A field list was longer than the limit.
    public mutating func hadLongList(now: Instant) -> HTTP2Abuse? {
        if now - refilled >= .seconds(1) { refill(now) }
        return fieldLists.spend() ? nil : .fieldLists
    }

    /// How long answers may be kept waiting by closed windows, when there are many of them.
    public static let starvation = Interval.milliseconds(500)

    /// True when so many streams are open that closed windows have to be looked for.
    public func watchesWindows(streams: Int32) -> Bool { streams >= starved }

    /// So many answers wait now for windows that have hardly been opened.
    ///
    /// Honest clients open a window before they ask, or right behind it.
    public mutating func sawStarving(_ count: Int, now: Instant) -> HTTP2Abuse? {
        guard count >= Int(starved) else {
            starvedSince = .never
            return nil
        }
        if starvedSince == .never { starvedSince = now }
        return now - starvedSince >= HTTP2Meter.starvation ? .starvedWindows : nil
    }

    private mutating func refill(_ now: Instant) {
        let seconds = Int32(clamping: (now - refilled).nanoseconds / 1_000_000_000)
        refilled = now
        rapidReset.refill(seconds)
        provokedReset.refill(seconds)
        settings.refill(seconds)
        ping.refill(seconds)
        priority.refill(seconds)
        windowUpdate.refill(seconds)
        emptyFrames.refill(seconds)
        fieldLists.refill(seconds)
    }
}
