// SPDX-License-Identifier: Apache-2.0
public import Configuration
public import Essentials

/// What kind of thing happened: a closed list of stable words.
public enum EventKind: String, Sendable, CaseIterable {
    /// The serving process is up.
    case processStarted = "process-started"
    /// The serving process finishes what it has and ends.
    case processStopping = "process-stopping"
    /// The former serving process crashed or was killed.
    case processRestarted = "process-restarted"
    /// Every probe has given its first verdict; the doors serve.
    case ready
    /// A socket of a door is open.
    case listenerOpened = "listener-opened"
    /// A socket of a door was closed.
    case listenerClosed = "listener-closed"
    /// A socket of a door could not be opened.
    case listenerFailed = "listener-failed"
    /// A new configuration is in force.
    case reloadAdopted = "reload-adopted"
    /// A new configuration had errors; the old one serves on.
    case reloadRefused = "reload-refused"
    /// A probe changed the health of an endpoint.
    case health
    /// An endpoint is down for another reason than before.
    case healthReason = "health-reason"
    /// Someone changed the administrative state of an endpoint.
    case administrative
    /// Someone changed the weight of an endpoint.
    case weight
    /// Someone forces the health of an endpoint, or that is over.
    case forced
    /// An endpoint says that its part in the pool is another one.
    case role
    /// Real requests failed: an endpoint is out for a while.
    case ejected
    /// An ejection is over: a few requests at a time show whether the endpoint works.
    case halfOpen = "half-open"
    /// An endpoint that was ejected takes all requests again.
    case restored
    /// All changes by the API were taken back.
    case overlayDiscarded = "overlay-discarded"
    /// An endpoint's name resolves to other addresses, or to none.
    case resolved
    /// A zone whose file is faulty: its former version is served, or SERVFAIL.
    case zoneFaulty = "zone-faulty"
    /// A change of a zone that serves was kept: by an update, the zone API or an operator.
    case zoneChanged = "zone-changed"
    /// Somebody has taken stored responses out of a cache.
    case cachePurged = "cache-purged"
    /// The disk of a cache is in service, is waited for, or fails.
    case cacheDisk = "cache-disk"
    /// Somebody has put an object into a cache, or taken it out again, or a list of URLs was warmed.
    case cachePushed = "cache-pushed"
    /// A request of the zone API had a wrong key, or none.
    case zoneAPIDenied = "zone-api-denied"
    /// A peer has taken a zone, or may not; a zone has come from a primary, or could not be taken.
    case transfer
    /// Keys of a signed zone stand elsewhere, or something is wrong with them or their parent.
    case keys
    /// New files of a certificate are in force, or cannot be used.
    case certificate
    /// A new content of a file that access to routes depends on is in force, or cannot be used.
    case access
    /// A geographic database is in force, or cannot be used.
    case geography
    /// The weights of a policy change, a rollout or a migration stands elsewhere, or answers flap.
    case steering
    /// A file of measured round trips is in force, or cannot be used.
    case latency
    /// The process that runs the commands of probes has gone, or cannot be started.
    case commands
    /// The collector takes no spans, or takes them again.
    case tracing
    /// Queries are taken at an interface by XDP, or cannot be.
    case packets
    /// A named limit was reached.
    case limit
    /// Log lines were dropped.
    case logDropped = "log-dropped"
    /// A log could not be opened or written.
    case logFailed = "log-failed"
    /// The state folder could not be read or written.
    case stateFailed = "state-failed"
    /// Another program takes over, or has failed to.
    case upgrade
    /// Anything else worth a line.
    case notice
}

/// One thing that happened to the process or to an endpoint.
public struct LogEvent: Sendable, Equatable {
    /// Grows by one per event; 0 until ``EventLog`` has taken it.
    public var sequence: UInt64 = 0
    /// When, in nanoseconds since 1970.
    public var realtime: Int64
    /// How severe it is.
    public var level: LogLevel
    /// What kind it is.
    public var kind: EventKind
    /// A stable error code, such as `M1203`; empty for none.
    public var code = ""
    /// One sentence for people.
    public var message: String
    /// The same as data, in order.
    public var fields: [JSONMember]

    /// An event from its parts.
    public init(
        _ kind: EventKind,
        _ level: LogLevel = .info,
        realtime: Int64,
        _ message: String,
        _ fields: [JSONMember] = []
    ) {
        self.kind = kind
        self.level = level
        self.realtime = realtime
        self.message = message
        self.fields = fields
    }

    /// One line: time, level, kind, code if any, message, then the fields as `name=value`.
    ///
    /// Whatever comes from outside cannot make a second line: control characters are escaped.
    public var line: String {
        var parts = [CivilTime(nanoseconds: realtime).rfc3339, level.rawValue, kind.rawValue]
        if !code.isEmpty { parts.append(code) }
        parts.append(LogEvent.escape(message))
        for field in fields { parts.append("\(field.name)=\(LogEvent.word(field.value))") }
        return parts.joined(separator: " ")
    }

    private static func word(_ value: JSONValue) -> String {
        guard case .string(let text) = value else { return value.text() }
        let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x3d }
        return isPlain && !text.isEmpty ? text : value.text()
    }

    private static func escape(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return text }
        let quoted = JSONValue.string(text).text()
        return String(quoted.dropFirst().dropLast())
    }

    /// The event as the API shows it.
    public func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("sequence")
        writer.write(sequence)
        writer.name("time")
        writer.write(CivilTime(nanoseconds: realtime).rfc3339)
        writer.name("level")
        writer.write(level.rawValue)
        writer.name("kind")
        writer.write(kind.rawValue)
        if !code.isEmpty {
            writer.name("code")
            writer.write(code)
        }
        writer.name("message")
        writer.write(message)
        for field in fields {
            writer.name(field.name)
            writer.write(field.value)
        }
        writer.endObject()
    }
}
