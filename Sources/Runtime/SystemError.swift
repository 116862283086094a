// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// The error number of a failed system call.
public struct SystemError: Error, Equatable, Sendable, BitwiseCopyable {
    /// `errno` as Linux defines it.
    public let code: Int32

    /// Wraps an error number.
    public init(code: Int32) { self.code = code }

    /// The operation would have had to wait.
    public static var wouldBlock: SystemError { SystemError(code: EAGAIN) }
    /// Too many open files in this process.
    public static var tooManyFiles: SystemError { SystemError(code: EMFILE) }
    /// Nothing listens at the address.
    public static var connectionRefused: SystemError { SystemError(code: ECONNREFUSED) }
    /// The address or port is taken.
    public static var addressInUse: SystemError { SystemError(code: EADDRINUSE) }
    /// The process lacks the privilege.
    public static var accessDenied: SystemError { SystemError(code: EACCES) }
    /// There is no such file.
    public static var noSuchFile: SystemError { SystemError(code: ENOENT) }
    /// The wait had its time.
    public static var timedOut: SystemError { SystemError(code: ETIMEDOUT) }
    /// The peer reset the connection.
    public static var connectionReset: SystemError { SystemError(code: ECONNRESET) }
    /// The peer no longer takes bytes.
    public static var brokenPipe: SystemError { SystemError(code: EPIPE) }
    /// It is not the kind of thing that is wanted.
    public static var invalid: SystemError { SystemError(code: EINVAL) }
    /// The file is larger than the caller takes.
    public static var tooLarge: SystemError { SystemError(code: EFBIG) }
    /// True when this machine lacks descriptors or memory: no word about the peer.
    public var isShortage: Bool {
        code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM
    }
}

extension SystemError: CustomStringConvertible {
    /// The text of `strerror`.
    public var description: String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard unsafe strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Turns a shim's answer into a value or an error.
func checked(_ result: Int) throws(SystemError) -> Int {
    guard result >= 0 else { throw SystemError(code: Int32(truncatingIfNeeded: -result)) }
    return result
}

/// How a read or write on a non-blocking descriptor ended.
public enum IOResult: Equatable, Sendable, BitwiseCopyable {
    /// So many bytes (or messages) were moved; at least one.
    case count(Int)
    /// The peer has finished sending.
    case endOfStream
    /// Nothing can be moved now.
    case wouldBlock
    /// The descriptor is of no further use.
    case failed(SystemError)

    @inline(__always)
    init(_ result: Int, zeroIsEnd: Bool) {
        if result > 0 {
            self = .count(result)
        } else if result == 0 {
            self = zeroIsEnd ? .endOfStream : .count(0)
        } else if result == -Int(EAGAIN) || result == -Int(EINTR) {
            self = .wouldBlock
        } else {
            self = .failed(SystemError(code: Int32(truncatingIfNeeded: -result)))
        }
    }
}
