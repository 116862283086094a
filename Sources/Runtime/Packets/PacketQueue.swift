// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// The socket of one queue of an interface, and the memory that its frames are in.
///
/// ```text
/// memory:  | frames to receive into ...            | frames to send from ...              |
///          0                                       4096                                  8192
/// ```
///
/// Frames to receive into go round: ring of free ones, kernel, ring of received ones, back. Frames
/// to send from: stack of free ones, ring of those to be sent, kernel, ring of those that were.
public struct PacketQueue: Sendable, Equatable {
    /// The queue's number.
    public var number: Int
    /// The socket.
    public var socket: FileDescriptor
    /// The memory.
    public var memory: FileDescriptor

    /// Joins the parts.
    public init(number: Int, socket: FileDescriptor, memory: FileDescriptor) {
        self.number = number
        self.socket = socket
        self.memory = memory
    }

    /// Octets of a frame: the least that every driver takes, and more than an Ethernet frame has.
    static let frameSize = 2048
    /// Frames of each kind, and places of each ring: a burst of so many waits for a busy worker,
    /// which is about what a socket's buffer holds (``Socket/bindDatagram(_:reusePort:)``).
    static let frameCount = 4096
    static var memorySize: Int { frameSize * frameCount * 2 }

    /// Makes a socket whose ring of free frames is full, and gives it the queue.
    static func open(
        number: Int,
        interface: Int32,
        copies: Bool
    ) throws(PacketRefusal) -> PacketQueue {
        let opened = mt_xsk_open()
        let socket = FileDescriptor(raw: Int32(try PacketPort.step(.socket, opened)))
        var memory = FileDescriptor.none
        do throws(PacketRefusal) {
            memory = try shareMemory(socket)
            let size = UInt32(frameCount)
            let rings = [
                XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING, XDP_TX_RING,
            ]
            for ring in rings {
                _ = try PacketPort.step(.socket, mt_xsk_ring(socket.raw, ring, size))
            }
            try fill(socket)
            let flags = XDP_USE_NEED_WAKEUP | (copies ? XDP_COPY : 0)
            _ = try PacketPort.step(
                .socket,
                mt_xsk_bind(socket.raw, interface, Int32(number), Int32(flags))
            )
            return PacketQueue(number: number, socket: socket, memory: memory)
        } catch {
            socket.close()
            memory.close()
            throw error
        }
    }

    private static func shareMemory(
        _ socket: FileDescriptor
    ) throws(PacketRefusal) -> FileDescriptor {
        let memory: FileDescriptor
        let mapping: SharedMemory
        do throws(SystemError) {
            memory = try File.openMemory("martlet-packets", size: memorySize)
        } catch {
            throw PacketRefusal(.socket, error)
        }
        do throws(SystemError) {
            mapping = try SharedMemory(memory, count: memorySize)
        } catch {
            memory.close()
            throw PacketRefusal(.socket, error)
        }
        // The kernel holds the pages themselves: this process's mapping of them may go.
        let result = unsafe mt_xsk_memory(
            socket.raw,
            mapping.base,
            UInt64(memorySize),
            UInt32(frameSize)
        )
        withExtendedLifetime(mapping) {}
        do throws(PacketRefusal) {
            _ = try PacketPort.step(.socket, result)
        } catch {
            memory.close()
            throw error
        }
        return memory
    }

    /// Frames may come before the worker that takes them knows of the socket.
    private static func fill(_ socket: FileDescriptor) throws(PacketRefusal) {
        do throws(SystemError) {
            var ring = try PacketRing(socket, .fill)
            for frame in 0..<frameCount { ring.put(UInt64(frame * frameSize)) }
            ring.publish()
            ring.unmap()
        } catch {
            throw PacketRefusal(.socket, error)
        }
    }
}
