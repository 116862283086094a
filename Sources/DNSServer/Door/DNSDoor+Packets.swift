// SPDX-License-Identifier: Apache-2.0
internal import Essentials
public import Runtime

/// A queue of an interface that a door takes queries from.
final class PacketDoor {
    /// The listener whose queries they are.
    let listener: Int
    var batch: PacketBatch
    /// Looked at each turn, and not reported by the loop.
    var isPolled = false

    init(listener: Int, _ queue: PacketQueue, mtu: Int) throws(SystemError) {
        self.listener = listener
        batch = try PacketBatch(queue, mtu: mtu)
    }
}

/// Queries that come by queues of interfaces (AF_XDP), past the kernel's network stack.
///
/// They are those of a listener, and everything about them is as if they had come by its UDP
/// socket, which stays open for all that the queues do not take.
extension DNSDoor {
    /// Takes queries at a queue, which is the door's from now on; `mtu` is that of its interface.
    public mutating func open(
        packets queue: PacketQueue,
        mtu: Int,
        number: Int,
        loop: inout EventLoop
    ) {
        let door: PacketDoor
        do throws(SystemError) {
            guard !isShuttingDown else { throw SystemError.invalid }
            door = try PacketDoor(listener: number, queue, mtu: mtu)
        } catch {
            for fd in [queue.socket, queue.memory] { fd.close() }
            return shared.packets[worker % shared.packets.count].addOwned(
                PacketCounter.failed.rawValue,
                1
            )
        }
        let place = packetDoors.firstIndex { $0 == nil } ?? packetDoors.count
        if place == packetDoors.count { packetDoors.append(nil) }
        packetDoors[place] = door
        let token = EventToken(kind: DNSEventKind.packets, index: place)
        loop.add(door.batch.descriptor, token: token.raw, interest: .read)
    }

    /// Answers what waits in the queues of a listener and closes them; its sockets stay.
    public mutating func closePackets(number: Int, loop: inout EventLoop) {
        for place in packetDoors.indices {
            guard let door = packetDoors[place], door.listener == number else { continue }
            // Nothing comes any more: these turns take all that a ring holds, and more.
            for _ in 0..<8 where receivePackets(place) > 0 {}
            close(door, place, loop)
        }
    }

    private mutating func close(_ door: PacketDoor, _ place: Int, _ loop: borrowing EventLoop) {
        door.batch.countLost()
        let counts = door.batch.takeCounts()
        shared.packets[worker % shared.packets.count].addOwned(counts)
        loop.remove(door.batch.descriptor)
        if door.isPolled { polledPackets -= 1 }
        packetDoors[place] = nil
    }

    mutating func pollPackets(_ loop: inout EventLoop) {
        for place in packetDoors.indices {
            guard let door = packetDoors[place], door.isPolled else { continue }
            let received = receivePackets(place)
            watch(door, place, received, loop)
        }
    }

    mutating func handlePackets(_ place: Int, _ event: Event, _ loop: inout EventLoop) {
        guard packetDoors.indices.contains(place), let door = packetDoors[place] else { return }
        // The interface has gone: what it was asked comes by sockets, if at all.
        if event.isError {
            shared.packets[worker % shared.packets.count].addOwned(
                PacketCounter.failed.rawValue,
                1
            )
            return close(door, place, loop)
        }
        let received = receivePackets(place)
        watch(door, place, received, loop)
    }

    // As with sockets: what always has something to read is not watched.
    private mutating func watch(
        _ door: PacketDoor,
        _ place: Int,
        _ received: Int,
        _ loop: borrowing EventLoop
    ) {
        let isBusy = received >= DNSDoor.busyCount || door.batch.hasUnsent
        if door.isPolled, received == 0, !isBusy {
            let token = EventToken(kind: DNSEventKind.packets, index: place)
            let socket = door.batch.descriptor
            guard loop.add(socket, token: token.raw, interest: .read) else { return }
            door.isPolled = false
            polledPackets -= 1
        } else if !door.isPolled, isBusy {
            loop.remove(door.batch.descriptor)
            door.isPolled = true
            polledPackets += 1
        }
    }

    /// Answers what has come; the number of frames.
    private mutating func receivePackets(_ place: Int) -> Int {
        guard let door = packetDoors[place] else { return 0 }
        let received = answerDatagrams(
            of: .queue(place),
            door.listener,
            // What fits no packet of the interface is asked for again by TCP.
            limit: UInt16(clamping: door.batch.outputSize)
        )
        if received >= DNSDoor.batchSize { door.batch.countLost() }
        shared.packets[worker % shared.packets.count].addOwned(door.batch.takeCounts())
        return received
    }

    /// Frames that became the door's batch, or none of its datagrams; nil for nothing.
    mutating func takePackets(_ place: Int) -> Int? {
        guard let door = packetDoors[place] else { return nil }
        let frames = door.batch.receive(into: &batch)
        return frames > 0 ? frames : nil
    }

    /// Answers of the door's batch that have found a frame.
    mutating func sendPackets(_ place: Int) -> Int? {
        guard let door = packetDoors[place] else { return nil }
        return door.batch.send(from: &batch)
    }
}
