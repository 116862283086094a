// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// The serving process as the supervisor holds it: its number and the connection to it.
struct ServiceChild: ~Copyable {
    let identifier: Int32
    let link: FileDescriptor

    /// Starts the program that is running now, even if its file has been replaced since.
    init(arguments: [String]) throws(SystemError) {
        let (ours, theirs) = try Socket.pair()
        defer { theirs.close() }
        do throws(SystemError) {
            identifier = try ProcessControl.spawn(
                "/proc/self/exe",
                arguments: ["martlet", "serve-internal", String(theirs.raw)] + arguments,
                keep: [theirs]
            )
            link = ours
        } catch {
            ours.close()
            throw error
        }
    }

    deinit { link.close() }

    /// Gives an order; a process that has just died misses it.
    func order(_ order: LinkOrder) {
        try? LinkWire.send(link, ["order": .string(order.rawValue)])
    }

    /// Answers one request; false when the process has closed its side or speaks nonsense.
    func serve(_ keeper: ServiceKeeper) -> Bool {
        guard let message = LinkWire.receive(link), let request = LinkRequest(json: message.json)
        else { return false }
        for fd in message.descriptors { fd.close() }
        let reply = keeper.answer(request)
        defer { if reply.givesAway { for fd in reply.descriptors { fd.close() } } }
        return (try? LinkWire.send(link, reply: reply)) != nil
    }
}
