// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A file that is read and written at places, closed with its last user.
///
/// Blocking: never on a worker.
public final class DiskFile: Sendable {
    private let fd: FileDescriptor

    /// Opens a file for both, made where it is missing; ``SystemError/invalid`` for what is no file.
    public init(_ path: String) throws(SystemError) {
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        let raw = unsafe open(path, flags, 0o600)
        guard raw >= 0 else { throw SystemError(code: errno) }
        fd = FileDescriptor(raw: raw)
        var status = stat()
        guard unsafe fstat(raw, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .invalid
        }
    }

    deinit { fd.close() }

    /// Octets in the file; 0 when it cannot be asked.
    public var count: Int {
        var status = stat()
        return unsafe fstat(fd.raw, &status) == 0 ? max(Int(status.st_size), 0) : 0
    }

    /// Writes all octets at a place.
    public func write(_ bytes: Span<UInt8>, at offset: Int) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let part = bytes.extracting(done..<bytes.count)
            let count = unsafe part.withUnsafeBufferPointer { source in
                unsafe pwrite(fd.raw, source.baseAddress, source.count, off_t(offset + done))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemError(code: count < 0 ? errno : EIO) }
            done += count
        }
    }

    /// Reads octets from a place into a piece of memory; how many there were, cut to what fits.
    public func read(
        at offset: Int,
        _ count: Int,
        into memory: CacheMemory,
        at place: Int
    ) throws(SystemError) -> Int {
        var done = 0
        while done < count {
            let found = unsafe memory.withPart(at: place + done, count: count - done) { part in
                unsafe pread(fd.raw, part.baseAddress, part.count, off_t(offset + done))
            }
            if found < 0, errno == EINTR { continue }
            guard found >= 0 else { throw SystemError(code: errno) }
            guard found > 0 else { break }
            done += found
        }
        return done
    }

    /// Takes all blocks that so many octets need, so that memory mapped to them never lacks one.
    public func allocate(_ count: Int) throws(SystemError) {
        let code = posix_fallocate(fd.raw, 0, off_t(count))
        guard code == 0 else { throw SystemError(code: code) }
    }

    /// Maps the first octets of the file, which other processes and later ones see.
    public func map(_ count: Int) throws(SystemError) -> SharedMemory {
        try SharedMemory(fd, count: count)
    }

    /// Has what was written outlast a loss of power.
    public func sync() throws(SystemError) {
        guard fdatasync(fd.raw) == 0 else { throw SystemError(code: errno) }
    }
}
