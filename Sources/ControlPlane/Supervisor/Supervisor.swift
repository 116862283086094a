// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// Keeps the service alive: `martlet run`.
///
/// Opens the listening sockets, starts the serving process and starts it again when it ends. A
/// trap in Swift ends a process; with the sockets held here it ends only the requests in hand.
/// Between events it sleeps, and it touches nothing that a client sent.
public enum Supervisor {
    /// Runs the service until it is told to stop; returns the exit code.
    public static func run(configuration path: String) -> Int32 {
        _ = ProcessControl.raiseFileLimit()
        // Looking for names of functions after a trap would take seconds of the restart.
        ProcessControl.setEnvironment("SWIFT_BACKTRACE", "enable=no")
        do throws(StartRefusal) {
            let plan = try StartPlan.make(path: path)
            for note in plan.notes { ProcessControl.printError(note) }
            var loop = try SupervisorLoop(plan)
            return loop.run()
        } catch {
            for line in error.lines { ProcessControl.printError(line) }
            return error.exitCode
        }
    }
}

/// The supervisor's one loop: signals, the serving process, and a time to start or to kill it.
struct SupervisorLoop: ~Copyable {
    private enum Token: UInt64 { case signals = 1, link = 2 }

    private let keeper: ServiceKeeper
    private var loop: EventLoop
    private let signals: FileDescriptor
    private var child: ServiceChild?
    private var machine = RestartMachine()
    /// When the next serving process is started.
    private var startAt = Instant.start
    /// When the present one is killed for not going by itself.
    private var killAt = Instant.never
    private var isStopping = false
    private var reloadsNext = false
    private var exitCode: Int32?

    init(_ plan: StartPlan) throws(StartRefusal) {
        let keeper = try SupervisorLoop.keeper(plan)
        let signals = try SupervisorLoop.system { () throws(SystemError) in
            try ProcessControl.watch(signals: Signal.watched)
        }
        loop = try SupervisorLoop.system { () throws(SystemError) in try EventLoop() }
        self.keeper = keeper
        self.signals = signals
        loop.add(signals, token: Token.signals.rawValue, interest: .read)
    }

    private static func system<Value: ~Copyable>(
        _ body: () throws(SystemError) -> Value
    ) throws(StartRefusal) -> Value {
        do throws(SystemError) {
            return try body()
        } catch {
            throw StartRefusal(exitCode: 1, lines: ["martlet: \(error)"])
        }
    }

    private static func keeper(_ plan: StartPlan) throws(StartRefusal) -> ServiceKeeper {
        do throws(ReloadProblem) {
            return try ServiceKeeper(plan: plan)
        } catch {
            throw StartRefusal(exitCode: 1, lines: [error.text])
        }
    }

    mutating func run() -> Int32 {
        while true {
            if let exitCode { return exitCode }
            let now = Clock.monotonic()
            if child == nil, now >= startAt { start(now) }
            if now >= killAt { kill() }
            let next = min(child == nil ? startAt : .never, killAt)
            let count = loop.wait(
                timeoutMilliseconds: SupervisorLoop.milliseconds(next - now, next)
            )
            for index in 0..<count {
                switch Token(rawValue: loop.event(index).token) {
                case .signals: takeSignals()
                case .link: serve()
                case nil: break
                }
            }
        }
    }

    private static func milliseconds(_ wait: Interval, _ deadline: Instant) -> Int {
        deadline == .never ? -1 : Int(clamping: max(wait.milliseconds, 0) + 1)
    }

    private mutating func start(_ now: Instant) {
        do throws(SystemError) {
            let fresh = try ServiceChild(arguments: [])
            loop.add(fresh.link, token: Token.link.rawValue, interest: .read)
            child = consume fresh
            if reloadsNext { child?.order(.reload) }
            reloadsNext = false
        } catch {
            ProcessControl.printError("martlet: cannot start the serving process: \(error)")
            startAt = now + machine.ended(.crashed, now: now)
        }
    }

    private mutating func serve() {
        guard child != nil, child?.serve(keeper) == false else { return }
        // It has gone, or is going: the end itself is told by SIGCHLD.
        if let link = child?.link { loop.remove(link) }
    }

    private mutating func takeSignals() {
        while let signal = ProcessControl.nextSignal(signals) {
            switch signal {
            case Signal.terminate, Signal.interrupt, Signal.quit: stop()
            case Signal.hangUp:
                reloadsNext = child == nil
                child?.order(.reload)
            case Signal.user1: child?.order(.reopenLogs)
            case Signal.user2:
                ProcessControl.printError(
                    "martlet: SIGUSR2: upgrade in place comes with a later version; "
                        + "nothing has changed"
                )
                child?.order(.upgrade)
            default: reap()
            }
        }
    }

    private mutating func stop() {
        let now = Clock.monotonic()
        guard child != nil else {
            exitCode = 0
            return
        }
        if isStopping {
            child?.order(.stopNow)
            killAt = now + .seconds(1)
            return
        }
        isStopping = true
        child?.order(.stop)
        keeper.closeDoors()
        // The serving process keeps the deadline itself; this is for one that hangs.
        killAt = now + keeper.image.grace + .seconds(5)
    }

    private mutating func kill() {
        killAt = .never
        if let identifier = child?.identifier { ProcessControl.signal(Signal.kill, to: identifier) }
    }

    private mutating func reap() {
        while let (identifier, end) = ProcessControl.reap() {
            guard identifier == child?.identifier else { continue }
            // What it said last may still wait in the socket, before the end of the stream.
            while child?.serve(keeper) == true {}
            child = nil
            ended(end)
        }
    }

    private mutating func ended(_ end: ProcessEnd) {
        let now = Clock.monotonic()
        if isStopping {
            exitCode = end == .exited(0) || end == .signaled(Signal.kill) ? 0 : 1
            return
        }
        // Refused before anything served: starting it again would change nothing.
        if end == .exited(78), keeper.restarts == 0, !keeper.wasServing {
            exitCode = 78
            return
        }
        let text = SupervisorLoop.describe(end)
        let isKill = end == .signaled(Signal.kill) && keeper.isServing
        let wait = machine.ended(isKill ? .killedWhileServing : .crashed, now: now)
        let delay = wait == .zero ? "at once" : "in \(wait)"
        ProcessControl.printError("martlet: the serving process \(text); it is started \(delay)")
        keeper.noteEnd(text)
        keeper.restarts += 1
        startAt = now + wait
    }

    static func describe(_ end: ProcessEnd) -> String {
        switch end {
        case .exited(let code): "exited with code \(code)"
        case .signaled(let signal): "was ended by \(Signal.name(signal))"
        }
    }
}
