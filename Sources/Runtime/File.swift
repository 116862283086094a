// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// Whole files, as configuration and state need them.
///
/// Blocking: never on a worker.
public enum File {
    /// Reads a file of at most `limit` bytes; ``SystemError/tooLarge`` beyond.
    public static func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        let fd = FileDescriptor(raw: Int32(try checked(unsafe mt_open(path, O_RDONLY, 0))))
        defer { fd.close() }
        return try read(fd, limit: limit)
    }

    /// Reads a file of at most `limit` bytes; ``SystemError/invalid`` for a folder, pipe or device,
    /// ``SystemError/tooLarge`` beyond.
    ///
    /// For many small files: it is opened, asked for its size, and read at once into as much.
    public static func readRegular(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        let (fd, size) = try openSized(path)
        defer { fd.close() }
        guard size <= limit else { throw .tooLarge }
        var result = 0
        // One octet more than there should be: its absence is the end.
        let content = unsafe [UInt8](unsafeUninitializedCapacity: size + 1) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            unsafe result = mt_read(fd.raw, base, size + 1)
            count = max(result, 0)
        }
        guard result != size || size == 0 else { return content }
        // It is another one by now, does not say how much it holds, or cannot be read at all.
        let all = content + (try read(fd, limit: limit))
        guard all.count <= limit else { throw .tooLarge }
        return all
    }

    /// Opens a file for reading; ``SystemError/invalid`` for a folder, pipe or device.
    public static func openRegular(_ path: String) throws(SystemError) -> FileDescriptor {
        try openSized(path).fd
    }

    private static func openSized(
        _ path: String
    ) throws(SystemError) -> (fd: FileDescriptor, size: Int) {
        // Not blocking: a pipe of that name must not stop the one who opens it.
        let opened = unsafe mt_open(path, O_RDONLY | O_NONBLOCK, 0)
        let fd = FileDescriptor(raw: Int32(try checked(opened)))
        var status = stat()
        guard unsafe fstat(fd.raw, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            fd.close()
            throw .invalid
        }
        return (fd, max(Int(status.st_size), 0))
    }

    /// Reads a descriptor to its end.
    public static func read(_ fd: FileDescriptor, limit: Int) throws(SystemError) -> [UInt8] {
        var content: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe mt_read(fd.raw, &piece, piece.count)
            if count == -Int(EINTR) { continue }
            guard try checked(count) > 0 else { return content }
            content += piece[..<count]
            guard content.count <= limit else { throw .tooLarge }
        }
    }

    /// False for pipes, devices and folders; nil when there is nothing of this name to be seen.
    public static func isRegular(_ path: String) -> Bool? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return status.st_mode & S_IFMT == S_IFREG
    }

    /// The path without links, `.` and `..`; nil when nothing is there.
    public static func resolved(_ path: String) -> String? {
        guard let found = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(found) }
        return unsafe String(cString: found)
    }

    /// True when every account may read or change a file; false when it cannot be asked.
    public static func isOpenToAll(_ path: String) -> Bool {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return false }
        return status.st_mode & (S_IROTH | S_IWOTH) != 0
    }

    /// Writes all bytes to a descriptor, waiting where it must.
    public static func write(_ fd: FileDescriptor, _ bytes: [UInt8]) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBufferPointer { buffer -> Int in
                guard let base = buffer.baseAddress else { return 0 }
                return unsafe mt_write(fd.raw, base + done, buffer.count - done)
            }
            if count == -Int(EINTR) || count == -Int(EAGAIN) { continue }
            done += try checked(count)
        }
    }

    /// Replaces a file in one step: readers see the old or the new content, also after a crash.
    public static func writeAtomically(
        _ path: String,
        _ bytes: [UInt8],
        mode: UInt32 = 0o600
    ) throws(SystemError) {
        let temporary = "\(path).new"
        let flags = O_WRONLY | O_CREAT | O_TRUNC
        let fd = FileDescriptor(raw: Int32(try checked(unsafe mt_open(temporary, flags, mode))))
        defer { fd.close() }
        try write(fd, bytes)
        guard fsync(fd.raw) == 0, unsafe rename(temporary, path) == 0 else {
            throw SystemError(code: errno)
        }
    }

    /// Has the names in a folder outlast a loss of power.
    public static func syncFolder(_ path: String) throws(SystemError) {
        let flags = O_RDONLY | O_DIRECTORY
        let fd = FileDescriptor(raw: Int32(try checked(unsafe mt_open(path, flags, 0))))
        defer { fd.close() }
        guard fsync(fd.raw) == 0 else { throw SystemError(code: errno) }
    }

    /// Opens a file for appending, creating it with `mode`.
    public static func openForAppending(
        _ path: String,
        mode: UInt32 = 0o640
    ) throws(SystemError) -> FileDescriptor {
        let flags = O_WRONLY | O_CREAT | O_APPEND
        return FileDescriptor(raw: Int32(try checked(unsafe mt_open(path, flags, mode))))
    }

    /// Makes a folder and its parents where missing, with these modes whatever the umask is.
    public static func makeFolder(
        _ path: String,
        mode: UInt32 = 0o750,
        parents: UInt32 = 0o750
    ) throws(SystemError) {
        var prefix = path.hasPrefix("/") ? "/" : ""
        let parts = path.split(separator: "/")
        for (index, part) in parts.enumerated() {
            prefix += part + "/"
            let mode = index == parts.count - 1 ? mode : parents
            if unsafe mkdir(prefix, mode) == 0 {
                guard unsafe chmod(prefix, mode) == 0 else { throw SystemError(code: errno) }
            } else if errno != EEXIST {
                throw SystemError(code: errno)
            }
        }
    }

    /// Gives a file another name in the same file system, replacing what has that name.
    public static func move(_ path: String, to other: String) throws(SystemError) {
        guard unsafe rename(path, other) == 0 else { throw SystemError(code: errno) }
    }

    /// Locks a file, created where missing, until the descriptor is closed or the process ends.
    ///
    /// ``SystemError/wouldBlock`` when another process has it.
    public static func lock(_ path: String) throws(SystemError) -> FileDescriptor {
        let flags = O_RDWR | O_CREAT | O_NOFOLLOW
        let fd = FileDescriptor(raw: Int32(try checked(unsafe mt_open(path, flags, 0o600))))
        guard flock(fd.raw, LOCK_EX | LOCK_NB) == 0 else {
            let error = SystemError(code: errno)
            fd.close()
            throw error
        }
        return fd
    }

    /// Removes a file; it is no error when there is none.
    public static func remove(_ path: String) { unsafe _ = unlink(path) }

    /// When a file was last changed, in nanoseconds since 1970; nil when it cannot be asked.
    public static func modified(_ path: String) -> Int64? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }

    /// A number that differs after a file was changed or replaced; 0 when there is none.
    public static func stamp(_ path: String) -> Int64 {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return 0 }
        let time = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
        return time &* 31 &+ Int64(status.st_size) &* 17 &+ Int64(truncatingIfNeeded: status.st_ino)
    }

    /// A nameless file in memory that can be handed to other processes.
    public static func openMemory(_ name: String, size: Int) throws(SystemError) -> FileDescriptor {
        let fd = FileDescriptor(raw: Int32(try checked(unsafe mt_memfd(name))))
        guard ftruncate(fd.raw, size) == 0 else {
            fd.close()
            throw SystemError(code: errno)
        }
        return fd
    }
}
