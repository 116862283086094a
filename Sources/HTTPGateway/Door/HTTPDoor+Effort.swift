// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// What a turn of the worker may cost.
///
/// A key exchange, a signature or the compression of a block takes as long as dozens of requests.
/// Many at once, as when everybody connects anew, would hold up whoever wants little. So a turn
/// does about a millisecond of such work; the rest waits for the next, in the order in which it
/// came, while all that is cheap is done at once.
extension HTTPDoor {
    /// Microseconds of costly work in one turn, roughly.
    static let effortLimit: Int32 = 1_000
    /// A TLS handshake, whatever else it has cost.
    static let handshakeEffort: Int32 = 100
    /// A signature, with the key exchange that goes with it.
    static let signatureEffort: Int32 = 500
    /// What one microsecond compresses.
    static let octetsCoded: Int = 40

    /// True when the client's costly work waits for a later turn; it is queued then.
    mutating func putsOff(_ c: Int) -> Bool {
        // Whoever waits already comes first.
        let isBehind = !putOff.isEmpty && !isServingPutOff
        guard effort >= HTTPDoor.effortLimit || isBehind else { return false }
        guard !clients[c].isPutOff else { return true }
        clients[c].isPutOff = true
        putOff.append(clients.handle(at: c))
        count(.putOff)
        return true
    }

    /// Counts costly work of this turn.
    @inline(__always)
    mutating func spend(_ microseconds: Int32) { effort &+= microseconds }

    /// Does as much of what was put off as the turn still allows, and ends the turn.
    mutating func endTurn(_ loop: inout EventLoop) {
        isServingPutOff = true
        var served = 0
        while served < putOff.count, effort < HTTPDoor.effortLimit {
            let handle = putOff[served]
            served &+= 1
            guard clients.contains(handle) else { continue }
            clients[Int(handle.index)].isPutOff = false
            advance(Int(handle.index), &loop)
        }
        if served > 0 { putOff.removeFirst(served) }
        isServingPutOff = false
        effort = 0
    }
}
