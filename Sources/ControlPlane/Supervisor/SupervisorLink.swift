// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// What a fresh serving process is given.
struct ServiceSetup {
    /// The path of the configuration file, for messages.
    var path: String
    /// The configuration that is, or is to be, in force.
    var text: [UInt8]
    var workers: Int
    var stateFolder: String?
    var account: Account?
    /// The configuration's generation; zero before the first.
    var generation: UInt64
    var restarts: Int
    /// When the service as a whole started, in nanoseconds since 1970.
    var startedAt: Int64
    /// The supervisor's number; nil without one.
    var supervisor: Int32?
    /// How former serving processes ended, unreported so far.
    var ends: [String]
    /// The requests that workers began last; nil without memory for it.
    var ring: SharedMemory?
    /// The limit of open files.
    var fileLimit = 1024
    /// True when another process serves until this one does.
    var isTakeover = false
    /// Upgrades of this service so far, this process's own included.
    var upgrades = 0
    /// Where the program is that an upgrade starts; nil when nobody has said.
    var program: String?
}

/// The serving process's way to whoever keeps the sockets: a supervisor, or this process itself.
///
/// A question blocks until it is answered; orders that arrive meanwhile wait in ``orders``.
struct SupervisorLink: ~Copyable {
    private enum Peer {
        case process(FileDescriptor)
        case local(ServiceKeeper)
    }

    private let peer: Peer
    private var orders: [LinkOrder] = []
    /// True once the supervisor has gone.
    private(set) var isLost = false

    init(_ descriptor: FileDescriptor) { peer = .process(descriptor) }
    init(_ keeper: ServiceKeeper) { peer = .local(keeper) }

    /// Becomes readable when an order arrives; none without a supervisor.
    var descriptor: FileDescriptor {
        guard case .process(let fd) = peer else { return .none }
        return fd
    }

    /// Takes the orders that have arrived; to be called when ``descriptor`` is readable.
    mutating func receiveOrders(isReadable: Bool) -> [LinkOrder] {
        if isReadable, !isLost {
            if let message = LinkWire.receive(descriptor) { take(message) } else { isLost = true }
        }
        defer { orders = [] }
        return orders
    }

    mutating func setup() -> ServiceSetup? {
        guard let reply = ask(.setup), reply.descriptors.count == 2 else { return nil }
        let json = reply.json
        defer { for fd in reply.descriptors { fd.close() } }
        guard let path = json["path"]?.string, let size = integer(json["size"]),
            let workers = integer(json["workers"]), let ringSize = integer(json["ring"]),
            let text = try? ConfigurationImage.text(reply.descriptors[0], size: size)
        else { return nil }
        var setup = ServiceSetup(
            path: path,
            text: text,
            workers: workers,
            stateFolder: json["state"]?.string,
            account: account(json),
            generation: UInt64(clamping: json["generation"]?.integer ?? 0),
            restarts: integer(json["restarts"]) ?? 0,
            startedAt: json["startedAt"]?.integer ?? 0,
            supervisor: supervisorIdentifier(json),
            ends: (json["ends"]?.elements ?? []).compactMap(\.string),
            ring: try? SharedMemory(reply.descriptors[1], count: ringSize)
        )
        setup.isTakeover = json["takeover"]?.bool == true
        setup.upgrades = integer(json["upgrades"]) ?? 0
        setup.program = json["program"]?.string
        return setup
    }

    /// Asks for an upgrade; returns why there will be none.
    mutating func upgrade() -> String? {
        guard let reply = ask(.upgrade) else { return "the supervisor has gone" }
        return reply.json["error"]?.string
    }

    /// Why the latest upgrade failed.
    mutating func upgradeProblem() -> String {
        ask(.upgradeProblem)?.json["problem"]?.string ?? "for no known reason"
    }

    /// The text of the configuration file as it is now.
    mutating func freshConfiguration() throws(ReloadProblem) -> [UInt8] {
        guard let reply = ask(.configuration) else { throw lost() }
        defer { for fd in reply.descriptors { fd.close() } }
        guard let fd = reply.descriptors.first, let size = integer(reply.json["size"]),
            let text = try? ConfigurationImage.text(fd, size: size)
        else {
            let cause = reply.json["error"]?.string ?? "no answer"
            throw .start(
                "M3110",
                "the configuration cannot be read: \(cause)",
                "see that it exists"
            )
        }
        return text
    }

    /// Sockets for all the places; the caller owns them.
    mutating func open(_ keys: [SocketKey]) throws(ReloadProblem) -> [OpenSocket] {
        guard let reply = ask(.open(keys)) else { throw lost() }
        if let problem = reply.json["problem"] {
            let code = problem["code"]?.string ?? "M3104"
            throw ReloadProblem(code: code, text: reply.json["text"]?.string ?? code, json: problem)
        }
        let described = reply.json["sockets"]?.elements ?? []
        let sockets = zip(described, reply.descriptors).compactMap { json, fd in
            OpenSocket(json: json, descriptor: fd)
        }
        guard described.count == reply.descriptors.count, sockets.count == described.count else {
            for fd in reply.descriptors { fd.close() }
            let cause = reply.json["error"]?.string ?? "a malformed answer"
            throw .start(
                "M3111",
                "the supervisor gives no sockets: \(cause)",
                "try the reload again"
            )
        }
        return sockets
    }

    /// A file of a certificate or key, read by whoever may.
    mutating func file(_ path: String) throws(CertificateFiles.Unreadable) -> [UInt8] {
        guard let reply = ask(.file(path)) else { throw .init(reason: "the supervisor has gone") }
        defer { for fd in reply.descriptors { fd.close() } }
        guard let fd = reply.descriptors.first, let size = integer(reply.json["size"]),
            let bytes = try? ConfigurationImage.text(fd, size: size)
        else { throw .init(reason: reply.json["error"]?.string ?? "no answer") }
        return bytes
    }

    /// A geographic database, opened by whoever may: it is too large to be handed over as a copy.
    mutating func database(_ path: String) -> Geography.Opened {
        guard var reply = ask(.database(path)) else {
            return .failed(path: path, reason: "the supervisor has gone")
        }
        guard let fd = reply.descriptors.popLast() else {
            return .failed(path: path, reason: reply.json["error"]?.string ?? "no answer")
        }
        for other in reply.descriptors { other.close() }
        let stamp = reply.json["stamp"]?.integer ?? 0
        return .file(GeographyFile(path: path, descriptor: fd, stamp: stamp))
    }

    /// A number for each file of the configuration's certificates, in its order.
    mutating func stamps(count: Int) -> [Int64] {
        var stamps: [Int64] = []
        while stamps.count < count {
            guard let reply = ask(.stamps(from: stamps.count)),
                let more = reply.json["stamps"]?.elements, !more.isEmpty
            else { break }
            stamps += more.map { $0.integer ?? 0 }
        }
        return stamps
    }

    mutating func tell(_ request: LinkRequest) { _ = ask(request) }

    private func integer(_ json: JSONValue?) -> Int? { json?.integer.flatMap { Int(exactly: $0) } }

    private func account(_ json: JSONValue) -> Account? {
        guard let name = json["account"]?.string,
            let user = json["user"]?.integer.flatMap({ UInt32(exactly: $0) }),
            let group = json["group"]?.integer.flatMap({ UInt32(exactly: $0) })
        else { return nil }
        return Account(name: name, user: user, group: group)
    }

    private func supervisorIdentifier(_ json: JSONValue) -> Int32? {
        guard case .process = peer else { return nil }
        return json["supervisor"]?.integer.flatMap { Int32(exactly: $0) }
    }

    private func lost() -> ReloadProblem {
        .start("M3112", "the supervisor has gone", "start the service again")
    }

    mutating func ask(_ request: LinkRequest) -> LinkReply? {
        switch peer {
        case .local(let keeper):
            var reply = keeper.answer(request)
            // Closing a socket here must not close the kept one.
            if !reply.givesAway { reply.descriptors = reply.descriptors.map { $0.duplicate() } }
            return reply
        case .process(let fd):
            guard !isLost, (try? LinkWire.send(fd, request.json)) != nil else { return nil }
            var descriptors: [FileDescriptor] = []
            while let message = LinkWire.receive(fd) {
                descriptors += message.descriptors
                if let answer = message.json["answer"] {
                    return LinkReply(json: answer, descriptors: descriptors)
                }
                take(message)
            }
            isLost = true
            for fd in descriptors { fd.close() }
            return nil
        }
    }

    private mutating func take(_ message: LinkReply) {
        guard let order = message.json["order"]?.string.flatMap(LinkOrder.init(rawValue:)) else {
            return
        }
        orders.append(order)
    }
}
