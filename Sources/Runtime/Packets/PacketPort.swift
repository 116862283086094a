// SPDX-License-Identifier: Apache-2.0
internal import CLinux
public import Essentials
internal import Glibc

/// Where the program of an interface runs.
public enum PacketMode: String, Sendable, CaseIterable {
    /// In the driver, before the kernel makes anything of the frame.
    case native
    /// In the kernel, once it has.
    case generic
}

/// What is wanted of an interface.
public struct PacketOrder: Sendable, Equatable {
    /// Its name.
    public var interface: String
    /// Where the program is to run; nil for in the driver, or else in the kernel.
    public var mode: PacketMode?
    /// How many of its queues are taken; nil for all.
    public var queues: Int?
    /// Addresses and ports whose datagrams are taken; the unspecified address stands for all that
    /// this machine has now.
    public var places: [SocketAddress]

    /// Joins the parts.
    public init(interface: String, mode: PacketMode?, queues: Int?, places: [SocketAddress]) {
        self.interface = interface
        self.mode = mode
        self.queues = queues
        self.places = places
    }
}

/// Why there are no packets of an interface.
public struct PacketRefusal: Error, Equatable, Sendable {
    /// What was to be done.
    public enum Step: String, Sendable, CaseIterable {
        /// There is no such interface, or it is none of Ethernet.
        case interface
        /// The kernel takes no program of ours.
        case program
        /// Sockets of AF_XDP, their memory, or the queue they are to have.
        case socket
        /// The program cannot be put at the interface.
        case attach
    }

    /// What was to be done.
    public let step: Step
    /// What the kernel said.
    public let error: SystemError

    /// Joins the parts.
    public init(_ step: Step, _ error: SystemError) {
        self.step = step
        self.error = error
    }
}

/// The queues of an interface, each with a socket, and the program that feeds them.
///
/// All of it ends with its descriptors, however the process that holds them ends: the program is
/// held by a link (bpf_link), which goes with its last descriptor. Made by whoever may; used by
/// anyone.
public struct PacketPort: Sendable {
    /// Where the program runs.
    public var mode: PacketMode
    /// True when frames are not copied.
    public var isZeroCopy: Bool
    /// Octets of an IP packet that the interface takes.
    public var mtu: Int
    /// The kernel's number of the interface: another one of the same name has another.
    public var index: Int
    /// Keeps the program at the interface.
    public var link: FileDescriptor
    /// The sockets with their memory.
    public var queues: [PacketQueue]

    /// Joins the parts.
    public init(
        mode: PacketMode,
        isZeroCopy: Bool,
        mtu: Int,
        index: Int,
        link: FileDescriptor,
        queues: [PacketQueue]
    ) {
        self.mode = mode
        self.isZeroCopy = isZeroCopy
        self.mtu = mtu
        self.index = index
        self.link = link
        self.queues = queues
    }

    /// The descriptors: the link, then socket and memory of each queue.
    public var descriptors: [FileDescriptor] {
        [link] + queues.flatMap { [$0.socket, $0.memory] }
    }

    static let leastMTU: Int32 = 576
    /// Queues that are taken at most.
    public static let queueLimit = 32

    /// Takes queues of an interface; needs the capabilities CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF.
    public static func open(_ order: PacketOrder) throws(PacketRefusal) -> PacketPort {
        let facts = try facts(of: order.interface)
        let offered = min(Int(facts.queues), queueLimit)
        let count = min(max(order.queues ?? offered, 1), offered)
        // Zero copy needs a driver that knows AF_XDP: where there is one, it is in native mode.
        let modes: [PacketMode] = order.mode.map { [$0] } ?? [.native, .generic]
        var refusal = PacketRefusal(.attach, SystemError(code: EOPNOTSUPP))
        for mode in modes {
            do throws(PacketRefusal) {
                return try open(order, facts, mode, count)
            } catch {
                refusal = error
                // Somebody else's program, or no right to: the other mode would fare no better.
                guard error.step == .attach || error.step == .socket, !error.isFinal else { break }
            }
        }
        throw refusal
    }

    /// True while the interface of that name is the one that was taken, as it was then.
    public func isPresent(_ name: String) -> Bool {
        var facts = mt_interface()
        guard unsafe mt_interface_facts(name, &facts) >= 0 else { return false }
        return Int(facts.index) == index && Int(facts.mtu) == mtu
    }

    private static func facts(of name: String) throws(PacketRefusal) -> mt_interface {
        var facts = mt_interface()
        let result = unsafe mt_interface_facts(name, &facts)
        _ = try step(.interface, result)
        guard facts.is_ethernet != 0 else {
            throw PacketRefusal(.interface, SystemError(code: EPROTONOSUPPORT))
        }
        // Every answer without EDNS fits (RFC 1035 §2.3.4, RFC 1122 §3.3.3).
        guard facts.mtu >= leastMTU else {
            throw PacketRefusal(.interface, SystemError(code: EMSGSIZE))
        }
        return facts
    }

    private static func open(
        _ order: PacketOrder,
        _ facts: mt_interface,
        _ mode: PacketMode,
        _ count: Int
    ) throws(PacketRefusal) -> PacketPort {
        var held: [FileDescriptor] = []
        var port = PacketPort(
            mode: mode,
            isZeroCopy: true,
            mtu: Int(facts.mtu),
            index: Int(facts.index),
            link: .none,
            queues: []
        )
        // The program keeps its maps; nobody looks into them later.
        defer { for fd in held { fd.close() } }
        do throws(PacketRefusal) {
            let places = try placesMap(HostAddresses.expand(order.places, at: order.interface))
            held.append(places)
            let sockets = try socketsMap()
            held.append(sockets)
            for number in 0..<count {
                let queue = try PacketQueue.open(
                    number: number,
                    interface: facts.index,
                    copies: mode == .generic
                )
                port.queues.append(queue)
                let isZeroCopy = mt_xsk_is_zero_copy(queue.socket.raw) == 1
                port.isZeroCopy = port.isZeroCopy && isZeroCopy
                var (key, value) = (UInt32(number), queue.socket.raw)
                _ = try step(.socket, unsafe mt_bpf_put(sockets.raw, &key, &value))
            }
            let mac = facts.mac
            let filter = PacketFilter(
                hardware: [mac.0, mac.1, mac.2, mac.3, mac.4, mac.5],
                places: places,
                sockets: sockets
            )
            let program = try load(filter)
            held.append(program)
            // Last: from here on frames come.
            let flags = UInt32(mode == .native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE)
            let link = mt_bpf_link(program.raw, facts.index, flags)
            port.link = FileDescriptor(raw: Int32(try step(.attach, link)))
            return port
        } catch {
            for fd in port.descriptors { fd.close() }
            throw error
        }
    }

    /// Has the kernel check a program, and take it.
    static func load(_ filter: PacketFilter) throws(PacketRefusal) -> FileDescriptor {
        let count = UInt32(filter.code.count)
        let result = unsafe mt_bpf_program(filter.code, count, "martlet_dns")
        return FileDescriptor(raw: Int32(try step(.program, result)))
    }

    private enum MapKind {
        static let hash: Int32 = 1
        static let sockets: Int32 = 17
    }

    private static func map(
        _ kind: Int32,
        key: UInt32,
        value: UInt32,
        entries: Int,
        _ name: String
    ) throws(PacketRefusal) -> FileDescriptor {
        let result = unsafe mt_bpf_map(kind, key, value, UInt32(max(entries, 1)), name)
        return FileDescriptor(raw: Int32(try step(.program, result)))
    }

    static func socketsMap() throws(PacketRefusal) -> FileDescriptor {
        try map(MapKind.sockets, key: 4, value: 4, entries: queueLimit, "sockets")
    }

    static func placesMap(
        _ places: [SocketAddress]
    ) throws(PacketRefusal) -> FileDescriptor {
        let map = try map(MapKind.hash, key: 20, value: 4, entries: places.count, "places")
        for place in places {
            let key = PacketFilter.key(place)
            var value: UInt32 = 1
            do throws(PacketRefusal) {
                _ = try step(.program, unsafe mt_bpf_put(map.raw, key, &value))
            } catch {
                map.close()
                throw error
            }
        }
        return map
    }

    static func step(_ step: PacketRefusal.Step, _ result: Int) throws(PacketRefusal) -> Int {
        guard result >= 0 else {
            throw PacketRefusal(step, SystemError(code: Int32(truncatingIfNeeded: -result)))
        }
        return result
    }
}

extension PacketRefusal {
    /// True when the process may not.
    public var isForbidden: Bool { error.code == EPERM || error.code == EACCES }
    /// True when another program, or socket, is there already.
    public var isTaken: Bool { error.code == EBUSY || error.code == EEXIST }
    fileprivate var isFinal: Bool { isForbidden || isTaken }
}
