// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// Operating-system threads for event loops.
public enum WorkerThread {
    private final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Runs `body` on a new thread with all signals blocked; its name (15 bytes) shows in `ps -L`.
    public static func start(
        name: String,
        body: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        var thread = pthread_t()
        let start = unsafe Unmanaged.passRetained(Start(name: name, body: body))
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
        pthread_detach(thread)
    }
}

/// How many cores this process may use.
public enum Cores {
    /// The affinity mask's count, cut to the cgroup's CPU quota (rounded up), at least 1.
    public static func usable() -> Int {
        let affinity = max(mt_affinity_count(), 1)
        return min(affinity, quota() ?? affinity)
    }

    /// The quota of the process's cgroup (version 2 file `cpu.max`); nil without one.
    static func quota() -> Int? {
        guard let groups = try? File.read("/proc/self/cgroup", limit: 65_536) else { return nil }
        let lines = String(decoding: groups, as: UTF8.self).split(separator: "\n")
        guard let unified = lines.first(where: { $0.hasPrefix("0::") }) else { return nil }
        var path = String(unified.dropFirst(3))
        var cores: Int?
        while true {  // every ancestor's quota binds
            if let text = try? File.read("/sys/fs/cgroup\(path)/cpu.max", limit: 4096),
                let here = parseQuota(String(decoding: text, as: UTF8.self))
            {
                cores = min(cores ?? here, here)
            }
            guard path.count > 1, let slash = path.lastIndex(of: "/") else { return cores }
            path = String(path[..<slash])
        }
    }

    /// Reads `max 100000` (nil) or `150000 100000` (2): microseconds per period, rounded up.
    public static func parseQuota(_ text: String) -> Int? {
        let parts = text.split(whereSeparator: \.isWhitespace)
        guard parts.count == 2, let quota = Int(parts[0]), let period = Int(parts[1]), period > 0,
            quota > 0
        else { return nil }
        return max((quota &+ period &- 1) / period, 1)
    }
}
