// SPDX-License-Identifier: Apache-2.0
internal import Runtime
internal import Steering

/// A program that is run to ask about an endpoint: its exit status is the answer.
public struct CommandQuestion: Sendable, Equatable {
    /// The absolute path of the program.
    public var program: String
    /// Its arguments, as it gets them: no shell reads them.
    public var arguments: [String]
    /// The variables that it gets beside `PATH`, as `NAME=value`.
    public var environment: [String]
    /// Exit statuses that pass.
    public var statuses: Set<Int32>

    /// A program without arguments whose status must be 0.
    public init(
        program: String,
        arguments: [String] = [],
        environment: [String] = [],
        statuses: Set<Int32> = [0]
    ) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.statuses = statuses
    }

    /// What a run comes to.
    struct Finding: Equatable {
        var outcome: ProbeOutcome
        /// Worth a line in the log although it passed.
        var note = ""
    }

    /// Judges how the program ended, with the line that it said.
    func judge(_ end: ProcessEnd, said: String) -> Finding {
        switch end {
        case .exited(let code) where statuses.contains(code):
            // 0 is what everybody expects; another one may pass, and is told.
            return Finding(outcome: .success, note: code == 0 ? "" : "exit status \(code)")
        case .exited(let code):
            let detail = CommandQuestion.detail("exit status \(code)", said)
            return Finding(outcome: .failure(.commandFailed, detail: detail))
        case .signaled(let signal):
            let detail = CommandQuestion.detail("ended by signal \(signal)", said)
            return Finding(outcome: .failure(.commandFailed, detail: detail))
        }
    }

    /// Joins what happened and what was said.
    static func detail(_ what: String, _ said: String) -> String {
        said.isEmpty ? what : "\(what): \(said)"
    }
}
