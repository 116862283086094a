// SPDX-License-Identifier: Apache-2.0
internal import DNSServer
internal import HTTPGateway
internal import Runtime

/// What the control thread tells a worker to do, between two batches of events.
enum WorkerCommand: Sendable {
    /// Serve from this snapshot from now on.
    case adopt(ServingSnapshot)
    /// Take connections or queries at these sockets, which are the worker's from now on.
    case open([WorkerSocket])
    /// Take what waits at these sockets, then close them.
    case close([WorkerPlace], order: UInt64)
    /// Close connections to the endpoint with this slot.
    case closeConnections(slot: Int, ConnectionClosing)
    /// Take queries of a listener at a queue of an interface, which is the worker's from now on.
    case openPackets(number: Int, mtu: Int, PacketQueue)
    /// Take what waits in the queues of a listener, then close them.
    case closePackets(number: Int)
    /// Send these answers to updates.
    case answerUpdates([UpdateDesk.Reply])
    /// Close all sockets, finish what there is, and end.
    case stop(Farewell)
}

/// A place of a door, by the number that connections remember.
struct WorkerPlace: Sendable, Hashable {
    var door: DoorKind
    var number: Int
}

/// A socket for a worker.
struct WorkerSocket: Sendable {
    var place: WorkerPlace
    var isStream: Bool
    var descriptor: FileDescriptor
}

/// The mailboxes of all workers.
struct WorkerGroup: Sendable {
    let mailboxes: [Mailbox<WorkerCommand>]
    let words: WorkerWords

    init(count: Int) throws(SystemError) {
        var mailboxes: [Mailbox<WorkerCommand>] = []
        for _ in 0..<count { mailboxes.append(try Mailbox()) }
        self.mailboxes = mailboxes
        words = WorkerWords(count: count)
    }

    /// Tells every worker the same.
    func post(_ command: WorkerCommand) {
        for mailbox in mailboxes { mailbox.post(command) }
    }

    /// Hands each worker its own sockets.
    func open(_ sockets: [OpenSocket], numbers: (SocketKey) -> Int?) {
        for (worker, mailbox) in mailboxes.enumerated() {
            let own = sockets.filter { $0.worker == worker }.compactMap { socket in
                numbers(socket.key).map {
                    WorkerSocket(
                        place: WorkerPlace(door: socket.key.door, number: $0),
                        isStream: socket.isStream,
                        descriptor: socket.descriptor
                    )
                }
            }
            if !own.isEmpty { mailbox.post(.open(own)) }
        }
    }
}
