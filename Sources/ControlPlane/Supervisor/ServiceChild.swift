// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// A serving process as the supervisor holds it: its number and the connection to it.
final class ServiceChild {
    /// The program that is running now, even if its file has been replaced since.
    static let sameProgram = "/proc/self/exe"

    let identifier: Int32
    let link: FileDescriptor
    /// When it is killed for not going by itself.
    var killAt = Instant.never

    /// Starts a program as a serving process.
    init(program: String) throws(SystemError) {
        let (ours, theirs) = try Socket.pair()
        defer { theirs.close() }
        do throws(SystemError) {
            identifier = try ProcessControl.spawn(
                program,
                arguments: ["martlet", "serve-internal", String(theirs.raw)],
                keep: [theirs]
            )
            link = ours
        } catch {
            ours.close()
            throw error
        }
    }

    /// Goes on with one that a former supervisor of this number has started.
    init(identifier: Int32, link: FileDescriptor) {
        self.identifier = identifier
        self.link = link
    }

    deinit { link.close() }

    /// Gives an order; a process that has just died misses it.
    func order(_ order: LinkOrder) {
        try? LinkWire.send(link, ["order": .string(order.rawValue)])
    }

    /// The next request; nil when the process has closed its side or speaks nonsense.
    func receive() -> LinkRequest? {
        guard let message = LinkWire.receive(link) else { return nil }
        for fd in message.descriptors { fd.close() }
        return LinkRequest(json: message.json)
    }

    /// Answers a request; false when nobody is there any more.
    func answer(_ reply: LinkReply) -> Bool {
        defer { if reply.givesAway { for fd in reply.descriptors { fd.close() } } }
        return (try? LinkWire.send(link, reply: reply)) != nil
    }
}
