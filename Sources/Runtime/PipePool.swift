// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// A pipe through which bytes go from socket to socket inside the kernel.
public struct Pipe: BitwiseCopyable, Sendable {
    let reader: FileDescriptor
    let writer: FileDescriptor
    /// Bytes that lie in it.
    public private(set) var count = 0

    /// Takes what a socket has, up to a limit, as long as the pipe has room.
    ///
    /// ``IOResult/wouldBlock`` means that the socket is empty or the pipe is full.
    public mutating func fill(from fd: FileDescriptor, upTo limit: Int) -> IOResult {
        let result = IOResult(mt_splice(fd.raw, writer.raw, limit), zeroIsEnd: true)
        if case .count(let moved) = result { count &+= moved }
        return result
    }

    /// Hands what lies in it to a socket, as much as that takes.
    public mutating func drain(to fd: FileDescriptor) -> IOResult {
        let result = IOResult(mt_splice(reader.raw, fd.raw, count), zeroIsEnd: false)
        if case .count(let moved) = result { count &-= moved }
        return result
    }

    func close() {
        reader.close()
        writer.close()
    }
}

/// Pipes of one thread, opened when they are needed and kept for a while.
public struct PipePool: ~Copyable {
    /// The most pipes that are open at a time, each of which takes two descriptors.
    public let limit: Int
    private var free: [Pipe] = []
    private var open = 0
    /// The fewest that were free since the last ``trim()``.
    private var lowest = 0

    /// A pool without pipes.
    public init(limit: Int) { self.limit = limit }

    /// An empty pipe; nil at the limit, or when the process may open no more files.
    public mutating func take() -> Pipe? {
        if let pipe = free.popLast() {
            lowest = min(lowest, free.count)
            return pipe
        }
        guard open < limit else { return nil }
        var ends: [2 of Int32] = [-1, -1]
        var span = ends.mutableSpan
        let result = unsafe span.withUnsafeMutableBufferPointer { unsafe mt_pipe($0.baseAddress) }
        guard result >= 0 else { return nil }
        open += 1
        lowest = 0
        return Pipe(reader: FileDescriptor(raw: ends[0]), writer: FileDescriptor(raw: ends[1]))
    }

    /// Takes a pipe back; one with bytes in it is closed, since they are somebody's.
    public mutating func give(_ pipe: Pipe) {
        guard pipe.count == 0 else {
            pipe.close()
            open -= 1
            return
        }
        free.append(pipe)
    }

    /// Closes the pipes that were not needed since the last call.
    public mutating func trim() {
        for _ in 0..<min(lowest, free.count) {
            free.removeLast().close()
            open -= 1
        }
        lowest = free.count
    }
}
