// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Essentials
internal import Runtime

/// `martlet upgrade`: has another program take over from the one that serves.
///
/// The service starts what lies where it was started from itself, nothing else: whoever may ask
/// the admin service may not choose a program by that. `--binary` puts a file there first, with
/// the rights of whoever calls the command, and takes it away again when it is of no use.
struct UpgradeCommand {
    /// The largest program.
    private static let sizeLimit = 1 << 30
    /// Longer than any upgrade that has not failed takes.
    private static let patience = Interval.seconds(3700)

    private let given: AdminArguments
    private let program: String
    private let upgrades: Int64

    static func run(_ arguments: [String]) -> Int32 {
        StatusCommand.ask(arguments, "upgrade", words: [], options: ["binary"]) { given in
            do throws(Refusal) {
                return try UpgradeCommand(given).run()
            } catch {
                return error.say(given)
            }
        }
    }

    private init(_ given: AdminArguments) throws(Refusal) {
        self.given = given
        let process = try UpgradeCommand.process(given)
        guard let program = process["program"]?.string, process["supervisor"]?.integer != nil else {
            throw Refusal("the service has no supervisor that could hand over")
        }
        self.program = program
        upgrades = process["upgrades"]?.integer ?? 0
    }

    private static func process(_ given: AdminArguments) throws(Refusal) -> JSONValue {
        try AdminQuery(method: "GET", target: "/api/v1/snapshot").ask(given)["process"] ?? .null
    }

    private func run() throws(Refusal) -> Int32 {
        var former: [UInt8]?
        if let binary = given.value("binary") { former = try exchange(for: binary) }
        do throws(Refusal) {
            let process = try upgrade()
            let version = process["version"]?.string ?? "?"
            let pid = process["pid"]?.integer ?? 0
            if given.isJSON { return Output.write(process.text(indented: true) + "\n") }
            return Output.write("upgraded: martlet \(version) serves as process \(pid)\n")
        } catch {
            if let former { putBack(former) }
            throw error
        }
    }

    /// Asks for the upgrade and waits for its end.
    private func upgrade() throws(Refusal) -> JSONValue {
        _ = try AdminQuery(method: "POST", target: "/api/v1/upgrade").ask(given)
        guard var pause = try? EventLoop() else { throw Refusal("cannot wait") }
        let limit = Clock.monotonic() + UpgradeCommand.patience
        while Clock.monotonic() < limit {
            _ = pause.wait(timeoutMilliseconds: 100)
            // While one hands over to the other a question may be left without an answer.
            guard let process = try? UpgradeCommand.process(given) else { continue }
            if process["upgrades"]?.integer ?? 0 > upgrades { return process }
            guard process["upgrading"]?.bool == false,
                let problem = process["upgradeProblem"]?.string
            else { continue }
            throw Refusal("the upgrade failed: \(problem). The former program serves on.")
        }
        throw Refusal("the upgrade does not end")
    }

    // MARK: The file

    /// Puts another program where the service's is; returns what was there.
    private func exchange(for binary: String) throws(Refusal) -> [UInt8] {
        do throws(SystemError) {
            let fresh = try File.read(binary, limit: UpgradeCommand.sizeLimit)
            let former = try File.read(program, limit: UpgradeCommand.sizeLimit)
            try File.writeAtomically(program, fresh, mode: 0o755)
            return former
        } catch {
            throw Refusal("\(binary) cannot be put at \(program): \(error)")
        }
    }

    private func putBack(_ former: [UInt8]) {
        do throws(SystemError) {
            try File.writeAtomically(program, former, mode: 0o755)
        } catch {
            ProcessControl.printError(
                "martlet: \(program) is the program that failed, and stays it: \(error)"
            )
        }
    }
}
