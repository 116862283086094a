// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// What the serving process asks of whoever keeps the sockets; each gets one answer.
enum LinkRequest: Sendable, Equatable {
    /// All that a fresh process needs to begin.
    case setup
    /// The configuration file as it is now.
    case configuration
    /// Sockets for these places, which must stand in the configuration handed out last.
    case open([SocketKey])
    /// The configuration handed out last is in force; other places may be closed.
    case adopted(generation: UInt64, [SocketKey])
    /// Log files of the configuration in force, so that this account can open them.
    case logs
    /// The doors serve; with the ``Handover/format`` that the program reads.
    case serving(handover: Int)
    /// Another program is to take over.
    case upgrade
    /// All that the one who takes over needs is saved.
    case prepared
    /// Why the latest upgrade failed.
    case upgradeProblem
    /// A file of a certificate or key that the configuration names.
    case file(String)
    /// A geographic database that the configuration names, as a descriptor.
    case database(String)
    /// A number for each file of certificates from this place on: another one after each change.
    case stamps(from: Int)
    /// The queues of the interface that a listener of the configuration in force has.
    case packets(SocketKey)

    var json: JSONValue {
        switch self {
        case .setup: ["ask": "setup"]
        case .configuration: ["ask": "configuration"]
        case .open(let keys): ["ask": "open", "keys": .array(keys.map(\.json))]
        case .adopted(let generation, let keys):
            [
                "ask": "adopted", "generation": .integer(Int64(clamping: generation)),
                "keys": .array(keys.map(\.json)),
            ]
        case .logs: ["ask": "logs"]
        case .serving(let handover): ["ask": "serving", "handover": .integer(Int64(handover))]
        case .upgrade: ["ask": "upgrade"]
        case .prepared: ["ask": "prepared"]
        case .upgradeProblem: ["ask": "upgrade-problem"]
        case .file(let path): ["ask": "file", "path": .string(path)]
        case .database(let path): ["ask": "database", "path": .string(path)]
        case .stamps(let place): ["ask": "stamps", "from": .integer(Int64(place))]
        case .packets(let key): ["ask": "packets", "key": key.json]
        }
    }

    init?(json: JSONValue) {
        let keys = (json["keys"]?.elements ?? []).compactMap { SocketKey(json: $0) }
        switch json["ask"]?.string {
        case "setup": self = .setup
        case "configuration": self = .configuration
        case "open": self = .open(keys)
        case "adopted":
            let generation = json["generation"]?.integer ?? 0
            self = .adopted(generation: UInt64(clamping: generation), keys)
        case "logs": self = .logs
        case "serving":
            self = .serving(handover: Int(clamping: json["handover"]?.integer ?? 0))
        case "upgrade": self = .upgrade
        case "prepared": self = .prepared
        case "upgrade-problem": self = .upgradeProblem
        case "file":
            guard let path = json["path"]?.string else { return nil }
            self = .file(path)
        case "database":
            guard let path = json["path"]?.string else { return nil }
            self = .database(path)
        case "stamps":
            guard let place = json["from"]?.integer.flatMap({ Int(exactly: $0) }), place >= 0
            else { return nil }
            self = .stamps(from: place)
        case "packets":
            guard let key = json["key"].flatMap({ SocketKey(json: $0) }) else { return nil }
            self = .packets(key)
        default: return nil
        }
    }
}

/// What the supervisor tells the serving process to do, unasked.
enum LinkOrder: String, Sendable, CaseIterable {
    /// Finish what there is, then exit.
    case stop
    /// Exit now.
    case stopNow = "stop-now"
    /// Read the configuration again.
    case reload
    /// Open the log files again.
    case reopenLogs = "reopen-logs"
    /// Save what another program needs to take over, and change nothing any more.
    case upgrade
    /// None has taken over: go on as before.
    case upgradeFailed = "upgrade-failed"
    /// Another program serves: finish what there is, then exit.
    case retire
}

/// An answer with the descriptors that belong to it.
struct LinkReply: Sendable {
    var json: JSONValue
    var descriptors: [FileDescriptor] = []
    /// True when the sender has no use for the descriptors once they are sent.
    var givesAway = false
}

/// One side of the connection between supervisor and serving process.
///
/// Messages are JSON texts that keep their borders; an answer with many descriptors comes in
/// pieces, because the kernel takes a limited number with one message.
enum LinkWire {
    static let descriptorsPerMessage = 64
    static let limits = JSONLimits(bytes: 1 << 16, depth: 16, values: 20_000)

    static func send(_ fd: FileDescriptor, _ json: JSONValue) throws(SystemError) {
        try Socket.send(fd, message: Array(json.text().utf8), descriptors: [])
    }

    /// Sends an answer: the document in the last piece, descriptors in as many as it takes.
    static func send(_ fd: FileDescriptor, reply: LinkReply) throws(SystemError) {
        var rest = reply.descriptors[...]
        while rest.count > descriptorsPerMessage {
            let piece = Array(rest.prefix(descriptorsPerMessage))
            let more = Array(JSONValue.object([JSONMember("more", true)]).text().utf8)
            try Socket.send(fd, message: more, descriptors: piece)
            rest = rest.dropFirst(descriptorsPerMessage)
        }
        let document: JSONValue = ["answer": reply.json]
        try Socket.send(fd, message: Array(document.text().utf8), descriptors: Array(rest))
    }

    /// The next message; nil when the other side has gone or speaks nonsense.
    static func receive(_ fd: FileDescriptor) -> LinkReply? {
        guard let (bytes, descriptors) = try? Socket.receiveMessage(fd), !bytes.isEmpty,
            let json = try? JSONReader.read(bytes, limits: limits)
        else { return nil }
        return LinkReply(json: json, descriptors: descriptors)
    }
}
