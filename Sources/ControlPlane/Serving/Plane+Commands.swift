// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Prober
internal import Runtime

/// What becomes of the process that runs the commands of probes.
extension Plane {
    func note(_ event: CommandEvent) {
        let what = "the process that runs commands"
        switch event {
        case .failed(let reason, let again):
            note(.commands, .error, "\(what) cannot be started: \(reason); \(Plane.next(again))")
        case .lost(let running, let again):
            let text = "\(what) has gone, with \(running) of them; \(Plane.next(again))"
            note(.commands, .error, text)
        case .silent(let running, let again):
            let text = "\(what) does not answer and is ended, with \(running) of them"
            note(.commands, .error, "\(text); \(Plane.next(again))")
        case .stuck(let process, let count):
            let text = "a command cannot be ended, \(count) of them now; others run beside it"
            note(.commands, .error, text, [JSONMember("pid", .integer(Int64(process)))])
        case .ended(let process, let end):
            let how = SupervisorLoop.describe(end)
            note(
                .commands,
                .error,
                "\(what) \(how)",
                [JSONMember("pid", .integer(Int64(process)))]
            )
        }
    }

    private static func next(_ wait: Interval) -> String {
        "it is started again \(wait == .zero ? "at once" : "in \(wait)")"
    }
}
