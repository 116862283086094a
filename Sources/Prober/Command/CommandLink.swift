// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// The prober's side of the process that runs commands: it is there while a target needs it.
struct CommandLink: ~Copyable {
    /// The program that is running now, even if its file has been replaced since.
    static let program = "/proc/self/exe"
    /// Such processes at a time, former ones included that have not ended yet.
    private static let limit = 4
    /// What a program finds others by when nobody has said.
    private static let usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The one variable that the process gets, and gives to commands: others may hold secrets.
    static var path: String { ProcessControl.environment("PATH") ?? usualPath }

    var machine = CommandLinkMachine()
    private var descriptor = FileDescriptor.none
    private var process: Int32?
    /// Those that have not been reaped, former ones included.
    private var children: Set<Int32> = []

    deinit { descriptor.close() }

    /// False while so many former processes have not ended that there must not be another one.
    var hasRoom: Bool { children.count < CommandLink.limit }

    /// Starts the process; throws why it cannot be.
    mutating func start(loop: inout EventLoop) throws(SystemError) {
        let (ours, theirs) = try Socket.pair()
        defer { theirs.close() }
        do throws(SystemError) {
            let child = try ProcessControl.spawn(
                CommandLink.program,
                arguments: ["martlet", "commands-internal", String(theirs.raw)],
                environment: ["PATH=\(CommandLink.path)"],
                keep: [theirs]
            )
            process = child
            children.insert(child)
        } catch {
            ours.close()
            throw error
        }
        attach(ours, loop: &loop)
    }

    /// Takes a connection to a process that is there.
    mutating func attach(_ connection: FileDescriptor, loop: inout EventLoop) {
        descriptor = connection
        let token = EventToken(kind: ProbeDriver.commandKind, index: 0)
        loop.add(connection, token: token.raw, interest: .read)
        machine.started()
    }

    /// Lets the process go: it ends what runs, then itself.
    mutating func close() {
        descriptor.close()
        descriptor = .none
    }

    /// Ends the process at once.
    mutating func kill() {
        if let process, children.contains(process) { ProcessControl.signal(9, to: process) }
        close()
    }

    /// Notes that a child has been reaped; true when it was such a process.
    mutating func reaped(_ identifier: Int32) -> Bool { children.remove(identifier) != nil }

    /// Gives an order; false when it cannot be taken now.
    mutating func give(_ order: CommandOrder, now: Instant) -> Bool {
        guard !descriptor.isNone, case .count = Socket.send(descriptor, order.message.span) else {
            return false
        }
        if case .stop = order { return true }
        machine.asked(now: now)
        return true
    }

    /// The next message: nil when there is none now, or when the process has gone.
    mutating func receive(now: Instant) -> (news: CommandNews?, isLost: Bool) {
        guard !descriptor.isNone else { return (nil, false) }
        var result = IOResult.wouldBlock
        let bytes = [UInt8](capacity: CommandWire.messageLimit) { output in
            result = Socket.receive(descriptor, into: &output)
        }
        switch result {
        case .wouldBlock: return (nil, false)
        case .endOfStream, .failed: return (nil, true)
        case .count:
            // Nonsense from our own program means that it is not well.
            guard let news = CommandNews(message: bytes) else { return (nil, true) }
            let isAnswer =
                switch news {
                case .started, .refused, .pong: true
                case .notBegun, .late, .flooded, .ended: false
                }
            machine.heard(isAnswer: isAnswer, now: now)
            return (news, false)
        }
    }
}
