// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import Runtime

/// Decides when the process that runs commands is started, started again, and given up: pure.
public struct CommandLinkMachine: Sendable {
    /// What the driver does next.
    public enum Action: Sendable, Equatable {
        /// Nothing.
        case keep
        /// Start the process.
        case start
        /// Let it go: nobody needs it any more.
        case stop
        /// It does not answer: end it, as if it had gone by itself.
        case giveUp
    }

    private enum State: Equatable {
        case off
        case resting(until: Instant)
        case on
    }

    /// Within this an order is answered, whatever the machine has to do besides.
    static let patience = Interval.seconds(5)

    private var state = State.off
    private var restart = RestartMachine()
    private var unanswered = 0
    /// When the process last showed that it lives, or was first asked after that.
    private var silentSince = Instant.never

    /// No process is needed yet.
    public init() {}

    /// True while orders can be given.
    public var isOn: Bool { state == .on }

    /// When ``follow(isWanted:now:)`` next has something to do.
    public var deadline: Instant {
        switch state {
        case .off: .never
        case .resting(let until): until
        case .on:
            unanswered == 0 ? .never : silentSince + CommandLinkMachine.patience
        }
    }

    /// What is to be done now.
    public func follow(isWanted: Bool, now: Instant) -> Action {
        switch state {
        case .off: isWanted ? .start : .keep
        case .resting where !isWanted: .stop
        case .resting(let until): now >= until ? .start : .keep
        case .on where !isWanted: .stop
        case .on: unanswered > 0 && now >= deadline ? .giveUp : .keep
        }
    }

    /// The process was started.
    public mutating func started() {
        state = .on
        unanswered = 0
        silentSince = .never
    }

    /// It was let go.
    public mutating func stopped() { state = .off }

    /// It has gone, or could not be started; how long until the next start.
    public mutating func lost(now: Instant) -> Interval {
        let wait = restart.ended(.crashed, now: now)
        state = .resting(until: now + wait)
        return wait
    }

    /// An order was given that it has to answer.
    public mutating func asked(now: Instant) {
        if unanswered == 0 { silentSince = now }
        unanswered += 1
    }

    /// Something has come from it; `isAnswer` when it is the answer to an order.
    public mutating func heard(isAnswer: Bool, now: Instant) {
        if isAnswer { unanswered = Swift.max(unanswered - 1, 0) }
        silentSince = now
    }
}
