// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// What the commands do to a demonstration that runs in another process.
struct DemoActions {
    private let folder: DemoFolder

    /// The demonstration of this number; without a number the only one that runs.
    init(_ number: Int?) throws(DemoRefusal) {
        let running = DemoFolder.running()
        guard let number else {
            guard let only = running.first else {
                throw DemoRefusal("no demonstration is running; start one with `martlet demo`")
            }
            guard running.count == 1 else {
                let numbers = running.map { "\($0.number)" }.joined(separator: ", ")
                throw DemoRefusal("several are running (\(numbers)): name one by --demo N")
            }
            folder = only
            return
        }
        guard let named = running.first(where: { $0.number == number }) else {
            throw DemoRefusal("demonstration \(number) is not running")
        }
        folder = named
    }

    func kill(_ name: String) throws(DemoRefusal) {
        guard let process = folder.process(name) else {
            throw DemoRefusal("\(name) is not running; --revive \(name) starts it")
        }
        guard ProcessControl.signal(DemoSignal.kill, to: process.identifier) else {
            throw DemoRefusal("cannot kill process \(process.identifier)")
        }
        Demo.line(
            "\(name) (process \(process.identifier)) is killed. No request should fail: "
                + "the others take over. --revive \(name) brings it back."
        )
    }

    func revive(_ name: String) throws(DemoRefusal) {
        if folder.process(name) != nil { throw DemoRefusal("\(name) is running") }
        File.remove(folder.faults(name))
        do throws(SystemError) {
            try File.writeAtomically(folder.revival(name), [])
        } catch {
            throw DemoRefusal("cannot write to \(folder.path): \(error)")
        }
        // The demonstration itself starts it, so that it ends with the demonstration.
        let limit = Clock.monotonic() + .seconds(5)
        while Clock.monotonic() < limit {
            if let process = folder.process(name) {
                Demo.line(
                    "\(name) runs again (process \(process.identifier)). It takes work after two "
                        + "good probes."
                )
                return
            }
            Demo.pause(20)
        }
        throw DemoRefusal("the demonstration did not start \(name) within 5 s")
    }

    func breakOrigin(_ name: String, _ fault: OriginFault) throws(DemoRefusal) {
        guard folder.process(name) != nil else {
            throw DemoRefusal("\(name) is not running; --revive \(name) starts it")
        }
        var faults = OriginFaults(read: folder.faults(name))
        faults.insert(fault)
        do throws(SystemError) {
            try faults.write(folder.faults(name))
        } catch {
            throw DemoRefusal("cannot write to \(folder.path): \(error)")
        }
        Demo.line("\(name): \(fault.effect). --mend \(name) takes it back.")
    }

    func mend(_ name: String) throws(DemoRefusal) {
        let faults = OriginFaults(read: folder.faults(name))
        guard !faults.isEmpty else {
            Demo.line("\(name) has nothing to mend.")
            return
        }
        File.remove(folder.faults(name))
        Demo.line("\(name) is mended. It takes work after two good probes.")
    }
}
