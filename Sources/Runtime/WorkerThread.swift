// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// Operating-system threads for event loops.
public enum WorkerThread {
    private final class Start {
        let name: String
        let isPatient: Bool
        let body: @Sendable () -> Void
        init(name: String, isPatient: Bool, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.isPatient = isPatient
            self.body = body
        }
    }

    /// So much nicer is a patient thread than others (nice(2)): it gets a third of the time of one
    /// that has to share a core with it, and all that nobody else wants.
    private static let patience: Int32 = 5

    /// Runs `body` on a new thread with all signals blocked; its name (15 bytes) shows in `ps -L`.
    public static func start(
        name: String,
        body: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        try start(name: name, isPatient: false, body: body)
    }

    /// The same; a patient one leaves a core to threads that answer, and to the one that makes
    /// verdicts.
    public static func start(
        name: String,
        isPatient: Bool,
        body: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        pthread_detach(try begin(name, isPatient, body))
    }

    /// Runs `body` on a new thread with an event loop of its own.
    ///
    /// The loop is opened before the thread begins: without a descriptor for it this throws, and no
    /// thread ends that somebody waits for.
    public static func startLoop(
        name: String,
        isPatient: Bool = false,
        body: @escaping @Sendable (inout EventLoop) -> Void
    ) throws(SystemError) {
        let epoll = try EventLoop.open()
        do throws(SystemError) {
            try start(name: name, isPatient: isPatient) {
                var loop = EventLoop(adopting: epoll)
                body(&loop)
            }
        } catch {
            epoll.close()
            throw error
        }
    }

    /// Runs `body` on a new thread, and waits for its end; without a thread to be had, on this one.
    public static func run(name: String, body: @escaping @Sendable () -> Void) {
        guard let thread = try? begin(name, false, body) else { return body() }
        _ = pthread_join(thread, nil)
    }

    private static func begin(
        _ name: String,
        _ isPatient: Bool,
        _ body: @escaping @Sendable () -> Void
    ) throws(SystemError) -> pthread_t {
        var thread = pthread_t()
        let start = unsafe Unmanaged.passRetained(
            Start(name: name, isPatient: isPatient, body: body)
        )
        var all = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
        let code = unsafe pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                unsafe start.name.withCString { _ = mt_prctl(PR_SET_NAME, UInt(bitPattern: $0)) }
                if start.isPatient { _ = mt_nice(WorkerThread.patience) }
                start.body()
                return nil
            },
            start.toOpaque()
        )
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
        guard code == 0 else {
            unsafe start.release()
            throw SystemError(code: code)
        }
        return thread
    }
}

/// How many cores this process may use.
public enum Cores {
    /// The affinity mask's count, cut to the cgroup's CPU quota (rounded up), at least 1.
    public static func usable() -> Int {
        let affinity = max(mt_affinity_count(), 1)
        return min(affinity, quota() ?? affinity)
    }

    /// The quota of the process's cgroups, of version 2 and 1; nil without one.
    static func quota() -> Int? {
        guard let groups = text("/proc/self/cgroup") else { return nil }
        return quota(groups: groups, read: text)
    }

    private static func text(_ path: String) -> String? {
        guard let bytes = try? File.read(path, limit: 65_536) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The least quota among the groups that `/proc/self/cgroup` names and their ancestors, all
    /// of which bind (cgroups(7)).
    static func quota(groups: String, read: (String) -> String?) -> Int? {
        var cores: Int?
        for line in groups.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isUnified = parts[0] == "0" && parts[1].isEmpty
            guard isUnified || parts[1].split(separator: ",").contains("cpu") else { continue }
            let root = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu"
            var path = parts[2] == "/" ? "" : String(parts[2])
            while true {
                let folder = root + path
                let quota =
                    isUnified
                    ? read("\(folder)/cpu.max")
                    : read("\(folder)/cpu.cfs_quota_us").flatMap { quota in
                        read("\(folder)/cpu.cfs_period_us").map { quota + " " + $0 }
                    }
                if let here = quota.flatMap(parseQuota) { cores = min(cores ?? here, here) }
                guard let slash = path.lastIndex(of: "/") else { break }
                path = String(path[..<slash])
            }
        }
        return cores
    }

    /// Reads `max 100000` or `-1 100000` (nil), or `150000 100000` (2): microseconds per period, rounded up.
    public static func parseQuota(_ text: String) -> Int? {
        let parts = text.split(whereSeparator: \.isWhitespace)
        guard parts.count == 2, let quota = Int(parts[0]), let period = Int(parts[1]), period > 0,
            quota > 0
        else { return nil }
        return max((quota &+ period &- 1) / period, 1)
    }
}
