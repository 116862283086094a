// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import Runtime

/// The commands under way, in the process that runs them: pure.
///
///     ordered --started--> running --ended, not begun------------------> reported
///        |                    |--late, flooded, stopped--> ending --ended---^
///        +--refused           |                              TERM, then KILL
///
/// A run is over when its program has ended, not when its output has: what it started may hold the
/// output open. The one who drives the machine ends the rest of the group before it reports the end.
public struct CommandMachine: Sendable {
    /// What the driver does next.
    public enum Action: Sendable, Equatable {
        /// Start it, and say how that went.
        case start(CommandRun)
        /// Send a signal to a process group.
        case signal(Int32, group: Int32)
        /// Tell the prober.
        case tell(CommandNews)
    }

    /// Between TERM and KILL.
    static let grace = Interval.milliseconds(500)
    /// Bytes that a command may write: far more than a plugin says, and read in milliseconds.
    static let outputLimit = 4 << 20
    /// Commands at a time, whoever orders them: each takes a process and a descriptor.
    static let limit = 1_024

    private static let terminate: Int32 = 15
    private static let kill: Int32 = 9

    private struct Run {
        var group: Int32 = 0
        var endsAt: Instant
        var killAt = Instant.never
        var isEnding = false
        var line = OutputLine()
    }

    private var runs: [UInt64: Run] = [:]
    private var numbers: [Int32: UInt64] = [:]
    private var closesAt = Instant.never

    /// Nothing runs.
    public init() {}

    /// Number of commands that have not ended.
    public var count: Int { runs.count }
    /// The processes, and so the groups, of those that run.
    public var groups: Set<Int32> { Set(numbers.keys) }
    /// True once the prober has gone.
    public var isClosing: Bool { closesAt != .never }
    /// The run whose program has this process number.
    public func run(of group: Int32) -> UInt64? { numbers[group] }

    /// When ``expire(now:)`` next has something to do.
    public var deadline: Instant {
        runs.values.reduce(closesAt) { min($0, $1.killAt, $1.isEnding ? .never : $1.endsAt) }
    }

    /// Takes an order.
    public mutating func take(_ order: CommandOrder, now: Instant) -> [Action] {
        switch order {
        case .ping: return [.tell(.pong)]
        case .stop(let number): return end(number, now)
        case .run(let run):
            guard runs.count < CommandMachine.limit, closesAt == .never, runs[run.number] == nil
            else {
                let reason = "\(runs.count) commands run"
                return [.tell(.refused(run.number, reason: reason, isShortage: true))]
            }
            runs[run.number] = Run(endsAt: now + max(run.timeout, .milliseconds(1)))
            return [.start(run)]
        }
    }

    /// A run was started and leads this group.
    public mutating func started(_ number: UInt64, group: Int32) -> [Action] {
        guard runs[number] != nil else { return [.signal(CommandMachine.kill, group: group)] }
        runs[number]?.group = group
        numbers[group] = number
        return [.tell(.started(number, group: group))]
    }

    /// A run could not be started.
    public mutating func refused(
        _ number: UInt64,
        reason: String,
        isShortage: Bool
    ) -> [Action] {
        guard runs.removeValue(forKey: number) != nil else { return [] }
        return [.tell(.refused(number, reason: reason, isShortage: isShortage))]
    }

    /// A run has written something.
    public mutating func wrote(_ number: UInt64, _ bytes: Span<UInt8>, now: Instant) -> [Action] {
        runs[number]?.line.append(bytes)
        guard let run = runs[number], run.line.count > CommandMachine.outputLimit, !run.isEnding
        else { return [] }
        return end(number, now) + [.tell(.flooded(number, said: run.line.text))]
    }

    /// The process of a group has ended without becoming its program.
    public mutating func notBegun(
        _ group: Int32,
        reason: String,
        isShortage: Bool
    ) -> [Action] {
        guard let number = numbers.removeValue(forKey: group),
            runs.removeValue(forKey: number) != nil
        else { return [] }
        return [.tell(.notBegun(number, reason: reason, isShortage: isShortage))]
    }

    /// The program of a group has ended.
    public mutating func ended(_ group: Int32, _ end: ProcessEnd) -> [Action] {
        guard let number = numbers.removeValue(forKey: group),
            let run = runs.removeValue(forKey: number)
        else { return [] }
        return [.tell(.ended(number, end, said: run.line.text))]
    }

    /// Ends what has had its time.
    public mutating func expire(now: Instant) -> [Action] {
        var actions: [Action] = []
        for (number, run) in runs {
            if run.killAt <= now {
                // Again and again: a group may grow while it is being ended.
                actions.append(.signal(CommandMachine.kill, group: run.group))
                runs[number]?.killAt = now + CommandMachine.grace
            } else if !run.isEnding, run.endsAt <= now {
                actions += end(number, now) + [.tell(.late(number, said: run.line.text))]
            }
        }
        return actions
    }

    /// The prober has gone: everything ends.
    public mutating func close(now: Instant) -> [Action] {
        guard closesAt == .never else { return [] }
        // What even KILL does not end is in the hands of the kernel, and not waited for.
        closesAt = now + CommandMachine.grace * 4
        return runs.keys.flatMap { end($0, now) }
    }

    /// True once the prober has gone and nothing is left to do: no child, of a run or left behind.
    public func isFinished(now: Instant, hasChildren: Bool) -> Bool {
        isClosing && (!hasChildren || now >= closesAt)
    }

    private mutating func end(_ number: UInt64, _ now: Instant) -> [Action] {
        guard let run = runs[number], !run.isEnding else { return [] }
        runs[number]?.isEnding = true
        runs[number]?.killAt = now + CommandMachine.grace
        return [.signal(CommandMachine.terminate, group: run.group)]
    }
}
