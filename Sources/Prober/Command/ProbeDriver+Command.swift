// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import Runtime
internal import Steering

/// A command under way, until its process has ended.
struct ProbeRun {
    /// The target's place; nil once the target has gone or asks something else.
    var place: Int?
    var started: Instant
    /// Its process group; 0 until that is known.
    var group: Int32 = 0
    /// When it must be over, with the time that ending it takes.
    var lastsUntil: Instant
    /// It was not: neither TERM nor KILL has ended it.
    var isStuck = false
}

/// What happened to the process that runs commands.
public enum CommandEvent: Sendable, Equatable {
    /// It could not be started; it is tried again after this time.
    case failed(reason: String, again: Interval)
    /// It has gone with so many commands; it is started again after this time.
    case lost(running: Int, again: Interval)
    /// It did not answer and was ended; it is started again after this time.
    case silent(running: Int, again: Interval)
    /// How a former one ended.
    case ended(process: Int32, ProcessEnd)
    /// A command that even KILL has not ended, and how many there are of these now.
    case stuck(process: Int32, count: Int)
}

// Probes that run a command: told to another process, followed here, never waited for.
extension ProbeDriver {
    /// The kind of event tokens of the process that runs commands.
    static let commandKind: UInt8 = 49
    /// A verdict by this side, should the other one be late with its own.
    static let commandSlack = Interval.milliseconds(100)

    /// Commands under way, those included that are being ended.
    public var runningCommands: Int { runs.count }

    /// Takes what happened since the last call to the process that runs commands.
    public mutating func takeCommandEvents() -> [CommandEvent] {
        guard !commandEvents.isEmpty else { return [] }
        defer { commandEvents.removeAll() }
        return commandEvents
    }

    /// Notes how a child of this process ended, in case it was the one that runs commands.
    public mutating func noteEnd(of child: Int32, _ end: ProcessEnd) {
        guard commands.reaped(child), end != .exited(0) else { return }
        commandEvents.append(.ended(process: child, end))
    }

    /// Starts the process that runs commands while it is wanted, and ends one that hangs.
    mutating func followCommands(_ loop: inout EventLoop, now: Instant) {
        switch commands.machine.follow(isWanted: commandTargets > 0, now: now) {
        case .keep: return
        case .start:
            guard commands.hasRoom else {
                let again = commands.machine.lost(now: now)
                let reason = "former ones have not ended"
                return commandEvents.append(.failed(reason: reason, again: again))
            }
            do throws(SystemError) {
                try commands.start(loop: &loop)
                statistics.commandStarts &+= 1
            } catch {
                let again = commands.machine.lost(now: now)
                commandEvents.append(.failed(reason: "\(error)", again: again))
            }
        case .stop:
            commands.close()
            commands.machine.stopped()
            runs.removeAll()
        case .giveUp:
            commands.kill()
            let count = runs.count
            commandEvents.append(.silent(running: count, again: loseCommands(now)))
        }
    }

    /// True while another command may run.
    ///
    /// What cannot be ended is no reason for the others to stop, up to as many again.
    private var hasRoomForCommand: Bool {
        guard runs.count >= concurrentCommands else { return true }
        let stuck = runs.values.count { $0.isStuck }
        return runs.count - min(stuck, concurrentCommands) < concurrentCommands
    }

    /// Notes which commands have not ended although they were killed.
    mutating func noteStuck(now: Instant) {
        guard now >= nextStuck else { return }
        nextStuck = .never
        for (number, run) in runs where !run.isStuck {
            guard now >= run.lastsUntil else {
                nextStuck = min(nextStuck, run.lastsUntil)
                continue
            }
            runs[number]?.isStuck = true
            let count = runs.values.count { $0.isStuck }
            commandEvents.append(.stuck(process: run.group, count: count))
        }
    }

    mutating func startCommand(
        _ place: Int,
        _ question: CommandQuestion,
        now: Instant
    ) {
        guard hasRoomForCommand else {
            targets[place].activity = .waiting
            commandLine.append(place)
            statistics.commandsDelayed &+= 1
            return
        }
        let deadline = targets[place].schedule.begin(now: now)
        let run = CommandRun(
            number: nextRun,
            program: question.program,
            arguments: question.arguments,
            environment: question.environment,
            timeout: deadline - now
        )
        guard commands.machine.isOn, commands.give(.run(run), now: now) else {
            return putOff(place, now: now)
        }
        runs[nextRun] = ProbeRun(
            place: place,
            started: now,
            lastsUntil: deadline + CommandMachine.grace * 4
        )
        nextStuck = min(nextStuck, deadline + CommandMachine.grace * 4)
        targets[place].activity = .commanding(nextRun)
        nextRun &+= 1
        statistics.started &+= 1
        wheel.schedule(place, at: deadline + ProbeDriver.commandSlack)
    }

    /// No word against the endpoint; the next try is soon, however long the interval is.
    private mutating func putOff(_ place: Int, now: Instant) {
        postpone(place, now: now)
        targets[place].schedule.bringForward(now: now)
        wheel.schedule(place, at: targets[place].schedule.due)
    }

    mutating func startWaitingCommands(now: Instant) {
        while !commandLine.isEmpty, hasRoomForCommand {
            guard let place = commandLine.popFirst(), targets[place].activity == .waiting,
                case .command(let question) = targets[place].target.question
            else { continue }
            targets[place].activity = .idle
            startCommand(place, question, now: now)
        }
    }

    /// What the process has told.
    mutating func handleCommands(now: Instant) {
        while true {
            let (news, isLost) = commands.receive(now: now)
            if isLost {
                commands.kill()
                let count = runs.count
                commandEvents.append(.lost(running: count, again: loseCommands(now)))
            }
            guard let news else { break }
            take(news, now)
        }
        startWaitingCommands(now: now)
    }

    private mutating func take(_ news: CommandNews, _ now: Instant) {
        switch news {
        case .pong: return
        case .started(let number, let group): runs[number]?.group = group
        case .refused(let number, let reason, let isShortage),
            .notBegun(let number, let reason, let isShortage):
            guard let run = runs.removeValue(forKey: number), let place = run.place else { return }
            guard case .commanding(number) = targets[place].activity else {
                return endLingering(place, number, now)
            }
            if isShortage { return putOff(place, now: now) }
            tell(place, run, .failure(.commandUnusable, detail: reason))
            rest(place, now: now)
        case .late(let number, let said):
            let detail = CommandQuestion.detail("still running", said)
            tellEarly(number, .failure(.probeTimeout, detail: detail), now)
        case .flooded(let number, let said):
            let what = "more than \(CommandMachine.outputLimit >> 20) MiB of output"
            let detail = CommandQuestion.detail(what, said)
            tellEarly(number, .failure(.commandFailed, detail: detail), now)
        case .ended(let number, let end, let said):
            guard let run = runs.removeValue(forKey: number), let place = run.place else { return }
            guard case .commanding(number) = targets[place].activity,
                case .command(let question) = targets[place].target.question
            else { return endLingering(place, number, now) }
            let finding = question.judge(end, said: said)
            tell(place, run, finding.outcome, note: finding.note, said: said)
            rest(place, now: now)
        }
    }

    /// The verdict is there, and the command is not over.
    private mutating func tellEarly(_ number: UInt64, _ outcome: ProbeOutcome, _ now: Instant) {
        guard let run = runs[number], let place = run.place,
            case .commanding(number) = targets[place].activity
        else { return }
        tell(place, run, outcome)
        linger(place, number, now)
    }

    /// The next turn comes as ever; what still runs is not run twice.
    private mutating func linger(_ place: Int, _ number: UInt64, _ now: Instant) {
        rest(place, now: now)
        targets[place].activity = .lingering(number)
    }

    private mutating func endLingering(_ place: Int, _ number: UInt64, _ now: Instant) {
        guard case .lingering(number) = targets[place].activity else { return }
        targets[place].activity = .idle
        wheel.schedule(place, at: max(targets[place].schedule.due, now))
    }

    /// The time of a command is over, and the other side has not said so.
    mutating func expireCommand(_ place: Int, _ number: UInt64, now: Instant) {
        guard let run = runs[number] else { return endLingering(place, number, now) }
        tell(place, run, .failure(.probeTimeout, detail: "still running"))
        linger(place, number, now)
    }

    /// The next turn has come while the former command has not ended.
    mutating func expireLingering(_ place: Int, _ number: UInt64, now: Instant) {
        guard var run = runs[number] else { return endLingering(place, number, now) }
        guard now >= run.lastsUntil else {
            // It is being ended, which takes a moment; its end starts the next one.
            return wheel.schedule(place, at: run.lastsUntil)
        }
        // Neither TERM nor KILL has ended it, or nobody has sent them.
        _ = commands.give(.ping, now: now)
        _ = targets[place].schedule.begin(now: now)
        let detail = "a former command cannot be ended"
        run.started = now
        tell(place, run, .failure(.probeTimeout, detail: detail))
        linger(place, number, now)
    }

    /// Nobody waits for the command of a target any more; the target is asked anew after its end.
    mutating func abandonCommand(_ place: Int, _ number: UInt64, isGone: Bool) {
        _ = commands.give(.stop(number), now: .start)
        if isGone || !targets[place].target.question.isCommand {
            runs[number]?.place = nil
            targets[place].activity = .idle
        } else {
            targets[place].activity = .lingering(number)
        }
    }

    /// The process has gone: what it ran is ended, and told to have failed; how long until the next.
    private mutating func loseCommands(_ now: Instant) -> Interval {
        let lost = runs
        runs.removeAll()
        for (number, run) in lost {
            // Programs die with the one that has started them; this is for what they have started.
            CommandProcess.signal(9, group: run.group)
            guard let place = run.place else { continue }
            if case .commanding(number) = targets[place].activity {
                tell(place, run, .failure(.commandLost, detail: "its process has gone"))
                rest(place, now: now)
            } else {
                endLingering(place, number, now)
            }
        }
        return commands.machine.lost(now: now)
    }

    private mutating func tell(
        _ place: Int,
        _ run: ProbeRun,
        _ outcome: ProbeOutcome,
        note: String = "",
        said: String = ""
    ) {
        let at = Clock.monotonic()
        if outcome == .success { statistics.passed &+= 1 } else { statistics.failed &+= 1 }
        var result = ProbeResult(
            slot: targets[place].target.slot,
            outcome: outcome,
            note: note,
            latency: at - run.started,
            at: at
        )
        if outcome == .success {
            // Whoever is asked in a way that tells no role has none.
            result.role = .unknown
            result.said = said
        }
        results.append(result)
    }
}
