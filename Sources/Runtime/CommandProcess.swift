// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// A program of somebody else's making that was started for its exit status and its output.
///
/// It leads a session and a group of its own, so that it can be ended together with all that it has
/// started; whatever leaves the group becomes a child of the one who called ``adoptOrphans()``.
public struct CommandProcess: Sendable, BitwiseCopyable {
    /// Its number, which is also that of its group.
    public let group: Int32
    /// What it writes, to standard output or standard error; reading does not block.
    public let output: FileDescriptor

    /// Starts a program with nothing but these arguments and variables (`NAME=value`).
    ///
    /// Standard input is empty; the folder is `/`.
    public init(
        _ program: String,
        arguments: [String],
        environment: [String]
    ) throws(SystemError) {
        let input = FileDescriptor(
            raw: Int32(try checked(unsafe mt_open("/dev/null", O_RDONLY, 0)))
        )
        defer { input.close() }
        var ends: [Int32] = [-1, -1]
        _ = try checked(unsafe mt_output_pipe(&ends))
        let writing = FileDescriptor(raw: ends[1])
        defer { writing.close() }
        let argv = unsafe ([program] + arguments).map { unsafe strdup($0) } + [nil]
        defer { for index in unsafe argv.indices { unsafe free(argv[index]) } }
        let envp = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer { for index in unsafe envp.indices { unsafe free(envp[index]) } }
        output = FileDescriptor(raw: ends[0])
        let child = unsafe mt_spawn_command(program, argv, envp, input.raw, writing.raw)
        guard child > 0 else {
            output.close()
            throw SystemError(code: Int32(truncatingIfNeeded: -child))
        }
        group = Int32(truncatingIfNeeded: child)
    }

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

    /// Ends adopted children that are in none of these groups: what a command left behind.
    ///
    /// Where the kernel does not list children (`CONFIG_PROC_CHILDREN`), nobody is found.
    public static func endStrays(outside groups: Set<Int32>) {
        guard let list = try? File.read("/proc/thread-self/children", limit: 1 << 20) else {
            return
        }
        for word in list.split(separator: UInt8(ascii: " ")) {
            guard let child = Int32(String(decoding: word, as: UTF8.self)), child > 1 else {
                continue
            }
            let group = getpgid(child)
            guard group > 0, !groups.contains(group) else { continue }
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
