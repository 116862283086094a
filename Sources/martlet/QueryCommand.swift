// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Runtime

/// `martlet query`: what a server of DNS answers, and with `+trace` how an answer comes about.
enum QueryCommand {
    static func run(_ arguments: [String]) -> Int32 {
        let order: QueryOrder
        do throws(QueryOrder.Misuse) {
            order = try QueryOrder(arguments)
        } catch {
            return CommandTable.misuse(error.text, command: "query")
        }
        if order.isTrace { return trace(order) }
        do throws(QueryRun.Failure) {
            return Output.write(try QueryRun.once(order))
        } catch {
            ProcessControl.printError("martlet: \(error.text)")
            return ExitCode.failed
        }
    }

    private static func trace(_ order: QueryOrder) -> Int32 {
        // Steps are told as they come: a server that is silent takes its time.
        let hasEnd = TraceDriver.run(order, usesColour: AdminArguments.usesColour) { text in
            _ = Output.write(text)
        }
        return hasEnd ? ExitCode.ok : ExitCode.failed
    }
}
