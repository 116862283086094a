// SPDX-License-Identifier: Apache-2.0
internal import CLinux
public import Essentials
internal import Glibc

/// What this process uses, as the kernel counts it.
public struct ProcessUsage: Equatable, Sendable {
    /// CPU time of all threads, user and system.
    public var cpu: Interval
    /// Bytes in RAM.
    public var residentBytes: Int
    /// Bytes of address space.
    public var virtualBytes: Int
    /// Open descriptors.
    public var openFiles: Int

    /// A reading from its parts.
    public init(cpu: Interval, residentBytes: Int, virtualBytes: Int, openFiles: Int) {
        self.cpu = cpu
        self.residentBytes = residentBytes
        self.virtualBytes = virtualBytes
        self.openFiles = openFiles
    }

    /// The present reading; nil without `/proc`.
    ///
    /// Takes time in proportion to the open descriptors: some milliseconds for 10,000.
    public static func current() -> ProcessUsage? {
        guard let bytes = try? File.read("/proc/self/statm", limit: 4096) else { return nil }
        let pages = String(decoding: bytes, as: UTF8.self).split(separator: " ").map {
            Int($0) ?? 0
        }
        guard pages.count >= 2 else { return nil }
        let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
        return ProcessUsage(
            cpu: Interval(nanoseconds: mt_now(CLOCK_PROCESS_CPUTIME_ID)),
            residentBytes: pages[1] &* pageSize,
            virtualBytes: pages[0] &* pageSize,
            openFiles: countEntries("/proc/self/fd")
        )
    }

    private static func countEntries(_ folder: String) -> Int {
        guard let entries = unsafe opendir(folder) else { return 0 }
        defer { unsafe _ = closedir(entries) }
        var count = 0
        while unsafe readdir(entries) != nil { count += 1 }
        // `.`, `..` and the descriptor of the listing itself do not count.
        return max(count - 3, 0)
    }
}

/// The terminal, if there is one.
public enum Terminal {
    /// True when a descriptor is a terminal: 1 for output, 2 for errors.
    public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// The value of an environment variable; nil when it is not set.
    public static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    /// Writes to standard output in one go; false when nobody reads any more.
    @discardableResult
    public static func print(_ text: String) -> Bool {
        (try? File.write(FileDescriptor(raw: 1), Array(text.utf8))) != nil
    }
}
