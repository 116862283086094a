// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Essentials
internal import Runtime

/// `--wait`: looks on until nothing is left at endpoints that leave service.
struct DrainWatch {
    private let target: Target
    private let names: Set<String>
    private let cutsBefore: Int64
    private var served: Int64 = -1
    private var quietSince = Instant.start
    private var shown = ""

    /// Between two looks.
    private static let rhythm = 200
    /// Nothing in flight for so long counts as nothing left: clients with a session may come back.
    private static let quiet = Interval.milliseconds(500)
    private static let quietOfSessions = Interval.seconds(5)

    init(target: Target, before: [DrainState]) {
        self.target = target
        names = Set(before.map(\.name))
        cutsBefore = before.reduce(0) { $0 + $1.cuts }
    }

    mutating func run(_ given: AdminArguments) throws(Refusal) -> Int32 {
        guard var pause = try? EventLoop() else { throw Refusal("cannot wait") }
        while true {
            let document = try target.document(given)
            let now = (document["endpoints"]?.elements ?? []).map(DrainState.init)
                .filter { names.contains($0.name) }
            if !given.isJSON { show(now) }
            let isSticky = document["sticky"]?.bool == true
            if isOver(now, isSticky: isSticky, at: Clock.monotonic()) {
                return end(now, document, given)
            }
            _ = pause.wait(timeoutMilliseconds: DrainWatch.rhythm)
        }
    }

    private mutating func isOver(
        _ states: [DrainState],
        isSticky: Bool,
        at now: Instant
    ) -> Bool {
        let total = states.reduce(0) { $0 + $1.served }
        let isBusy = states.contains { $0.inFlight > 0 }
        if isBusy || total != served || served < 0 { quietSince = now }
        served = total
        guard !isBusy else { return false }
        guard states.contains(where: { $0.seconds != nil }) else { return true }
        return now - quietSince >= (isSticky ? DrainWatch.quietOfSessions : DrainWatch.quiet)
    }

    /// One line each time that something else is to be said.
    private mutating func show(_ states: [DrainState]) {
        let inFlight = states.reduce(0) { $0 + $1.inFlight }
        let tunnels = states.reduce(0) { $0 + $1.tunnels }
        let left = states.compactMap(\.seconds).max()
        let what = "\(inFlight - tunnels) requests, \(tunnels) tunnels"
        guard what != shown else { return }
        shown = what
        let time = left.map { ", \(Int($0.rounded(.up))) s until the rest is cut" } ?? ""
        _ = Output.write("\(label): \(what)\(time)\n")
    }

    private var label: String {
        target.endpoint.map { "\(target.pool)/\($0)" } ?? target.pool
    }

    private func end(
        _ states: [DrainState],
        _ document: JSONValue,
        _ given: AdminArguments
    ) -> Int32 {
        let cut = states.reduce(0) { $0 + $1.cuts } - cutsBefore
        if given.isJSON {
            _ = Output.write(document.text(indented: true) + "\n")
        } else {
            let rest = cut == 0 ? "nothing was cut" : "\(cut) cut because the time was over"
            _ = Output.write("\(label): nothing is left; \(rest)\n")
        }
        return cut == 0 ? ExitCode.ok : ExitCode.failed
    }
}
