// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// Events that others can cause without end.
extension Plane {
    /// Writes an event to the log, unless there have been many of its cause a moment ago.
    mutating func note(
        repeated cause: RepeatedLines.Cause,
        _ kind: EventKind,
        _ level: LogLevel,
        _ message: String,
        _ fields: [JSONMember] = []
    ) {
        guard repeatedLines.lets(cause, at: Clock.monotonic()) else { return }
        note(kind, level, message, fields)
    }

    /// Tells how many events were left out.
    mutating func followRepeatedLines(_ now: Instant) {
        for (cause, count) in repeatedLines.takeLeftOut(at: now) {
            note(
                .limit,
                cause.isExpected ? .info : .warning,
                "the log says nothing of \(count) further \(cause.rawValue) in a minute",
                [
                    JSONMember("cause", .string("\(cause)")),
                    JSONMember("count", .integer(Int64(clamping: count))),
                ]
            )
        }
    }
}
