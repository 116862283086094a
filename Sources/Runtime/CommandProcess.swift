// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// A program of somebody else's making that was started for its exit status and its output.
///
/// It leads a session and a group of its own, so that it can be ended together with all that it has
/// started. Whatever leaves the group is its child until it ends, and then that of the one who called
/// ``adoptOrphans()``.
public struct CommandProcess: Sendable, BitwiseCopyable {
    /// Its number, which is also that of its group.
    public let group: Int32
    /// What it writes, to standard output or standard error; reading does not block.
    public private(set) var output: FileDescriptor
    private let report: FileDescriptor

    /// Starts a program with nothing but these arguments and variables (`NAME=value`).
    ///
    /// Standard input is empty; the folder is `/`. Neither looking at the program nor executing it is
    /// waited for, since a dead file system may hold that up for ever: see ``startFault()``. The
    /// caller has one thread.
    public init(
        _ program: String,
        arguments: [String],
        environment: [String]
    ) throws(SystemError) {
        let input = FileDescriptor(
            raw: Int32(try checked(unsafe mt_open("/dev/null", O_RDONLY, 0)))
        )
        defer { input.close() }
        let (said, saying) = try CommandProcess.pipe()
        defer { saying.close() }
        let reported: FileDescriptor
        let reporting: FileDescriptor
        do throws(SystemError) {
            (reported, reporting) = try CommandProcess.pipe()
        } catch {
            said.close()
            throw error
        }
        defer { reporting.close() }
        (output, report) = (said, reported)
        let child = mt_fork_command(input.raw, saying.raw, reporting.raw)
        if child == 0 { CommandProcess.become(program, arguments, environment) }
        guard child > 0 else {
            output.close()
            report.close()
            throw SystemError(code: Int32(truncatingIfNeeded: -child))
        }
        group = Int32(truncatingIfNeeded: child)
    }

    /// Why the program did not begin.
    public struct StartFault: Equatable, Sendable {
        /// In words.
        public let reason: String
        /// True when this machine is short of something, which says nothing of the program.
        public let isShortage: Bool
    }

    /// Why the program did not begin, once the process has ended; nil when it did.
    public func startFault() -> StartFault? {
        let bytes = [UInt8](capacity: 1_024) { _ = CommandProcess.read(report, into: &$0) }
        guard let first = bytes.first else { return nil }
        return StartFault(
            reason: String(decoding: bytes.dropFirst(), as: UTF8.self),
            isShortage: first == CommandProcess.shortageMark
        )
    }

    /// Closes what is read from.
    public func close() {
        output.close()
        report.close()
    }

    /// Closes the output, whose end has come, or that nobody wants to read.
    public mutating func closeOutput() {
        output.close()
        output = .none
    }

    // The reading end does not block.
    private static func pipe() throws(SystemError) -> (FileDescriptor, FileDescriptor) {
        var ends: [Int32] = [-1, -1]
        _ = try checked(unsafe mt_output_pipe(&ends))
        return (FileDescriptor(raw: ends[0]), FileDescriptor(raw: ends[1]))
    }

    // MARK: In the child

    private static let reportDescriptor: Int32 = 3
    private static let shortageMark = UInt8(ascii: "s")
    private static let faultMark = UInt8(ascii: "f")

    private static func become(
        _ program: String,
        _ arguments: [String],
        _ environment: [String]
    ) -> Never {
        if let fault = ProgramFile.fault(program) { give(up: "\(fault)", faultMark) }
        let argv = unsafe ([program] + arguments).map { unsafe strdup($0) } + [nil]
        let envp = unsafe environment.map { unsafe strdup($0) } + [nil]
        if unsafe chdir("/") == 0 { unsafe execve(program, argv, envp) }
        let error = SystemError(code: errno)
        give(up: "\(error)", error.isShortage || error == .wouldBlock ? shortageMark : faultMark)
    }

    private static func give(up reason: String, _ mark: UInt8) -> Never {
        let bytes = [mark] + reason.utf8
        _ = unsafe mt_write(reportDescriptor, bytes, bytes.count)
        _exit(127)
    }
}

// Reading from commands, and ending them.
extension CommandProcess {
    /// Reads into the free part of `piece` what has been written to the output.
    public static func read(
        _ output: FileDescriptor,
        into piece: inout OutputSpan<UInt8>
    ) -> IOResult {
        unsafe piece.withUnsafeMutableBufferPointer { buffer, initialized in
            guard let base = buffer.baseAddress, buffer.count > initialized else {
                return .count(0)
            }
            let room = buffer.count - initialized
            let result = unsafe mt_read(output.raw, base + initialized, room)
            if result > 0 { initialized += result }
            return IOResult(result, zeroIsEnd: true)
        }
    }

    /// Makes those who lose their parent children of this process.
    public static func adoptOrphans() { _ = mt_adopt_orphans() }

    /// A child that has ended, not reaped yet: neither its number nor its group's can be another's.
    public static func endedChild() -> Int32? {
        let child = mt_ended_child()
        return child > 0 ? Int32(truncatingIfNeeded: child) : nil
    }

    /// Reaps a child that has ended.
    @discardableResult
    public static func reap(_ child: Int32) -> ProcessEnd? {
        var status: Int32 = 0
        guard unsafe waitpid(child, &status, WNOHANG) == child else { return nil }
        return mt_signaled(status) != 0
            ? .signaled(mt_term_signal(status)) : .exited(mt_exit_code(status))
    }

    /// Sends a signal to everybody in a group.
    public static func signal(_ signal: Int32, group: Int32) {
        guard group > 1 else { return }
        _ = kill(-group, signal)
    }

    /// True while this process has a child, alive or not reaped yet.
    public static var hasChildren: Bool { mt_has_child() != 0 }

    /// Ends all children but these: what commands that have ended left behind.
    ///
    /// Where the kernel does not list children (`CONFIG_PROC_CHILDREN`), nobody is found.
    public static func endStrays(except commands: Set<Int32>) {
        guard let list = try? File.read("/proc/thread-self/children", limit: 1 << 20) else {
            return
        }
        for word in list.split(separator: UInt8(ascii: " ")) {
            guard let child = Int32(String(decoding: word, as: UTF8.self)), child > 1,
                !commands.contains(child)
            else { continue }
            _ = kill(child, SIGKILL)
        }
    }

    /// Closes every descriptor of this process but the three standard ones and `kept`.
    public static func closeDescriptors(except kept: FileDescriptor) {
        guard kept.raw > 2 else { return }
        if kept.raw > 3 { _ = mt_close_range(3, UInt32(kept.raw - 1)) }
        _ = mt_close_range(UInt32(kept.raw) + 1, UInt32.max)
    }
}
