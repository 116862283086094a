// SPDX-License-Identifier: Apache-2.0
import CMeter
import DNSProtocol
import DNSServer
import EdgeCache
import Essentials
import HTTPGateway
import Runtime
import Steering
import Synchronization

let loopback = IPAddress(v4: 0x7f00_0001)

/// What a case serves, and how it is driven.
struct Case: Sendable {
    var name: String
    var operations: Int64
    var body: @Sendable (Case) throws -> Int64
}

/// Tells a door's thread to end.
final class Stop: Sendable {
    let word = SharedWords(count: 1)
    var isSet: Bool { word.load(0) != 0 }
}

/// Runs an HTTP door with the shipped defaults on a counted thread; returns its port.
func startHTTP(
    origin: UInt16,
    log: AccessLogFormat = .off,
    workers: Int = 1,
    isCached: Bool = false,
    stop: Stop
) throws -> UInt16 {
    var plan = GatewayPlan()
    plan.listeners = [HTTPListenerPlan(name: "bench")]
    let endpoint = EndpointDefinition(
        name: "origin",
        slot: 0,
        address: SocketAddress(loopback, port: origin)
    )
    plan.pools = [PoolDefinition(name: "bench", endpoints: [endpoint])]
    plan.poolPlans = [GatewayPoolPlan()]
    plan.routes = [RoutePlan(name: "all", host: .any, path: .prefix("/"), pool: 0)]
    plan.accessLog = log
    if isCached {
        var cache = CachePlan(name: "bench")
        cache.rules.lifetimes = [CacheLifetime(200...299, .seconds(3600))]
        plan.caches = [cache]
        plan.routes[0].cache = 0
    }
    let health = HealthTable(capacity: 64)
    health.publish(0, HealthWord(health: .up, reason: .noProbe))
    let load = LoadTable(capacity: 64, workers: workers)
    let shared = try GatewayShared(workers: workers, health: health, load: load)
    let snapshot = GatewaySnapshot(plan, health: health, generation: 1)
    var port: UInt16 = 0
    for worker in 0..<workers {
        let listener = try Socket.listen(
            SocketAddress(loopback, port: port),
            backlog: 512,
            reusePort: true
        )
        port = Socket.localAddress(listener)?.port ?? 0
        try WorkerThread.start(name: "door\(worker)") {
            if worker == 0 { mt_meter_begin() }
            try? serveHTTP(worker, shared, snapshot, listener, stop)
        }
    }
    return port
}

private func serveHTTP(
    _ worker: Int,
    _ shared: GatewayShared,
    _ snapshot: GatewaySnapshot,
    _ listener: FileDescriptor,
    _ stop: Stop
) throws {
    var loop = try EventLoop()
    var door = HTTPDoor(
        worker: worker,
        shared: shared,
        snapshot: snapshot,
        now: Clock.monotonic(),
        seed: 1
    )
    door.open(listener: listener, number: 0, loop: &loop)
    let ring = shared.accessLog[worker]
    while !stop.isSet {
        let count = loop.wait(timeoutMilliseconds: door.hasReadyWork ? 0 : 20)
        let now = Clock.monotonic()
        for index in 0..<count {
            door.prefetch(from: index, upTo: count, loop: &loop, now: now)
            door.handle(loop.event(index), loop: &loop, now: now)
        }
        door.expire(now: now, loop: &loop)
        door.finishBatch(loop: &loop, now: now)
        ring.discard()
    }
}

/// Runs a DNS door with 10,000 static names on a counted thread; returns its port.
func startDNS(isSigned: Bool = false, stop: Stop) throws -> UInt16 {
    var text = "$ORIGIN bench.test.\n$TTL 300\n@ SOA ns1 root 1 3600 600 86400 60\n@ NS ns1\n"
    text += "ns1 A 192.0.2.1\n"
    for number in 0..<10_000 { text += "h\(number) A 10.0.\(number >> 8 & 255).\(number & 255)\n" }
    guard let apex = DomainName("bench.test.") else { return 0 }
    var builder = ZoneTableBuilder()
    builder.beginZone(apex)
    builder.read(ZoneFileReader(Array(text.utf8), file: "bench", origin: apex))
    guard let zones = builder.build().table else { return 0 }
    let health = HealthTable(capacity: 64)
    return try serveDNS(
        zones,
        SteerTable([], health: health),
        endpoints: 64,
        isSigned: isSigned,
        stop
    )
}

func serveDNS(
    _ zones: ZoneTable,
    _ steer: SteerTable,
    endpoints: Int,
    isSigned: Bool,
    _ stop: Stop
) throws -> UInt16 {
    var snapshot = DNSSnapshot(
        zones: zones,
        steer: steer,
        listeners: [DNSDoorSettings()],
        generation: 1
    )
    // As shipped: dns.sample-queries, dns.kept-queries.
    snapshot.sampleInterval = 1000
    if isSigned, let key = SigningKey.generate(.ecdsaP256), let apex = DomainName("bench.test.") {
        let keys = [apex: ZoneKeys(keys: [ZoneKey(key)])]
        snapshot.signing = SigningTable(keys, zones: zones, changed: .empty)
    }
    let shared = DNSShared(workers: 1, endpoints: endpoints, keptQueries: 1024, key: 1)
    let serving = snapshot
    let socket = try Socket.bindDatagram(SocketAddress(loopback, port: 0), reusePort: true)
    let port = Socket.localAddress(socket)?.port ?? 0
    try WorkerThread.start(name: "dns") {
        mt_meter_begin()
        guard var loop = try? EventLoop() else { return }
        let now = Clock.monotonic()
        var door = DNSDoor(worker: 0, shared: shared, snapshot: serving, now: now, seed: 1)
        door.open(datagrams: socket, number: 0, loop: &loop)
        while !stop.isSet {
            let count = loop.wait(timeoutMilliseconds: door.isPolling ? 0 : 20)
            let now = Clock.monotonic()
            for index in 0..<count { door.handle(loop.event(index), loop: &loop, now: now) }
            if door.isPolling { door.poll(loop: &loop, now: now) }
        }
    }
    return port
}
