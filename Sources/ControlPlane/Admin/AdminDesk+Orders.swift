// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Synchronization

/// Who is answered when his order has ended.
final class AwaitedOrders: Sendable {
    struct Waiter: Sendable {
        var ticket: Handle
        var question: AdminQuestion
    }

    private let waiters = Mutex<[UInt64: Waiter]>([:])

    func add(_ order: UInt64, _ waiter: Waiter) { waiters.withLock { $0[order] = waiter } }

    func take(_ order: UInt64) -> Waiter? {
        waiters.withLock { $0.removeValue(forKey: order) }
    }
}

extension AdminQuestion {
    /// What is ordered by it, when that ends with the disk or with verdicts.
    var order: ControlCommand? {
        switch self {
        case .change(let pool, let endpoint, let change):
            .change(pool: pool, endpoint: endpoint, change)
        case .discardOverlay: .discardOverlay
        case .steer(let policy, let order): .steer(policy: policy, order)
        case .migrate(let name, let order): .migrate(name, order)
        case .reload: .reload
        case .reloadZone(let name): .reloadZone(name)
        case .discardZone(let name): .discardZone(name)
        case .importZone(let order): .importZone(order)
        default: nil
        }
    }
}

/// Changes, which are answered once they are on the disk, and reloads, once in force.
extension AdminDesk {
    /// Gives an order; whoever has asked is answered now, or at its end.
    func answer<S: ControlSurface & ~Copyable>(
        _ question: AdminQuestion,
        _ command: ControlCommand,
        _ ticket: Handle,
        _ surface: inout S,
        at moment: Moment
    ) throws(Problem) -> ServiceAnswer {
        let outcome = surface.perform(command, now: moment.now)
        guard case .awaited(let order) = outcome else {
            return .now(AdminDesk.guarded(try conclude(question, outcome, surface, at: moment)))
        }
        awaited.add(order, AwaitedOrders.Waiter(ticket: ticket, question: question))
        return .later
    }

    /// The answer to whoever waits for an order; nil when nobody does.
    func answer<S: ControlSurface & ~Copyable>(
        _ order: UInt64,
        _ outcome: ControlOutcome,
        _ surface: borrowing S,
        at moment: Moment
    ) -> (ticket: Handle, response: ServiceResponse)? {
        guard let waiter = awaited.take(order) else { return nil }
        do throws(Problem) {
            let response = try conclude(waiter.question, outcome, surface, at: moment)
            return (waiter.ticket, AdminDesk.guarded(response))
        } catch {
            return (waiter.ticket, AdminDesk.guarded(error.response))
        }
    }

    /// What is said of an order that has ended.
    func conclude<S: ControlSurface & ~Copyable>(
        _ question: AdminQuestion,
        _ outcome: ControlOutcome,
        _ surface: borrowing S,
        at moment: Moment
    ) throws(Problem) -> ServiceResponse {
        if let command = question.order { try check(outcome, of: command) }
        switch question {
        case .change(let pool, let endpoint, _):
            var writer = SnapshotWriter(SnapshotSource(surface, pool: pool, at: moment))
            writer.writeChanged(pool: pool, endpoint: endpoint)
            return .json(writer.json)
        case .steer(let policy, _): return AdminDesk.steering(surface.view, only: policy)
        case .migrate: return AdminDesk.steering(surface.view, only: nil)
        case .importZone(let order): return conclude(order, outcome)
        default:
            guard case .noted(let text) = outcome else {
                return generations(surface.view, hasRead: question == .reload)
            }
            return generations(surface.view, note: text)
        }
    }

    private func conclude(_ order: ZoneImportOrder, _ outcome: ControlOutcome) -> ServiceResponse {
        guard case .imported(let report) = outcome else { return .empty() }
        var members = [
            JSONMember("zone", .string(report.zone)),
            JSONMember("serial", .integer(Int64(report.serial))),
            JSONMember("removed", .integer(Int64(report.removed))),
            JSONMember("added", .integer(Int64(report.added))),
            JSONMember("kept", .bool(!order.isTrial)),
        ]
        if let difference = report.difference?.prefix(ZoneComparison.shownLimit) {
            members.append(JSONMember("records", difference.json))
        }
        var writer = JSONWriter()
        writer.write(.object(members))
        return .json(writer)
    }
}
