// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import Prober
internal import Runtime
internal import Steering

/// The process that serves: workers, and the control thread on the main thread.
public enum ServingProcess {
    /// Serves on behalf of a supervisor at the other end of the descriptor; returns the exit code.
    public static func run(link descriptor: Int32) -> Int32 {
        ProcessControl.leaveProcessGroup()
        ProcessControl.dieWithParent(signal: Signal.kill)
        return run(SupervisorLink(FileDescriptor(raw: descriptor)))
    }

    /// Serves without a supervisor, for debugging and measuring: a crash is an outage.
    public static func run(unsupervised path: String) -> Int32 {
        do throws(StartRefusal) {
            let plan = try StartPlan.make(path: path)
            for note in plan.notes { ProcessControl.printError(note) }
            do throws(ReloadProblem) {
                return run(SupervisorLink(try ServiceKeeper(plan: plan)))
            } catch {
                throw StartRefusal(exitCode: 1, lines: [error.text])
            }
        } catch {
            for line in error.lines { ProcessControl.printError(line) }
            return error.exitCode
        }
    }

    private static func run(_ link: consuming SupervisorLink) -> Int32 {
        do throws(StartRefusal) {
            guard var setup = link.setup() else { return 1 }
            setup.fileLimit = ProcessControl.raiseFileLimit()
            try dropPrivileges(setup)
            let signals = try watchSignals()
            var thread = try start(setup, link, signals: signals)
            let code = thread.run()
            ProcessControl.exit(code)
        } catch {
            for line in error.lines { ProcessControl.printError(line) }
            return error.exitCode
        }
    }

    private static func dropPrivileges(_ setup: ServiceSetup) throws(StartRefusal) {
        ProcessControl.forbidNewPrivileges()
        if let account = setup.account {
            do throws(SystemError) {
                try ProcessControl.become(user: account.user, group: account.group)
            } catch {
                let text = "martlet: cannot become user '\(account.name)': \(error)"
                throw StartRefusal(exitCode: 1, lines: [text])
            }
            // Changing the user takes the wish back (prctl(2), PR_SET_PDEATHSIG).
            if setup.supervisor != nil { ProcessControl.dieWithParent(signal: Signal.kill) }
        }
        // The supervisor may have died before the wish was made.
        if let supervisor = setup.supervisor, supervisor != ProcessControl.parentIdentifier {
            throw StartRefusal(exitCode: 1, lines: [])
        }
    }

    private static func watchSignals() throws(StartRefusal) -> FileDescriptor {
        do throws(SystemError) {
            return try ProcessControl.watch(signals: Signal.watched)
        } catch {
            throw StartRefusal(exitCode: 1, lines: ["martlet: \(error)"])
        }
    }

    /// Allocations from so many bytes on are mappings of their own while a configuration is read.
    static let readingBound = 128 << 10
    /// The same while requests are served: coders of responses take up to 1.8 MiB each, and come and
    /// go.
    static let servingBound = 4 << 20

    private static func start(
        _ setup: ServiceSetup,
        _ link: consuming SupervisorLink,
        signals: FileDescriptor
    ) throws(StartRefusal) -> ControlThread {
        do throws(AssemblyRefusal) {
            ProcessControl.mapAllocations(from: readingBound)
            let plane = try PlaneStart(setup).plane(link)
            // The text, its tree and its findings are gone now.
            ProcessControl.returnFreeMemory()
            ProcessControl.mapAllocations(from: servingBound)
            do throws(SystemError) {
                return try ControlThread(plane, signals: signals)
            } catch {
                throw AssemblyRefusal(system: error)
            }
        } catch {
            throw StartRefusal(exitCode: error.exitCode, lines: error.problems.map(\.text))
        }
    }
}
