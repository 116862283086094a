// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// What a turn of the worker may cost.
///
/// A key exchange, a signature or the compression of a block takes as long as dozens of requests.
/// Many at once, as when everybody connects anew, would hold up whoever wants little. So a turn
/// does about half a millisecond of such work; the rest waits for the next, in the order in which it
/// came, while all that is cheap is done at once. Handshakes and compression wait in lines of their
/// own and are served in turn: those who are being answered do not wait for all who want to begin.
extension HTTPDoor {
    /// Microseconds of costly work in one turn, roughly.
    static let effortLimit: Int32 = 500
    /// A TLS handshake, whatever else it has cost.
    static let handshakeEffort: Int32 = 100
    /// A signature, with the key exchange that goes with it.
    static let signatureEffort: Int32 = 500
    /// What one microsecond compresses.
    static let octetsCoded: Int = 40

    /// What kind of costly work waits.
    enum Effort: Int { case handshake, coding }

    /// True while somebody's costly work waits for a later turn.
    var hasPutOff: Bool { !putOff[0].isEmpty || !putOff[1].isEmpty }

    /// True when the client's costly work waits for a later turn; it is queued then.
    mutating func putsOff(_ c: Int, _ kind: Effort) -> Bool {
        // Whoever waits already comes first.
        let isBehind = !putOff[kind.rawValue].isEmpty && !isServingPutOff
        guard effort >= HTTPDoor.effortLimit || isBehind else { return false }
        guard !clients[c].isPutOff else { return true }
        clients[c].isPutOff = true
        putOff[kind.rawValue].append(clients.handle(at: c))
        count(.putOff)
        return true
    }

    /// Counts costly work of this turn.
    @inline(__always)
    mutating func spend(_ microseconds: Int32) { effort &+= microseconds }

    /// Does as much of what was put off as the turn still allows, and ends the turn.
    ///
    /// The other kind of work than the last time begins, so that each makes progress however costly
    /// one piece of the other is.
    mutating func endTurn(_ loop: inout EventLoop) {
        isServingPutOff = true
        var served: [2 of Int] = [0, 0]
        var kind = firstPutOff
        while effort < HTTPDoor.effortLimit {
            if served[kind] == putOff[kind].count { kind = 1 &- kind }
            guard served[kind] < putOff[kind].count else { break }
            let handle = putOff[kind][served[kind]]
            served[kind] &+= 1
            kind = 1 &- kind
            guard clients.contains(handle) else { continue }
            clients[Int(handle.index)].isPutOff = false
            advance(Int(handle.index), &loop)
        }
        firstPutOff = kind
        for kind in 0..<2 where served[kind] > 0 { putOff[kind].removeFirst(served[kind]) }
        isServingPutOff = false
        effort = 0
    }
}
