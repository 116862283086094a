// SPDX-License-Identifier: Apache-2.0
internal import Runtime

/// Where the datagrams of a batch come from, and their answers go.
enum DatagramSource {
    /// A socket, by the kernel's network stack.
    case socket(FileDescriptor)
    /// A queue of an interface, by its place among those of the door.
    case queue(Int)
}

/// One batch serves both: what answers it is the same code, and is compiled once.
extension DNSDoor {
    /// How much was taken; nil for nothing.
    @inline(__always)
    mutating func take(from source: DatagramSource) -> Int? {
        switch source {
        case .socket(let socket):
            guard case .count(let count) = batch.receive(socket) else { return nil }
            return count
        case .queue(let place): return takePackets(place)
        }
    }

    /// How many of the batch's answers were taken; nil when that is not known.
    @inline(__always)
    mutating func send(to source: DatagramSource, _ number: Int) -> Int? {
        switch source {
        case .socket(let socket):
            let result = batch.send(socket, &listeners[number].bundleLimit)
            guard case .count(let count) = result else { return nil }
            return count
        case .queue(let place): return sendPackets(place)
        }
    }
}
