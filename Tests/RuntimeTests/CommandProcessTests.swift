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

/// All that a command has written, how it ended, and why it did not begin.
private func outcome(
    _ process: CommandProcess
) throws -> (text: String, end: ProcessEnd?, fault: CommandProcess.StartFault?) {
    defer { process.close() }
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
    return (String(decoding: bytes, as: UTF8.self), end, process.startFault())
}

@Suite struct CommandProcessTests {
    private func shell(_ text: String, _ environment: [String] = []) throws -> CommandProcess {
        try CommandProcess("/bin/sh", arguments: ["-c", text], environment: environment)
    }

    @Test func `a command gets its variables, an empty input, and nothing else`() throws {
        let text = "cat; echo \"$A\" >&2; env | grep -v ^PWD=; ls /proc/$$/fd; ulimit -c; exit 7"
        let (said, end, fault) = try outcome(try shell(text, ["A=b c", "PATH=/usr/bin:/bin"]))
        #expect(
            said.split(separator: "\n") == [
                "b c", "A=b c", "PATH=/usr/bin:/bin", "0", "1", "2", "0",
            ]
        )
        #expect(end == .exited(7) && fault == nil)
    }

    @Test func `a group is ended as a whole`() throws {
        let process = try shell("trap '' TERM; sleep 100 & echo ready; wait")
        // Until it leads its group, there is nobody to send it to.
        #expect(try eventually { ProcessControl.signal(9, to: -process.group) })
        let (_, end, _) = try outcome(process)
        #expect(end == .signaled(9))
        #expect(try eventually { !ProcessControl.signal(0, to: -process.group) }, "nobody is left")
    }

    @Test func `what does not begin says why`() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let nonsense = try folder.make("nonsense", [0, 1, 2, 3])
        for (path, reason) in [
            ("/no/such/program", "No such file or directory"), (nonsense, "Exec format error"),
            ("/etc/passwd", "not an executable file"), ("/", "not an executable file"),
        ] {
            let process = try CommandProcess(path, arguments: [], environment: [])
            let (said, end, fault) = try outcome(process)
            #expect(said.isEmpty && end == .exited(127), "\(path)")
            #expect(fault?.reason == reason && fault?.isShortage == false, "\(path)")
        }
    }

    /// Whoever opens a file under a lease waits for its holder: 45 s as Linux is shipped.
    @Test func `a program whose file hangs holds up nobody, and can be ended`() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = try folder.make("hangs", Array("#!/bin/sh\nexit 0\n".utf8))
        signal(SIGIO, SIG_IGN)
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        let setLease: Int32 = 1024
        // A child of another test has the file as well, until it has become its program.
        try #require(try eventually { fcntl(file, setLease, Int32(F_WRLCK)) == 0 })
        let before = Date()
        let process = try CommandProcess(path, arguments: [], environment: [])
        #expect(Date().timeIntervalSince(before) < 10)
        #expect(CommandProcess.reap(process.group) == nil)
        #expect(try eventually { ProcessControl.signal(9, to: -process.group) })
        #expect(try outcome(process).end == .signaled(9))
    }

    @Test func `what a command detaches is its own until it ends`() throws {
        let text = "(setsid sh -c 'sleep 0.1; cut -d\" \" -f4 /proc/$$/stat' &); sleep 0.5; echo $$"
        let (said, end, _) = try outcome(try shell(text, ["PATH=/usr/bin:/bin"]))
        let lines = said.split(separator: "\n")
        #expect(end == .exited(0) && lines.count == 2 && lines.first == lines.last, "\(said)")
    }

    @Test func `a program must be there, executable, and safe from others`() throws {
        #expect(ProgramFile.fault("/bin/sh") == nil)
        #expect(ProgramFile.fault("/etc/passwd") == .notExecutable)
        #expect(ProgramFile.fault("/usr") == .notExecutable)
        guard case .missing? = ProgramFile.fault("/no/such/program") else {
            Issue.record("a program that is not there")
            return
        }
        let base = try TestFolder()
        let folder = base.path
        defer { base.remove() }
        for (name, mode, isSafe) in [("a", 0o755, true), ("b", 0o757, false), ("c", 0o1777, true)] {
            let inner = "\(folder)/\(name)"
            try File.makeFolder(inner, mode: UInt32(mode))
            try File.writeAtomically("\(inner)/check", Array("#!/bin/sh\n".utf8), mode: 0o755)
            let fault = ProgramFile.fault("\(inner)/check")
            #expect(fault == (isSafe ? nil : .writable(path: inner)), "\(name)")
        }
        // By way of a link, whichever end of it is not safe, and round about.
        let files = FileManager.default
        try files.createSymbolicLink(atPath: "\(folder)/a/link", withDestinationPath: "../b/check")
        #expect(ProgramFile.fault("\(folder)/a/link") == .writable(path: "\(folder)/b"))
        let safe = "\(folder)/a/check"
        try files.createSymbolicLink(atPath: "\(folder)/b/link", withDestinationPath: safe)
        #expect(ProgramFile.fault("\(folder)/b/link") == .writable(path: "\(folder)/b"))
        try files.createSymbolicLink(atPath: "\(folder)/link", withDestinationPath: "b")
        #expect(ProgramFile.fault("\(folder)/link/check") == .writable(path: "\(folder)/b"))
        #expect(ProgramFile.fault("\(folder)/link/../a/check") == nil, "no name in b is looked up")
        try files.createSymbolicLink(atPath: "\(folder)/good", withDestinationPath: "a/../a")
        #expect(ProgramFile.fault("\(folder)/good/check") == nil)
        try files.createSymbolicLink(atPath: "\(folder)/round", withDestinationPath: "round")
        guard case .missing? = ProgramFile.fault("\(folder)/round/check") else {
            Issue.record("a link that leads to itself")
            return
        }
        guard ProcessControl.effectiveUser == 0 else { return }
        // In a folder for all, a name is whose it is who took it.
        try #require(unsafe chown("\(folder)/c/check", 12_345, 12_345) == 0)
        #expect(
            ProgramFile.fault("\(folder)/c/check") == .writable(path: "\(folder)/c/check")
        )
    }
}

/// A folder that goes with its test.
private struct TestFolder {
    let path = "/tmp/martlet-test-\(ProcessControl.randomSeed())"

    init() throws { try File.makeFolder(path, mode: 0o755) }

    func make(_ name: String, _ bytes: [UInt8]) throws -> String {
        try File.writeAtomically("\(path)/\(name)", bytes, mode: 0o755)
        return "\(path)/\(name)"
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
