// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPGateway
internal import Steering

/// Everything that a snapshot shows, as values that any thread may read.
///
/// What only the control thread knows is copied when the question comes; everything else is read
/// from the shared tables when the answer is written.
struct SnapshotSource: Sendable {
    let view: ControlView
    let moment: Moment
    private let pool: String?
    private let statuses: [Int: EndpointStatus]

    /// Gathers what is known of all endpoints, or of those of one pool.
    init<S: ControlSurface & ~Copyable>(
        _ surface: borrowing S,
        pool: String? = nil,
        at moment: Moment
    ) {
        view = surface.view
        self.moment = moment
        self.pool = pool
        var statuses: [Int: EndpointStatus] = [:]
        for found in view.pools where pool == nil || found.label == pool {
            for endpoint in found.endpoints {
                statuses[endpoint.slot] = surface.status(slot: endpoint.slot)
            }
        }
        self.statuses = statuses
    }

    /// What the keeper knows of a slot.
    func status(_ slot: Int) -> EndpointStatus? { statuses[slot] }

    /// What belongs to the reasons of healths, by slot; nothing where the reason says all.
    var details: [Int: String] { statuses.mapValues(\.detail).filter { !$0.value.isEmpty } }

    /// The factors of the weights of all endpoints, or of one pool's, as the choice sees them.
    func candidates() -> [Int: CandidateExplanation] {
        guard let gateway = view.snapshot?.gateway else { return [:] }
        return gateway.candidates(
            pool: pool,
            health: view.health,
            load: view.load,
            now: moment.now
        )
    }
}
