// SPDX-License-Identifier: Apache-2.0
import Foundation
import Runtime
import Testing

/// Waits for a condition, turn by turn, 5 s at most.
private func eventually(_ isTrue: () -> Bool) throws -> Bool {
    var loop = try EventLoop()
    for _ in 0..<5_000 {
        if isTrue() { return true }
        _ = loop.wait(timeoutMilliseconds: 1)
    }
    return false
}

/// All that a command has written, and how it ended.
private func outcome(_ process: CommandProcess) throws -> (text: String, end: ProcessEnd?) {
    defer { process.output.close() }
    var end: ProcessEnd?
    #expect(
        try eventually {
            end = CommandProcess.reap(process.group)
            return end != nil
        }
    )
    var bytes: [UInt8] = []
    while true {
        var result = IOResult.wouldBlock
        bytes += [UInt8](capacity: 4_096) { piece in
            result = CommandProcess.read(process.output, into: &piece)
        }
        guard case .count = result else { break }
    }
    return (String(decoding: bytes, as: UTF8.self), end)
}

@Suite struct CommandProcessTests {
    private func shell(_ text: String, _ environment: [String] = []) throws -> CommandProcess {
        try CommandProcess("/bin/sh", arguments: ["-c", text], environment: environment)
    }

    @Test func `a command gets its variables, an empty input, and nothing else`() throws {
        let text = "cat; echo \"$A\" >&2; env | grep -v ^PWD=; ls /proc/$$/fd; ulimit -c; exit 7"
        let (said, end) = try outcome(try shell(text, ["A=b c", "PATH=/usr/bin:/bin"]))
        #expect(
            said.split(separator: "\n") == [
                "b c", "A=b c", "PATH=/usr/bin:/bin", "0", "1", "2", "0",
            ]
        )
        #expect(end == .exited(7))
    }

    @Test func `a group is ended as a whole`() throws {
        let process = try shell("trap '' TERM; sleep 100 & echo ready; wait")
        CommandProcess.signal(9, group: process.group)
        let (_, end) = try outcome(process)
        #expect(end == .signaled(9))
        #expect(try eventually { !ProcessControl.signal(0, to: -process.group) }, "nobody is left")
    }

    @Test func `what cannot be executed says so at once`() {
        for (path, code) in [("/no/such/program", 2), ("/etc/passwd", 13), ("/", 13)]
            as [(String, Int32)]
        {
            let error = #expect(throws: SystemError.self) {
                try CommandProcess(path, arguments: [], environment: [])
            }
            #expect(error?.code == code, "\(path)")
        }
    }

    @Test func `a program must be there, executable, and safe from others`() throws {
        #expect(ProgramFile.fault("/bin/sh") == nil)
        #expect(ProgramFile.fault("/etc/passwd") == .notExecutable)
        #expect(ProgramFile.fault("/usr") == .notExecutable)
        guard case .missing? = ProgramFile.fault("/no/such/program") else {
            Issue.record("a program that is not there")
            return
        }
        let folder = "/tmp/martlet-test-\(ProcessControl.randomSeed())"
        try File.makeFolder(folder, mode: 0o755)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, mode, isSafe) in [("a", 0o755, true), ("b", 0o757, false), ("c", 0o1777, true)] {
            let inner = "\(folder)/\(name)"
            try File.makeFolder(inner, mode: UInt32(mode))
            try File.writeAtomically("\(inner)/check", Array("#!/bin/sh\n".utf8), mode: 0o755)
            let fault = ProgramFile.fault("\(inner)/check")
            #expect(fault == (isSafe ? nil : .writable(path: inner)), "\(name)")
        }
    }
}
