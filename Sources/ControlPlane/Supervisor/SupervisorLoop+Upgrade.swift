// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// How far an upgrade is.
enum Upgrade: Equatable {
    /// There is none.
    case none
    /// The present serving process saves what the next one needs, until then.
    case preparing(until: Instant)
    /// The next one is to be ready by then.
    case starting(until: Instant)

    var deadline: Instant {
        switch self {
        case .none: .never
        case .preparing(let until), .starting(let until): until
        }
    }
}

/// Another program takes over: the same sockets, no moment without somebody who accepts.
///
/// The present process saves its health table and makes no changes any more; the new one starts
/// from that, with the same sockets, and says when its doors are open; only then is the old one
/// told to finish what it has. Until that moment every failure leaves all as it was. At last the
/// supervisor replaces itself, under the same process number.
extension SupervisorLoop {
    /// How long saving the health table may take.
    static let preparation = Interval.seconds(10)
    /// Former serving processes that may still finish what they have.
    static let retiringLimit = 4

    /// Why there can be no upgrade now; nil when there can.
    var upgradeRefusal: String? {
        if isStopping { return "the service is stopping" }
        if upgrade != .none { return "an upgrade is running" }
        guard child != nil, keeper.isServing else { return "no serving process is ready" }
        guard retiring.count < SupervisorLoop.retiringLimit else {
            return "\(retiring.count) former serving processes still finish what they have"
        }
        return nil
    }

    /// What a request is answered with; those who retire are told nothing of the present.
    func reply(to request: LinkRequest, of process: ServiceChild) -> LinkReply {
        let isRetiring = process !== child && process !== fresh
        switch request {
        case .upgrade:
            let refusal = isRetiring ? "the process is on its way out" : upgradeRefusal
            return LinkReply(json: refusal.map { ["error": .string($0)] } ?? ["ok": true])
        case .configuration, .open, .adopted:
            guard isRetiring else { return keeper.answer(request) }
            return LinkReply(json: ["error": "the process is on its way out"])
        case .serving where isRetiring: return LinkReply(json: ["ok": true])
        default: return keeper.answer(request)
        }
    }

    /// What a request that has been answered leads to.
    mutating func follow(_ request: LinkRequest, of process: ServiceChild) {
        switch request {
        case .upgrade where process === child && upgradeRefusal == nil: beginUpgrade()
        case .prepared where process === child:
            if case .preparing = upgrade { startFresh() }
        case .serving(let handover) where process === fresh: finishUpgrade(handover)
        default: break
        }
    }

    mutating func beginUpgrade() {
        keeper.upgradeProblem = nil
        upgrade = .preparing(until: Clock.monotonic() + SupervisorLoop.preparation)
        child?.order(.upgrade)
    }

    private mutating func startFresh() {
        do throws(SystemError) {
            let process = try ServiceChild(program: keeper.program)
            watch(process)
            fresh = process
            keeper.isTakeover = true
            upgrade = .starting(until: Clock.monotonic() + keeper.image.upgradeTimeout)
            ProcessControl.printError(
                "martlet: upgrade: process \(process.identifier) is started from \(keeper.program)"
            )
        } catch {
            failUpgrade("\(keeper.program): \(error)")
        }
    }

    mutating func upgradeTooLate() {
        if case .preparing = upgrade {
            return failUpgrade("the present serving process does not answer")
        }
        let patience = keeper.image.upgradeTimeout
        failUpgrade("the new serving process was not ready within \(patience)")
    }

    /// Everything stays as it was.
    mutating func failUpgrade(_ reason: String) {
        if let fresh {
            loop.remove(fresh.link)
            ProcessControl.signal(Signal.kill, to: fresh.identifier)
        }
        fresh = nil
        upgrade = .none
        keeper.isTakeover = false
        keeper.upgradeProblem = reason
        let rest = child.map { "; process \($0.identifier) serves on" } ?? ""
        ProcessControl.printError("martlet: the upgrade failed: \(reason)\(rest)")
        child?.order(.upgradeFailed)
        reloadIfAsked()
    }

    private mutating func finishUpgrade(_ handover: Int) {
        guard let old = child, let new = fresh else { return }
        child = new
        fresh = nil
        upgrade = .none
        keeper.isTakeover = false
        keeper.upgrades += 1
        old.killAt = Clock.monotonic() + keeper.image.grace + .seconds(5)
        retiring.append(old)
        old.order(.retire)
        ProcessControl.printError(
            "martlet: upgraded: process \(new.identifier) serves, process \(old.identifier) "
                + "finishes what it has"
        )
        program = keeper.program
        if handover == Handover.format {
            replaceSelf()
        } else {
            ProcessControl.printError(
                "martlet: the supervisor stays the former program: the new one cannot take over "
                    + "what it holds"
            )
        }
        reloadIfAsked()
    }

    private mutating func reloadIfAsked() {
        guard reloadsNext, child != nil else { return }
        reloadsNext = false
        child?.order(.reload)
    }

    /// Becomes the new program; returns only when that cannot be.
    private mutating func replaceSelf() {
        let handover = Handover(self)
        let error = handover.pass(to: keeper.program)
        ProcessControl.printError("martlet: the supervisor stays the former program: \(error)")
    }

    /// Takes over what the former program held.
    mutating func adopt(_ handover: Handover) {
        child = handover.child.process
        retiring = handover.retiring.map(\.process)
        reloadsNext = handover.reloads
        if let child { watch(child) }
        for process in retiring { watch(process) }
        reloadIfAsked()
    }
}
