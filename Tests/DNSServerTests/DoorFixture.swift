// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Testing

/// A door on real loopback sockets, driven by hand: time is what the test says.
struct DoorFixture: ~Copyable {
    var door: DNSDoor
    var loop: EventLoop
    let shared: DNSShared
    let address: SocketAddress
    var now = Instant(nanoseconds: 1_000_000_000)

    static func make(
        _ snapshot: DNSSnapshot,
        _ settings: DNSDoorSettings = DNSDoorSettings(),
        security: DNSListenerSecurity? = nil,
        signer: TLSSigner? = nil,
        keptQueries: Int = 0,
        updates: UpdateDesk? = nil
    ) throws -> DoorFixture {
        let (address, stream, datagrams) = try sockets()
        var full = complete(snapshot, settings)
        full.security = [security]
        let shared = DNSShared(
            workers: 1,
            endpoints: 64,
            keptQueries: keptQueries,
            key: 7,
            signer: signer,
            updates: updates
        )
        return DoorFixture(full, shared, address, stream, datagrams, try EventLoop())
    }

    // One port for both; another test may have it for datagrams already.
    private static func sockets(
        attempts: Int = 20
    ) throws -> (SocketAddress, FileDescriptor, FileDescriptor) {
        let loopback = SocketAddress(IPAddress(v4: 0x7f00_0001), port: 0)
        let stream = try Socket.listen(loopback, backlog: 64, reusePort: false)
        let address = try #require(Socket.localAddress(stream))
        if let datagrams = try? Socket.bindDatagram(address, reusePort: false) {
            return (address, stream, datagrams)
        }
        stream.close()
        try #require(attempts > 1, "no port is free for both")
        return try sockets(attempts: attempts - 1)
    }

    /// The snapshot with one listener.
    static func complete(
        _ snapshot: DNSSnapshot,
        _ settings: DNSDoorSettings = DNSDoorSettings()
    ) -> DNSSnapshot {
        var full = DNSSnapshot(
            zones: snapshot.zones,
            steer: snapshot.steer,
            listeners: [settings],
            generation: 1
        )
        full.sampleInterval = snapshot.sampleInterval
        full.logInterval = snapshot.logInterval
        full.conduct = snapshot.conduct
        full.rates = snapshot.rates
        full.rateExempt = snapshot.rateExempt
        full.peers = snapshot.peers
        full.takesUpdates = snapshot.takesUpdates
        full.updateNetworks = snapshot.updateNetworks
        return full
    }

    private init(
        _ snapshot: DNSSnapshot,
        _ shared: DNSShared,
        _ address: SocketAddress,
        _ stream: FileDescriptor,
        _ datagrams: FileDescriptor,
        _ loop: consuming EventLoop
    ) {
        self.loop = loop
        self.address = address
        self.shared = shared
        door = DNSDoor(worker: 0, shared: shared, snapshot: snapshot, now: now, seed: 1)
        door.open(listener: stream, number: 0, loop: &self.loop)
        door.open(datagrams: datagrams, number: 0, loop: &self.loop)
    }

    /// Handles events until nothing is ready.
    mutating func turn(limit: Int = 100) {
        for _ in 0..<limit {
            if handleEvents() == 0, !door.isPolling { break }
            if door.isPolling { door.poll(loop: &loop, now: now) }
        }
        door.expire(now: now, loop: &loop)
    }

    /// Handles the events that are there; how many.
    @discardableResult
    mutating func handleEvents() -> Int {
        let count = loop.wait(timeoutMilliseconds: 0)
        for index in 0..<count { door.handle(loop.event(index), loop: &loop, now: now) }
        return count
    }

    /// Does what no event tells of.
    mutating func poll() { door.poll(loop: &loop, now: now) }

    mutating func pass(_ interval: Interval) {
        now = now + interval
        turn()
    }

    func count(_ counter: DNSCounter) -> UInt64 { shared.total(counter) }

    func connect() throws -> FileDescriptor {
        switch Socket.connect(to: address) {
        case .connected(let socket), .inProgress(let socket): return socket
        case .failed(let error): throw error
        }
    }

    func datagramSocket() throws -> FileDescriptor {
        let loopback = SocketAddress(IPAddress(v4: 0x7f00_0001), port: 0)
        let socket = try Socket.bindDatagram(loopback, reusePort: false)
        #expect(Socket.attach(socket, to: address) == nil)
        return socket
    }
}

/// What can be read from a socket now; nil when the peer has closed it and nothing is left.
func received(_ socket: FileDescriptor, limit: Int = 1 << 20) -> [UInt8]? {
    var all: [UInt8] = []
    while all.count < limit {
        var result = IOResult.wouldBlock
        let size = min(65_536, limit - all.count)
        all += [UInt8](capacity: size) { (output: inout OutputSpan<UInt8>) in
            result = Socket.receive(socket, into: &output)
        }
        guard case .count = result else {
            return result == .wouldBlock || !all.isEmpty ? all : nil
        }
    }
    return all
}

/// A query with its length in front, as TCP wants it.
func framed(_ query: [UInt8]) -> [UInt8] {
    [UInt8(query.count >> 8), UInt8(query.count & 255)] + query
}

/// The messages of a TCP stream.
func messages(_ bytes: [UInt8]) -> [DNSMessage?] {
    var rest = bytes[...]
    var found: [DNSMessage?] = []
    while rest.count > 2 {
        let length = Int(rest.removeFirst()) << 8 | Int(rest.removeFirst())
        found.append(DNSMessage(Array(rest.prefix(length))))
        rest = rest.dropFirst(length)
    }
    return found
}
