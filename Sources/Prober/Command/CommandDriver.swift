// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// The process that runs commands for the prober: its one loop.
///
/// It has no thread, no descriptor but those it needs, and never waits for a command, not even for
/// the file of its program: what hangs, floods or forks costs itself its time, and nobody else.
public struct CommandDriver: ~Copyable {
    private let link: FileDescriptor
    private let signals: FileDescriptor
    private let path: String
    private var loop: EventLoop
    private var machine = CommandMachine()
    private var processes: [UInt64: CommandProcess] = [:]
    /// News that the socket has not taken.
    private var unsent: [[UInt8]] = []
    private var isWaitingToSend = false

    private static let linkKind: UInt8 = 1
    private static let signalKind: UInt8 = 2
    private static let outputKind: UInt8 = 3
    private static let childSignal: Int32 = 17
    /// HUP, INT, QUIT, USR1, USR2, TERM: a terminal and a service manager send them to everybody.
    private static let serviceSignals: [Int32] = [1, 2, 3, 10, 12, 15]
    /// How often those left behind are looked for once the prober has gone.
    private static let sweepMilliseconds = 50
    /// Read from one command before the others have their turn.
    private static let pieceLimit = 65_536

    /// Runs commands until the prober at the other end of the descriptor goes; the exit code.
    ///
    /// That is the only order to go: while the service ends in peace its probes go on.
    public static func run(link descriptor: Int32) -> Int32 {
        let link = FileDescriptor(raw: descriptor)
        ProcessControl.ignore(signals: CommandDriver.serviceSignals)
        ProcessControl.hideFromOthers()
        ProcessControl.forbidNewPrivileges()
        CommandProcess.closeDescriptors(except: link)
        ProcessControl.closeOnExecute([link])
        CommandProcess.adoptOrphans()
        do throws(SystemError) {
            let signals = try ProcessControl.watch(signals: [CommandDriver.childSignal])
            var driver = CommandDriver(link, signals, try EventLoop())
            return driver.run()
        } catch {
            return 1
        }
    }

    private init(_ link: FileDescriptor, _ signals: FileDescriptor, _ loop: consuming EventLoop) {
        self.link = link
        self.signals = signals
        path = CommandLink.path
        self.loop = loop
        let linkToken = EventToken(kind: CommandDriver.linkKind, index: 0)
        self.loop.add(link, token: linkToken.raw, interest: .read)
        let signalToken = EventToken(kind: CommandDriver.signalKind, index: 0)
        self.loop.add(signals, token: signalToken.raw, interest: .read)
    }

    private mutating func run() -> Int32 {
        while true {
            let now = Clock.monotonic()
            perform(machine.expire(now: now), now)
            if machine.isClosing {
                CommandProcess.endStrays(except: machine.groups)
                let hasChildren = CommandProcess.hasChildren
                if machine.isFinished(now: now, hasChildren: hasChildren) { return 0 }
            }
            let count = loop.wait(timeoutMilliseconds: timeout(now))
            for place in 0..<count { handle(loop.event(place)) }
        }
    }

    private func timeout(_ now: Instant) -> Int {
        guard machine.deadline != .never else { return -1 }
        let left = Int(clamping: max((machine.deadline - now).milliseconds, 0) + 1)
        return machine.isClosing ? min(left, CommandDriver.sweepMilliseconds) : left
    }

    private mutating func handle(_ event: Event) {
        let now = Clock.monotonic()
        let token = EventToken(raw: event.token)
        switch token.kind {
        case CommandDriver.linkKind: handleLink(event, now)
        case CommandDriver.signalKind:
            while ProcessControl.nextSignal(signals) != nil {}
            reap(now)
        default: read(UInt64(token.index), now)
        }
    }

    private mutating func handleLink(_ event: Event, _ now: Instant) {
        if event.isWritable { flush() }
        guard event.isReadable || event.isHangUp || event.isError else { return }
        while true {
            var result = IOResult.wouldBlock
            let bytes = [UInt8](capacity: CommandWire.messageLimit) { output in
                result = Socket.receive(link, into: &output)
            }
            switch result {
            case .wouldBlock: return
            case .count:
                if let order = CommandOrder(message: bytes) {
                    perform(machine.take(order, now: now), now)
                }
            case .endOfStream, .failed:
                loop.remove(link)
                return perform(machine.close(now: now), now)
            }
        }
    }

    private mutating func perform(_ actions: [CommandMachine.Action], _ now: Instant) {
        for action in actions {
            switch action {
            case .start(let run): start(run, now)
            case .signal(let signal, let group): CommandProcess.signal(signal, group: group)
            case .tell(let news):
                unsent.append(news.message)
                flush()
            }
        }
    }

    private mutating func start(_ run: CommandRun, _ now: Instant) {
        do throws(SystemError) {
            let process = try CommandProcess(
                run.program,
                arguments: run.arguments,
                environment: run.environment + ["PATH=\(path)"]
            )
            processes[run.number] = process
            // Numbers of runs fit for as long as anybody lives; a stale one would find no output.
            let token = EventToken(
                kind: CommandDriver.outputKind,
                index: Int(truncatingIfNeeded: run.number & 0xffff_ffff)
            )
            loop.add(process.output, token: token.raw, interest: .read)
            perform(machine.started(run.number, group: process.group), now)
        } catch {
            let isShortage = error.isShortage || error == .wouldBlock
            let reason = "\(error)"
            perform(machine.refused(run.number, reason: reason, isShortage: isShortage), now)
        }
    }

    /// Reads a piece of what a command has written; false when there is no more.
    @discardableResult
    private mutating func read(_ number: UInt64, _ now: Instant) -> Bool {
        guard let output = processes[number]?.output, !output.isNone else { return false }
        var result = IOResult.wouldBlock
        let bytes = [UInt8](capacity: CommandDriver.pieceLimit) { piece in
            result = CommandProcess.read(output, into: &piece)
        }
        switch result {
        case .count:
            perform(machine.wrote(number, bytes.span, now: now), now)
            return true
        case .wouldBlock: return false
        case .endOfStream, .failed:
            processes[number]?.closeOutput()
            return false
        }
    }

    /// Reaps who has ended; of a command all that is left is ended first.
    private mutating func reap(_ now: Instant) {
        var hasReaped = false
        while let child = CommandProcess.endedChild() {
            hasReaped = true
            guard let number = machine.run(of: child) else {
                CommandProcess.reap(child)
                continue
            }
            // What the pipe holds; others of its group may go on writing, so there is a bound.
            for _ in 0..<4 where read(number, now) {}
            CommandProcess.signal(9, group: child)
            let end = CommandProcess.reap(child) ?? .signaled(9)
            let process = processes.removeValue(forKey: number)
            if let fault = process?.startFault() {
                let isShortage = fault.isShortage
                perform(
                    machine.notBegun(child, reason: fault.reason, isShortage: isShortage),
                    now
                )
            } else {
                perform(machine.ended(child, end), now)
            }
            process?.close()
        }
        // What a run has detached comes here when the run has ended: nothing of it outlives it.
        if hasReaped { CommandProcess.endStrays(except: machine.groups) }
    }

    private mutating func flush() {
        while let message = unsent.first {
            switch Socket.send(link, message.span) {
            case .count: unsent.removeFirst()
            case .wouldBlock: return waitToSend(true)
            // The end is seen when it is read.
            case .endOfStream, .failed: unsent.removeAll()
            }
        }
        waitToSend(false)
    }

    private mutating func waitToSend(_ waits: Bool) {
        guard waits != isWaitingToSend else { return }
        isWaitingToSend = waits
        let token = EventToken(kind: CommandDriver.linkKind, index: 0)
        loop.modify(link, token: token.raw, interest: waits ? [.read, .write] : .read)
    }
}
