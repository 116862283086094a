// SPDX-License-Identifier: Apache-2.0
internal import Essentials
public import Runtime

/// One listening socket of this worker.
struct ListenerState: BitwiseCopyable {
    var fd: FileDescriptor
    /// The listener's number in the plan; -1 once closed.
    var number: Int32
    var isPaused = false
    /// The last turn found more than one connection: worth asking until the queue is empty.
    var isBusy = false
}

extension HTTPDoor {
    /// Connections taken per turn, so that a flood of them cannot starve those that are open.
    static let acceptBatch = 16

    /// Begins to accept on a listening socket, which this door now owns.
    public mutating func open(
        listener fd: FileDescriptor,
        number: Int,
        loop: inout EventLoop
    ) {
        // A number that the plan does not have would stand for no policy at all.
        guard listenerRecords.indices.contains(number), number <= Int(UInt16.max) else {
            return fd.close()
        }
        let state = ListenerState(fd: fd, number: Int32(number))
        let place = listeners.firstIndex { $0.number < 0 } ?? listeners.count
        if place == listeners.count { listeners.append(state) } else { listeners[place] = state }
        loop.add(fd, token: token(listener: place), interest: [.read])
        guard !hearsNews else { return }
        hearsNews = true
        let news = EventToken(kind: EventKind.news, index: 0).raw
        loop.add(shared.news[worker].descriptor, token: news, interest: .read)
    }

    /// Closes the sockets of a listener; its connections live on.
    public mutating func closeListener(number: Int, loop: inout EventLoop) {
        for place in listeners.indices where listeners[place].number == Int32(number) {
            acceptWaiting(place, &loop)
            loop.remove(listeners[place].fd)
            listeners[place].fd.close()
            listeners[place].number = -1
        }
    }

    /// Takes every connection that waits already: closing the socket would reset them.
    mutating func acceptWaiting(_ place: Int, _ loop: inout EventLoop) {
        // A backlog (Socket.listen) at most.
        for _ in 0..<4_096 / HTTPDoor.acceptBatch {
            listeners[place].isBusy = true
            accept(place, &loop)
            guard listeners[place].isBusy else { return }
        }
    }

    private func token(listener place: Int) -> UInt64 {
        EventToken(kind: EventKind.listener, index: place).raw
    }

    mutating func accept(_ place: Int, _ loop: inout EventLoop) {
        guard place < listeners.count, listeners[place].number >= 0 else { return }
        // Asking once more than there are connections costs a system call: when the last turn
        // found a single one, the level-triggered loop will say whether another waits.
        let most = listeners[place].isBusy ? HTTPDoor.acceptBatch : 1
        var taken = 0
        while taken < most || (taken == 1 && shouldLookAgain(place)) {
            guard Int(connections.load(0)) < limits.connections, !clients.isFull else {
                count(.pausedAtConnections)
                return pauseAccepting(&loop, for: .milliseconds(50))
            }
            switch Socket.accept(listeners[place].fd) {
            case .connection(let fd, let peer):
                taken += 1
                admit(fd, peer, place, &loop)
            case .wouldBlock:
                listeners[place].isBusy = taken > 1
                return
            case .failed(let error):
                // Gone before it was taken. It counts as a turn, so that no error can spin here.
                taken += 1
                guard error.isShortage else { continue }
                count(.pausedAtFiles)
                return pauseAccepting(&loop, for: .milliseconds(100))
            }
        }
        listeners[place].isBusy = taken > 1
    }

    /// Every sixteenth single connection is followed by a second look, to notice a burst.
    private mutating func shouldLookAgain(_ place: Int) -> Bool {
        random.next() & 15 == 0
    }

    private mutating func admit(
        _ fd: FileDescriptor,
        _ peer: SocketAddress,
        _ place: Int,
        _ loop: inout EventLoop
    ) {
        let number = listeners[place].number
        let client = Client(fd: fd, peer: peer, listener: UInt16(number), limits: limits.head)
        guard let handle = clients.insert(client) else {
            fd.close()
            return
        }
        connections.add(0, 1)
        count(.connectionsAccepted)
        let c = Int(handle.index)
        clients[c].exchange.began = now
        // With the handshake the first request is often there already: read before asking.
        clients[c].canRead = true
        guard listenerRecords[Int(number)].proxyHeader == .off else {
            return awaitProxyHeader(c, &loop)
        }
        welcome(c, &loop)
    }

    /// Registers a client that has to be waited for; short-lived connections never get here.
    mutating func register(_ c: Int, _ loop: inout EventLoop) {
        guard !clients[c].isRegistered else { return }
        clients[c].isRegistered = true
        let token = EventToken(kind: EventKind.client, handle: clients.handle(at: c)).raw
        loop.add(clients[c].fd, token: token, interest: [.read, .write, .edge])
    }

    /// Stops accepting for a while: a listener that is ready but not served would spin.
    private mutating func pauseAccepting(_ loop: inout EventLoop, for time: Interval) {
        for place in listeners.indices where listeners[place].number >= 0 {
            guard !listeners[place].isPaused else { continue }
            listeners[place].isPaused = true
            loop.remove(listeners[place].fd)
        }
        acceptsAgainAt = now + time
    }

    mutating func resumeAccepting(_ loop: inout EventLoop) {
        acceptsAgainAt = .never
        for place in listeners.indices where listeners[place].number >= 0 {
            guard listeners[place].isPaused else { continue }
            listeners[place].isPaused = false
            loop.add(listeners[place].fd, token: token(listener: place), interest: [.read])
        }
    }
}
