// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Keeping clients at their endpoints by a cookie.
extension HTTPDoor {
    /// Reads the cookie of a sticky pool out of the request.
    mutating func readSession(_ c: Int, pool: Int) {
        let sticky = pools[pool].sticky
        guard sticky.isOn else { return }
        guard sticky.mode != .learn else { return recallSession(c, sticky) }
        let mark = SessionMark(
            of: actions.text.span.slice(sticky.name),
            in: fields.entries,
            requestBytes(c),
            isMarked: sticky.mode == .prefix
        )
        clients[c].exchange.hasCookie = mark.isThere
        clients[c].exchange.session = mark.session
    }

    /// Asks the table which endpoint has the session that the request names.
    @inline(never) private mutating func recallSession(_ c: Int, _ sticky: StickyRecord) {
        guard let key = sessionKey(c, sticky) else { return }
        clients[c].exchange.hasCookie = true
        clients[c].exchange.session = sessionNames.find(key, idle: sticky.idle, now: now)
    }

    private func sessionKey(_ c: Int, _ sticky: StickyRecord) -> UInt64? {
        let name = sticky.askedName(fields.entries, requestBytes(c), actions)
        guard !name.isEmpty else { return nil }
        return sessionNames.key(name, pool: Int(clients[c].exchange.poolSlot))
    }

    /// Chooses an endpoint that was not tried yet: the session's, when there is one.
    mutating func choose(_ c: Int, pool: Int) -> Choice {
        guard pools[pool].sticky.isOn else {
            clients[c].exchange.turn = .none
            return chooser.choose(
                pool: pool,
                key: clients[c].exchange.key,
                role: pools[pool].wish(clients[c].exchange.head.method),
                tried: clients[c].exchange.triedSet,
                now: now
            )
        }
        let answer = chooser.choose(
            pool: pool,
            key: clients[c].exchange.key,
            session: clients[c].exchange.session,
            tried: clients[c].exchange.triedSet,
            now: now
        )
        let turn: SessionTurn =
            switch answer.loss {
            case nil: .kept
            case .unknown?: clients[c].exchange.hasCookie ? .unknown : .begun
            case .failed?: .failed
            case .maintenance?: .maintenance
            case .drained?: .drained
            case .down?: .down
            }
        clients[c].exchange.turn = turn
        if case .endpoint(let index) = answer.choice {
            clients[c].exchange.serving = chooser.session(pool: pool, index: index)
        }
        return answer.choice
    }

    /// True when the request waits for the one endpoint that has its session.
    func isBound(_ c: Int) -> Bool { clients[c].exchange.turn == .kept }

    /// The pool's way of keeping clients; one that is off without a pool.
    func sticky(_ c: Int) -> StickyRecord {
        let pool = Int(clients[c].exchange.pool)
        return pools.indices.contains(pool) ? pools[pool].sticky : StickyRecord()
    }

    /// True when the endpoint's answer tells the client its session.
    func givesSession(_ c: Int) -> Bool {
        guard clients[c].exchange.serving != 0 else { return false }
        let sticky = sticky(c)
        guard sticky.isOn, sticky.mode == .insert else { return false }
        switch clients[c].exchange.turn {
        case .none: return false
        case .kept: return sticky.renews
        default: return true
        }
    }

    /// True when the endpoint does not get to see the session's cookie.
    func stripsSession(_ c: Int) -> Bool { clients[c].exchange.hasCookie && sticky(c).strips }

    /// Writes into the tail what tells the client its session, and nothing else.
    mutating func renderSession(_ c: Int) -> RouteText {
        var text = RouteText()
        guard givesSession(c) else { return text }
        let sticky = sticky(c)
        let session = clients[c].exchange.serving
        let isSecure = clients[c].isSecure
        tail.write { output in
            text.isWhole = sticky.write(
                session,
                isSecure: isSecure,
                actions,
                into: &output
            )
            text.fields = ByteRange(from: 0, to: output.count)
        }
        return text
    }

    /// Counts what became of the session.
    func countSession(_ c: Int) {
        let pool = Int(clients[c].exchange.poolSlot)
        let turn = clients[c].exchange.turn
        guard turn != .none, pool >= 0, pool < GatewayMetrics.poolLimit else { return }
        words.addOwned(GatewayMetrics.session(turn, pool: pool), 1)
    }
}
