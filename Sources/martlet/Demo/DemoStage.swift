// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Prober
internal import Runtime
internal import Steering

/// A running demonstration: starts its processes, and ends them.
struct DemoStage: ~Copyable {
    private struct Origin {
        let plan: DemoOrigin
        let address: SocketAddress
        var identifier: Int32?
    }

    private static let signalKind: UInt8 = 100
    private static let poll = 100

    private let folder: DemoFolder
    private let lock: FileDescriptor
    private let ports: DemoPorts
    private var loop: EventLoop
    private let signals: FileDescriptor
    private var origins: [Origin] = []
    private var gateway: Int32?
    private var traffic: Int32?
    private var stopSignal: Int32?

    /// Runs a demonstration until it is told to end; returns the exit code.
    static func run() throws(DemoRefusal) -> Int32 {
        var stage = try DemoStage()
        let code: Int32
        do throws(DemoRefusal) {
            try stage.start()
            code = stage.watch()
        } catch {
            ProcessControl.printError("martlet demo: \(error.text)")
            code = error.exitCode
        }
        stage.end()
        return code
    }

    private init() throws(DemoRefusal) {
        let (folder, lock) = try DemoFolder.claim()
        do throws(SystemError) {
            let ports = try DemoPorts.choose()
            let signals = try ProcessControl.watch(signals: [
                DemoSignal.interrupt, DemoSignal.terminate, DemoSignal.quit, DemoSignal.hangUp,
                DemoSignal.child,
            ])
            let loop = try EventLoop()
            self.init(folder: folder, lock: lock, ports: ports, loop: loop, signals: signals)
        } catch {
            throw DemoRefusal("cannot start: \(error)")
        }
    }

    private init(
        folder: DemoFolder,
        lock: FileDescriptor,
        ports: DemoPorts,
        loop: consuming EventLoop,
        signals: FileDescriptor
    ) {
        self.folder = folder
        self.lock = lock
        self.ports = ports
        self.loop = loop
        self.signals = signals
        let token = EventToken(kind: DemoStage.signalKind, index: 0)
        self.loop.add(signals, token: token.raw, interest: .read)
    }

    // MARK: Beginning

    private mutating func start() throws(DemoRefusal) {
        do throws(SystemError) {
            try startServers()
        } catch {
            throw DemoRefusal("cannot start: \(error)")
        }
        try awaitGateway()
        do throws(SystemError) {
            traffic = try spawn([
                "demo-traffic", folder.path, "\(ports.http)", "\(Demo.trafficRate)",
                "\(Demo.trafficConnections)",
            ])
        } catch {
            throw DemoRefusal("cannot start the traffic: \(error)")
        }
        record()
        let screen = DemoScreen(
            program: DemoScreen.programName(),
            folder: folder,
            ports: ports,
            origins: origins.map { ($0.plan, $0.address) }
        )
        Terminal.print(screen.text)
    }

    private mutating func startServers() throws(SystemError) {
        for plan in DemoOrigin.all {
            let listener = try DemoStage.listen(plan.ip, port: 0)
            defer { listener.close() }
            guard let address = Socket.localAddress(listener) else { throw .addressInUse }
            origins.append(Origin(plan: plan, address: address))
            try startOrigin(origins.count - 1, listener)
        }
        let text = DemoConfiguration.text(
            ports: ports,
            folder: folder,
            origins: origins.map { ($0.plan.name, $0.address) }
        )
        try File.writeAtomically(folder.configuration, Array(text.utf8), mode: 0o644)
        gateway = try spawn(["demo-gateway", folder.path])
        record()
    }

    /// An origin's listener: at its own loopback address, or where there is only one, at that.
    private static func listen(_ ip: IPAddress, port: UInt16) throws(SystemError) -> FileDescriptor
    {
        do throws(SystemError) {
            return try Socket.listen(SocketAddress(ip, port: port), backlog: 256, reusePort: false)
        } catch {
            let local = SocketAddress(Demo.loopback, port: port)
            return try Socket.listen(local, backlog: 256, reusePort: false)
        }
    }

    private mutating func startOrigin(
        _ index: Int,
        _ listener: FileDescriptor
    ) throws(SystemError) {
        let plan = origins[index].plan
        origins[index].identifier = try spawn(
            ["demo-origin", plan.name, folder.path, "\(listener.raw)", "\(plan.delay)"],
            keep: [listener]
        )
    }

    private func spawn(
        _ arguments: [String],
        keep: [FileDescriptor] = []
    ) throws(SystemError) -> Int32 {
        try ProcessControl.spawn(
            ProcessControl.executablePath,
            arguments: ["martlet"] + arguments,
            keep: keep
        )
    }

    /// Writes down who runs, for the commands and for a successor.
    private func record() {
        var processes = origins.compactMap { origin in
            origin.identifier.map { DemoProcess(name: origin.plan.name, identifier: $0) }
        }
        if let gateway { processes.append(DemoProcess(name: "gateway", identifier: gateway)) }
        if let traffic { processes.append(DemoProcess(name: "traffic", identifier: traffic)) }
        folder.write(processes)
    }

    /// Asks the gateway until it is ready: the first round of probes is over then.
    private mutating func awaitGateway() throws(DemoRefusal) {
        let began = Clock.monotonic()
        var prober = ProbeDriver(concurrentProbes: 1, now: began, seed: 1)
        let ready = ProbeTarget(
            slot: 0,
            address: SocketAddress(Demo.loopback, port: ports.admin),
            question: .http(HTTPQuestion(path: "/readyz")),
            rhythm: ProbeRhythm(interval: .milliseconds(50), timeout: .seconds(1))
        )
        prober.configure([ready], now: began)
        while Clock.monotonic() - began < Demo.startLimit {
            prober.expire(now: Clock.monotonic(), loop: &loop)
            let count = loop.wait(timeoutMilliseconds: 10)
            for index in 0..<count {
                let event = loop.event(index)
                if EventToken(raw: event.token).kind == DemoStage.signalKind {
                    takeSignals()
                } else {
                    prober.handle(event, loop: &loop, now: Clock.monotonic())
                }
            }
            if prober.takeResults().contains(where: { $0.outcome == .success }) { return }
            guard gateway != nil else { throw DemoRefusal("Martlet did not start") }
            guard stopSignal == nil else { throw DemoRefusal("ended before it was ready") }
        }
        let seconds = Int(Demo.startLimit.seconds)
        throw DemoRefusal("Martlet was not ready within \(seconds) s; see \(folder.log)")
    }

    // MARK: Running

    private mutating func watch() -> Int32 {
        while stopSignal == nil {
            let count = loop.wait(timeoutMilliseconds: DemoStage.poll)
            if count > 0 { takeSignals() }
            for index in origins.indices { reviveIfWished(index) }
            guard gateway != nil else {
                ProcessControl.printError("martlet demo: Martlet has ended; see \(folder.log)")
                return 1
            }
        }
        return 0
    }

    private mutating func takeSignals() {
        while let signal = ProcessControl.nextSignal(signals) {
            if signal == DemoSignal.child { reap() } else { stopSignal = signal }
        }
    }

    private mutating func reap() {
        while let (identifier, _) = ProcessControl.reap() {
            if identifier == gateway { gateway = nil }
            if identifier == traffic { traffic = nil }
            for index in origins.indices where origins[index].identifier == identifier {
                origins[index].identifier = nil
                if stopSignal == nil { Demo.line("\(origins[index].plan.name) has ended") }
            }
        }
        record()
    }

    private mutating func reviveIfWished(_ index: Int) {
        let wish = folder.revival(origins[index].plan.name)
        guard File.modified(wish) != nil else { return }
        File.remove(wish)
        guard origins[index].identifier == nil else { return }
        let address = origins[index].address
        do throws(SystemError) {
            let listener = try DemoStage.listen(address.ip, port: address.port)
            defer { listener.close() }
            try startOrigin(index, listener)
            record()
            Demo.line("\(origins[index].plan.name) runs again")
        } catch {
            Demo.line("\(origins[index].plan.name) does not start: \(error)")
        }
    }

    // MARK: Ending

    /// Ends everything: the traffic first, so that its counts show no failure of the end itself.
    private mutating func end() {
        stopSignal = stopSignal ?? DemoSignal.terminate
        ask(traffic, DemoSignal.terminate)
        turn(milliseconds: 1_000) { $0.traffic == nil }
        summarise()
        ask(gateway, DemoSignal.terminate)
        turn(milliseconds: 3_000) { $0.gateway == nil }
        ask(gateway, DemoSignal.kill)
        ask(traffic, DemoSignal.kill)
        for origin in origins { ask(origin.identifier, DemoSignal.kill) }
        turn(milliseconds: 1_000) { stage in
            stage.gateway == nil && stage.origins.allSatisfy { $0.identifier == nil }
        }
        Folder.removeTree(folder.path)
        lock.close()
    }

    private func ask(_ identifier: Int32?, _ signal: Int32) {
        if let identifier { ProcessControl.signal(signal, to: identifier) }
    }

    private mutating func turn(milliseconds: Int64, _ isDone: (borrowing DemoStage) -> Bool) {
        let limit = Clock.monotonic() + .milliseconds(milliseconds)
        takeSignals()
        while !isDone(self), Clock.monotonic() < limit {
            _ = loop.wait(timeoutMilliseconds: 20)
            takeSignals()
        }
    }

    private func summarise() {
        guard let bytes = try? File.read(folder.traffic, limit: 4_096),
            let counts = TrafficClient.Counts(line: String(decoding: bytes, as: UTF8.self))
        else { return }
        Demo.line(
            "\nThe traffic saw \(counts.answered) good answers and \(counts.failed) failures."
        )
    }
}
