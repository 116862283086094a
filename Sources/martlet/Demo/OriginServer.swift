// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Essentials
internal import HTTPProtocol
internal import Prober
internal import Runtime
internal import Steering

/// An origin of the demonstration: `demo-origin NAME FOLDER LISTENER DELAY`, a process of its own.
///
/// It has a database and a cache: two more listeners that answer `/ping`, closed while broken.
/// `/healthz` really asks them, by the same prober that Martlet has, and writes and reads a file.
struct OriginServer: ~Copyable {
    private enum Listener { static let pages = 0, database = 1, cache = 2 }

    private static let faultPoll = Interval.milliseconds(100)

    private var loop: EventLoop
    private var service: ServiceListener
    private var prober: ProbeDriver
    private var desk: OriginDesk
    private let faultFile: String
    private var faultsChanged: Int64?
    private var nextPoll = Instant.start
    /// Where database and cache listen, in the order of the prober's slots.
    private let dependencies: [SocketAddress]
    private var isOpen = [true, true]

    static func run(arguments: [String]) -> Int32 {
        ProcessControl.dieWithParent(signal: DemoSignal.kill)
        ProcessControl.leaveProcessGroup()
        guard arguments.count == 4, let raw = Int32(arguments[2]), let delay = Int64(arguments[3])
        else { return 2 }
        do throws(SystemError) {
            var server = try OriginServer(
                name: arguments[0],
                folder: arguments[1],
                listener: FileDescriptor(raw: raw),
                delay: .milliseconds(delay)
            )
            return server.serve()
        } catch {
            ProcessControl.printError("martlet demo-origin: \(error)")
            return 1
        }
    }

    private init(
        name: String,
        folder: String,
        listener: FileDescriptor,
        delay: Interval
    ) throws(SystemError) {
        var stubs: [(fd: FileDescriptor, address: SocketAddress)] = []
        for _ in 0..<2 {
            let any = SocketAddress(Demo.loopback, port: 0)
            let fd = try Socket.listen(any, backlog: 16, reusePort: false)
            guard let address = Socket.localAddress(fd) else { throw .addressInUse }
            stubs.append((fd, address))
        }
        loop = try EventLoop()
        var limits = ServiceLimits()
        limits.connections = 1_024
        service = ServiceListener(limits: limits)
        prober = ProbeDriver(concurrentProbes: 4, now: Clock.monotonic(), seed: 1)
        desk = OriginDesk(name: name, delay: delay, scratch: "\(folder)/\(name).disk")
        faultFile = "\(folder)/\(name).faults"
        dependencies = stubs.map(\.address)
        service.open(listener, number: Listener.pages, loop: &loop)
        for (slot, stub) in stubs.enumerated() {
            service.open(stub.fd, number: slot + 1, loop: &loop)
        }
        prober.configure(questions(), now: Clock.monotonic())
    }

    private func questions() -> [ProbeTarget] {
        var ping = HTTPQuestion(path: "/ping")
        ping.bodyContains = "pong"
        // Asked only when someone asks this origin.
        let rhythm = ProbeRhythm(
            interval: .seconds(86_400),
            fastInterval: .milliseconds(1),
            timeout: .milliseconds(250)
        )
        return dependencies.enumerated().map { slot, address in
            ProbeTarget(slot: slot, address: address, question: .http(ping), rhythm: rhythm)
        }
    }

    private mutating func serve() -> Int32 {
        while true {
            let moment = Moment(now: Clock.monotonic(), realtime: Clock.realtime())
            prober.expire(now: moment.now, loop: &loop)
            service.expire(loop: &loop, at: moment)
            if moment.now >= nextPoll { readFaults(moment.now) }
            deliver(moment)
            let count = loop.wait(timeoutMilliseconds: wait())
            let after = Moment(now: Clock.monotonic(), realtime: Clock.realtime())
            for index in 0..<count { dispatch(loop.event(index), at: after) }
            deliver(after)
        }
    }

    private func wait() -> Int {
        let deadlines = [service.nextDeadline, prober.nextDeadline(), desk.nextDue, nextPoll]
        let next = deadlines.min() ?? nextPoll
        return Int(clamping: max((next - Clock.monotonic()).milliseconds + 1, 0))
    }

    private mutating func dispatch(_ event: Event, at moment: Moment) {
        let kind = EventToken(raw: event.token).kind
        guard service.owns(kind: kind) else {
            prober.handle(event, loop: &loop, now: moment.now)
            return
        }
        // The service holds the connections and the desk the answers: both change in one call.
        var desk = self.desk
        service.handle(event, loop: &loop, at: moment) { request in
            OriginServer.take(request, at: &desk, now: moment.now)
        }
        self.desk = desk
        askDependencies(moment.now)
    }

    private static func take(
        _ request: ServiceRequest,
        at desk: inout OriginDesk,
        now: Instant
    ) -> ServiceAnswer {
        guard request.listener == Listener.pages else { return .now(.text("pong\n")) }
        desk.take(request, now: now)
        return .later
    }

    private mutating func askDependencies(_ now: Instant) {
        guard desk.takeWishToAsk() else { return }
        for slot in dependencies.indices { prober.probeNow(slot: slot, now: now) }
    }

    private mutating func deliver(_ moment: Moment) {
        for result in prober.takeResults() { desk.take(result, now: moment.now) }
        for due in desk.takeDue(now: moment.now) {
            var desk = self.desk
            service.complete(due.ticket, with: due.response, loop: &loop, at: moment) { request in
                OriginServer.take(request, at: &desk, now: moment.now)
            }
            self.desk = desk
        }
        askDependencies(moment.now)
    }

    // MARK: Faults

    private mutating func readFaults(_ now: Instant) {
        nextPoll = now + OriginServer.faultPoll
        let changed = File.modified(faultFile)
        if changed != faultsChanged {
            faultsChanged = changed
            desk.faults = OriginFaults(read: faultFile)
        }
        set(OriginDesk.database, isOpen: !desk.faults.contains(.database))
        set(OriginDesk.cache, isOpen: !desk.faults.contains(.cache))
    }

    /// Opens or closes a dependency's listener, so that connections to it really are refused.
    private mutating func set(_ slot: Int, isOpen wanted: Bool) {
        guard isOpen[slot] != wanted else { return }
        guard wanted else {
            service.closeListener(number: slot + 1, loop: &loop)
            isOpen[slot] = false
            return
        }
        // Its port may be taken for a moment; the next poll tries again.
        guard let fd = try? Socket.listen(dependencies[slot], backlog: 16, reusePort: false) else {
            return
        }
        service.open(fd, number: slot + 1, loop: &loop)
        isOpen[slot] = true
    }
}

/// The disk that an origin depends on: a file that it writes and reads back.
struct OriginDisk {
    let path: String

    /// Writes and reads; a broken disk is a folder that does not exist.
    func check(isBroken: Bool) -> Bool {
        let file = isBroken ? "\(path)/missing" : path
        let content = Array("written at \(Clock.monotonic().nanoseconds)\n".utf8)
        File.remove(file)
        guard let fd = try? File.openForAppending(file) else { return false }
        defer { fd.close() }
        guard (try? File.write(fd, content)) != nil else { return false }
        return (try? File.read(file, limit: 4_096)) == content
    }
}
