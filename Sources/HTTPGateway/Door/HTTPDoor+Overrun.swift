// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Answers whose length nobody told, and that turn out to be more than is kept.
///
/// The fetch stops where the store's room ends. Who began it reads what is there, and then takes over the
/// connection to the endpoint: it gets the rest as it comes, at its own pace. Others have not begun: they
/// wait for the end of what has no length, and go themselves now.
extension HTTPDoor {
    /// There is no room for more of the answer.
    mutating func overrun(_ f: Int, _ loop: inout EventLoop) {
        let place = Int(clients[f].place)
        if !fetches[place].isOverfull {
            fetches[place].isOverfull = true
            refuseLarge(f)
        }
        guard isLed(f) else {
            detachUpstream(f, &loop, keep: false)
            return dropFetch(f)
        }
        // From here on its reader's time counts.
        timers.cancel(f)
    }

    /// True when content of the store waits for the client.
    func hasStored(_ c: Int) -> Bool {
        let handle = clients[c].exchange.upstream
        guard upstreams.contains(handle) else { return false }
        let u = Int(handle.index)
        return upstreams[u].kind == .stored && upstreams[u].canRead
    }

    /// True while who began the fetch reads what it stores.
    private func isLed(_ f: Int) -> Bool {
        let state = fetches[Int(clients[f].place)]
        let c = Int(state.leader.index)
        guard clients.contains(state.leader), clients[c].exchange.read >= 0 else { return false }
        let read = reads[Int(clients[c].exchange.read)]
        return read.ref == state.fill && read.fetch == clients.handle(at: f)
    }

    /// True for a reader whose fetch has stopped for want of room.
    func leadsOverfull(_ read: StoredRead) -> Bool {
        guard !read.fetch.isNone, clients.contains(read.fetch) else { return false }
        let f = Int(read.fetch.index)
        return clients[f].kind == .fetch && fetches[Int(clients[f].place)].isOverfull
    }

    /// True for such a reader once it has all that was stored.
    @inline(__always) func isOverrun(_ c: Int) -> Bool {
        let read = reads[Int(clients[c].exchange.read)]
        guard leadsOverfull(read) else { return false }
        let stored = fetches[Int(clients[Int(read.fetch.index)].place)].stored
        // What is compressed waits in the coder's own transfer.
        let coding = Int(clients[c].exchange.coding)
        let source = coding >= 0 ? codings[coding].source : clients[c].exchange.response
        return read.offset >= stored && !source.hasRaw && !source.hasFramed
    }

    /// Takes the connection to the endpoint over from the fetch, and goes on with what it has.
    mutating func takeOver(_ c: Int, _ stored: Int, _ loop: inout EventLoop) {
        let f = Int(reads[Int(clients[c].exchange.read)].fetch.index)
        let handle = clients[f].exchange.upstream
        guard upstreams.contains(handle) else { return abandon(c, .internalError, &loop) }
        let u = Int(handle.index)
        var transfer = clients[f].exchange.response
        let persists = clients[f].exchange.originPersists
        closeUpstream(stored)
        leaveRead(c)
        giveExchange(of: f, to: c, u)
        dropFetch(f)
        clients[c].phase = .relaying
        clients[c].exchange.originPersists = persists
        let coding = Int(clients[c].exchange.coding)
        if coding >= 0 {
            codings[coding].source = transfer
        } else {
            let sink = clients[c].exchange.response.sink
            transfer.turn(to: sink, in: &buffers, block: upstreams[u].input.block)
            clients[c].exchange.response = transfer
        }
        pumpResponse(c, &loop)
    }
}
