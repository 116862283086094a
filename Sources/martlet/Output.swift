// SPDX-License-Identifier: Apache-2.0
internal import Runtime

/// Standard output.
enum Output {
    /// Writes a text; a reader that has gone away is no reason to crash.
    static func write(_ text: String) -> Int32 {
        do {
            try File.write(FileDescriptor(raw: 1), Array(text.utf8))
            return ExitCode.ok
        } catch {
            ProcessControl.printError("martlet: standard output: \(error)")
            return ExitCode.failed
        }
    }
}
