// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// How a child process ended.
public enum ProcessEnd: Equatable, Sendable {
    /// It exited with a code.
    case exited(Int32)
    /// A signal ended it.
    case signaled(Int32)
}

/// Processes, signals, limits and privileges of Linux.
public enum ProcessControl {
    /// This process's number.
    public static var identifier: Int32 { getpid() }
    /// The number of the process that started this one; 1 when that one has gone.
    public static var parentIdentifier: Int32 { getppid() }
    /// The effective user.
    public static var effectiveUser: UInt32 { geteuid() }

    /// Starts a program and returns its number; `keep` stay open in it under the same numbers.
    ///
    /// It gets the variables of this process, or nothing but `environment` (`NAME=value`).
    public static func spawn(
        _ path: String,
        arguments: [String],
        environment: [String]? = nil,
        keep: [FileDescriptor]
    ) throws(SystemError) -> Int32 {
        let argv = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { for index in unsafe argv.indices { unsafe free(argv[index]) } }
        let raw = keep.map(\.raw)
        let envp = unsafe (environment ?? []).map { unsafe strdup($0) } + [nil]
        defer { for index in unsafe envp.indices { unsafe free(envp[index]) } }
        let child =
            environment == nil
            ? unsafe mt_spawn(path, argv, environ, raw, Int32(raw.count))
            : unsafe mt_spawn(path, argv, envp, raw, Int32(raw.count))
        return Int32(try checked(child))
    }

    /// Becomes another program, in which `keep` stay open under their numbers; returns why not.
    public static func replace(
        _ path: String,
        arguments: [String],
        keep: [FileDescriptor]
    ) -> SystemError {
        let argv = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { for index in unsafe argv.indices { unsafe free(argv[index]) } }
        for fd in keep { _ = mt_set_cloexec(fd.raw, 0) }
        unsafe execve(path, argv, environ)
        let code = errno
        closeOnExecute(keep)
        return SystemError(code: code)
    }

    /// Programs started from here do not get these.
    public static func closeOnExecute(_ descriptors: [FileDescriptor]) {
        for fd in descriptors { _ = mt_set_cloexec(fd.raw, 1) }
    }

    /// Says how one ended child ended, without waiting; nil when none has.
    public static func reap() -> (identifier: Int32, end: ProcessEnd)? {
        var status: Int32 = 0
        let child = unsafe waitpid(-1, &status, WNOHANG)
        guard child > 0 else { return nil }
        if mt_signaled(status) != 0 { return (child, .signaled(mt_term_signal(status))) }
        return (child, .exited(mt_exit_code(status)))
    }

    /// Sends a signal; false when there is no such process or no right to.
    @discardableResult
    public static func signal(_ signal: Int32, to process: Int32) -> Bool {
        kill(process, signal) == 0
    }

    /// Blocks the signals for this thread and its children, and reports them on a descriptor.
    public static func watch(signals: [Int32]) throws(SystemError) -> FileDescriptor {
        let raw = unsafe mt_signalfd(signals, Int32(signals.count))
        return FileDescriptor(raw: Int32(try checked(raw)))
    }

    /// The next signal waiting at a descriptor of ``watch(signals:)``; nil when none is.
    public static func nextSignal(_ fd: FileDescriptor) -> Int32? {
        let signal = mt_read_signal(fd.raw)
        return signal > 0 ? Int32(signal) : nil
    }

    /// Ignores signals; programs started by ``spawn(_:arguments:environment:keep:)`` do as well.
    public static func ignore(signals: [Int32]) {
        for signal in signals { _ = mt_ignore_signal(signal) }
    }

    /// Keeps other processes of the same account from reading this one's memory and variables.
    public static func hideFromOthers() { _ = mt_prctl(PR_SET_DUMPABLE, 0) }

    /// Asks for `signal` when the parent dies, so that no serving process outlives its supervisor.
    public static func dieWithParent(signal: Int32) {
        _ = mt_prctl(PR_SET_PDEATHSIG, UInt(signal))
    }

    /// Leaves the terminal's foreground group, so that Ctrl-C reaches the supervisor alone.
    public static func leaveProcessGroup() { _ = setpgid(0, 0) }

    /// Sets a variable in the environment that programs started from here inherit.
    public static func setEnvironment(_ name: String, _ value: String) {
        unsafe _ = setenv(name, value, 1)
    }

    /// A variable of the environment; nil when it is not set.
    public static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    /// Gives memory that is free back to the system, for after something large was read and dropped.
    ///
    /// It takes milliseconds for each hundred megabytes.
    public static func returnFreeMemory() { mt_return_memory() }

    /// Gives allocations of so many bytes and more mappings of their own, which leave nothing behind.
    ///
    /// The heap can give back only whole pages: a large table in it that grew, or that was needed for
    /// the reading alone, leaves holes that small things settle in. A mapping costs a system call and
    /// its pages anew each time, so what serves requests wants a higher bound.
    public static func mapAllocations(from bytes: Int) {
        mt_map_from(Int32(clamping: bytes))
    }

    /// Ends the process at once.
    public static func exit(_ code: Int32) -> Never { Glibc.exit(code) }

    /// Raises the soft limit of open files to the hard limit; returns the limit in force.
    public static func raiseFileLimit() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return 1024
        }
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }

    /// No program started from here can ever gain rights (`PR_SET_NO_NEW_PRIVS`).
    public static func forbidNewPrivileges() { _ = mt_prctl(PR_SET_NO_NEW_PRIVS, 1) }

    /// The user and group numbers of an account; nil when there is none of that name.
    public static func account(_ name: String) -> (user: UInt32, group: UInt32)? {
        guard let entry = unsafe getpwnam(name) else { return nil }
        return (unsafe entry.pointee.pw_uid, unsafe entry.pointee.pw_gid)
    }

    /// Becomes another user for good, giving up all groups and capabilities.
    public static func become(user: UInt32, group: UInt32) throws(SystemError) {
        guard setgroups(0, nil) == 0, setgid(group) == 0, setuid(user) == 0 else {
            throw SystemError(code: errno)
        }
    }

    /// The path of the running program.
    public static var executablePath: String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { return CommandLine.arguments.first ?? "martlet" }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Where the running program was started from, also when another file is there now.
    public static var programPath: String {
        let path = executablePath
        // How Linux marks a file that has lost its name (proc(5)).
        let mark = " (deleted)"
        return path.hasSuffix(mark) ? String(path.dropLast(mark.count)) : path
    }

    /// Writes a line to standard error in one call.
    public static func printError(_ text: String) {
        let bytes = Array("\(text)\n".utf8)
        _ = unsafe mt_write(2, bytes, bytes.count)
    }

    /// The name of this host; empty when it has none.
    public static func hostName() -> String {
        // One octet stays 0: a name that is cut is not always ended (POSIX).
        var name = [UInt8](repeating: 0, count: 257)
        let failed = unsafe name.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return true }
            let text = unsafe base.assumingMemoryBound(to: CChar.self)
            return unsafe gethostname(text, bytes.count - 1) != 0
        }
        guard !failed else { return "" }
        return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// A number that no one can predict, for seeds.
    public static func randomSeed() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}
