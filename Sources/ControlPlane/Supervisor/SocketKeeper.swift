// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// Why a place cannot be listened at.
struct ListenFailure: Error, Equatable {
    let key: SocketKey
    let error: SystemError
    let isRoot: Bool

    /// Code, cause and remedy.
    var problem: ReloadProblem {
        let place = "\(key.door.rawValue) on \(key.address)"
        let (code, remedy): (String, String) =
            switch error {
            case .accessDenied where key.address.port > 0 && key.address.port < 1024 && !isRoot:
                (
                    "M3101",
                    "ports below 1024 need root: start as root (the serving process then runs as "
                        + "'user'), or listen on a higher port such as \(Self.highPort(key))"
                )
            case .addressInUse:
                (
                    "M3102",
                    "another program, or another Martlet, listens there: stop it or choose "
                        + "another port ('ss -lntup' shows who it is)"
                )
            case .tooManyFiles:
                ("M3103", "raise the limit of open files ('ulimit -Hn', LimitNOFILE=)")
            default:
                ("M3104", "check that the address belongs to this machine")
            }
        return .start(code, "cannot listen for \(place): \(error)", remedy)
    }

    private static func highPort(_ key: SocketKey) -> Int {
        switch key.door {
        case .http: 8080
        case .dns: 5300
        case .dot: 8853
        case .admin: 9180
        }
    }
}

/// Owns the listening sockets: one per worker and place, kept open whatever becomes of others.
///
/// A connection that arrives while no serving process lives waits in the queue of a socket kept
/// here; it is never refused.
struct SocketKeeper: ~Copyable {
    /// Connections that may wait; the kernel cuts it to `net.core.somaxconn`.
    static let backlog: Int32 = 4096

    private let workers: Int
    private var groups: [SocketKey: [OpenSocket]] = [:]

    init(workers: Int) { self.workers = max(workers, 1) }

    /// Goes on with sockets that are open.
    init(workers: Int, holding sockets: [OpenSocket]) {
        self.workers = max(workers, 1)
        groups = Dictionary(grouping: sockets, by: \.key)
    }

    /// Every socket.
    var all: [OpenSocket] { groups.values.flatMap(\.self) }

    deinit { for socket in groups.values.joined() { socket.descriptor.close() } }

    /// The places that are open.
    var keys: Set<SocketKey> { Set(groups.keys) }

    /// The sockets of all the places, opened where missing: all, or none of the missing ones.
    mutating func open(_ keys: [SocketKey]) throws(ListenFailure) -> [OpenSocket] {
        var fresh: [SocketKey] = []
        do throws(ListenFailure) {
            for key in keys where groups[key] == nil {
                // Our own socket on this port, about to be given up, is no other program.
                let isShared = groups.values.joined().contains { $0.bound.port == key.address.port }
                groups[key] = try SocketKeeper.open(key, workers: workers, checks: !isShared)
                fresh.append(key)
            }
        } catch {
            for key in fresh { close(key) }
            throw error
        }
        return keys.flatMap { groups[$0] ?? [] }
    }

    /// Closes every place that is not listed.
    mutating func keep(only keys: Set<SocketKey>) {
        for key in groups.keys where !keys.contains(key) { close(key) }
    }

    private mutating func close(_ key: SocketKey) {
        for socket in groups.removeValue(forKey: key) ?? [] { socket.descriptor.close() }
    }

    private static func open(
        _ key: SocketKey,
        workers: Int,
        checks: Bool
    ) throws(ListenFailure) -> [OpenSocket] {
        let count = key.door == .admin ? 1 : workers
        var addresses = [SocketAddress(key.address.ip ?? IPAddress(v6: 0), port: key.address.port)]
        // A kernel without IPv6: all of IPv4 is all there is.
        if key.address.ip == nil {
            addresses.append(SocketAddress(IPAddress(v4: 0), port: key.address.port))
        }
        var failure = SystemError.addressInUse
        // The system's choice of a TCP port may be taken for UDP: then it chooses again.
        for address in key.address.port == 0
            ? Array(repeatElement(addresses, count: 8).joined())
            : addresses
        {
            do throws(SystemError) {
                return try openGroup(key, at: address, count: count, checks: checks)
            } catch {
                failure = error
                guard error == .noSuchFamily || key.address.port == 0 else { break }
            }
        }
        let isRoot = ProcessControl.effectiveUser == 0
        throw ListenFailure(key: key, error: failure, isRoot: isRoot)
    }

    /// With port 0 the first socket finds a port and the others join it.
    private static func openGroup(
        _ key: SocketKey,
        at wanted: SocketAddress,
        count: Int,
        checks: Bool
    ) throws(SystemError) -> [OpenSocket] {
        var opened: [OpenSocket] = []
        var address = wanted
        do throws(SystemError) {
            for isStream in key.door == .dns ? [true, false] : [true] {
                if checks, address.port != 0 { try Socket.checkFree(address, stream: isStream) }
                for worker in 0..<count {
                    let fd = try openSocket(address, isStream: isStream)
                    let bound = Socket.localAddress(fd) ?? address
                    address = SocketAddress(address.ip, port: bound.port)
                    let socket = OpenSocket(
                        key: key,
                        worker: worker,
                        isStream: isStream,
                        bound: bound,
                        descriptor: fd
                    )
                    opened.append(socket)
                }
            }
        } catch {
            for socket in opened { socket.descriptor.close() }
            throw error
        }
        return opened
    }

    private static func openSocket(
        _ address: SocketAddress,
        isStream: Bool
    ) throws(SystemError) -> FileDescriptor {
        isStream
            ? try Socket.listen(address, backlog: backlog, reusePort: true)
            : try Socket.bindDatagram(address, reusePort: true)
    }
}

extension SystemError {
    /// `EAFNOSUPPORT`: the kernel has no such address family.
    fileprivate static var noSuchFamily: SystemError { SystemError(code: 97) }
}
