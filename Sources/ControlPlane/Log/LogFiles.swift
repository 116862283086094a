// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// The open files of the logs, and what has been said about them; lives on the log thread.
struct LogFiles {
    private struct Stream {
        var stream: LogStream
        var fd: FileDescriptor
        var dropped: UInt64
        var isFailing = false
    }

    private var streams: [Stream] = []
    private let report: @Sendable (LogEvent) -> Void
    private var saidDropped = Instant.start

    init(report: @escaping @Sendable (LogEvent) -> Void) { self.report = report }

    mutating func setStreams(_ wanted: [LogStream]) {
        let old = streams
        streams = wanted.map { stream in
            let known = old.first { $0.stream.name == stream.name }
            let dropped = known?.dropped ?? 0
            if let known, known.stream.output == stream.output, !known.fd.isNone {
                return Stream(stream: stream, fd: known.fd, dropped: dropped)
            }
            return Stream(stream: stream, fd: open(stream), dropped: dropped)
        }
        let kept = streams.map(\.fd)
        for stream in old where !kept.contains(stream.fd) { closeFile(stream.fd) }
    }

    mutating func reopen() {
        for index in streams.indices {
            guard case .file = streams[index].stream.output else { continue }
            let fd = open(streams[index].stream)
            // While the new file cannot be opened, the old one is better than none.
            guard !fd.isNone else { continue }
            closeFile(streams[index].fd)
            streams[index].fd = fd
        }
    }

    private func open(_ stream: LogStream) -> FileDescriptor {
        switch stream.output {
        case .off: return .none
        case .stdout: return FileDescriptor(raw: 1)
        case .stderr: return FileDescriptor(raw: 2)
        case .file(let path):
            do {
                return try File.openForAppending(path)
            } catch {
                let whose = error == .accessDenied ? " by the account that serves" : ""
                say(
                    .logFailed,
                    .error,
                    "the \(stream.name) log \(path) cannot be opened\(whose): \(error)"
                )
                // Events are too important to be lost with their file.
                return stream.name == "events" ? FileDescriptor(raw: 2) : .none
            }
        }
    }

    private func closeFile(_ fd: FileDescriptor) { if fd.raw > 2 { fd.close() } }

    mutating func drain() {
        for index in streams.indices {
            var isMore = true
            while isMore {
                isMore = streams[index].stream.source?.fill() ?? false
                for ring in streams[index].stream.rings { drain(ring, index) }
                // What cannot be written now waits for the next time.
                if streams[index].isFailing { break }
            }
        }
        sayDropped()
    }

    private mutating func drain(_ ring: ByteRing, _ index: Int) {
        guard !streams[index].fd.isNone else {
            // Lines for a file that cannot be opened are lost, as those for a full ring are.
            ring.discard()
            return
        }
        // What waits now ends where a record ends, so lines of several rings never mix.
        var rest = ring.waiting
        do {
            while rest > 0 { rest -= try ring.drain(to: streams[index].fd, limit: rest) }
            streams[index].isFailing = false
        } catch {
            guard !streams[index].isFailing else { return }
            streams[index].isFailing = true
            let name = streams[index].stream.name
            say(.logFailed, .error, "the \(name) log cannot be written: \(error)")
        }
    }

    private mutating func sayDropped() {
        let now = Clock.monotonic()
        guard (now - saidDropped).seconds >= 1 else { return }
        saidDropped = now
        for index in streams.indices {
            let total = streams[index].stream.dropped
            // Rings are replaced when the number of workers changes; then counting begins anew.
            let before = total < streams[index].dropped ? 0 : streams[index].dropped
            streams[index].dropped = total
            guard total > before else { continue }
            let name = streams[index].stream.name
            let fields: [JSONMember] = [
                JSONMember("log", .string(name)),
                JSONMember("lines", .integer(Int64(clamping: total - before))),
            ]
            say(.logDropped, .warning, "\(total - before) lines of the \(name) log dropped", fields)
        }
    }

    private func say(
        _ kind: EventKind,
        _ level: LogLevel,
        _ message: String,
        _ fields: [JSONMember] = []
    ) {
        report(LogEvent(kind, level, realtime: Clock.realtime(), message, fields))
    }

    mutating func close() {
        drain()
        for stream in streams { closeFile(stream.fd) }
        streams = []
    }
}
