// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import Testing

/// Endpoint n has the session 100 - n: the table's order is not the pool's.
private func fixture(
    _ weights: [UInt32] = [1, 1, 1],
    tiers: [UInt8] = [],
    change: (inout PoolDefinition) -> Void = { _ in }
) -> Fixture {
    Fixture(.firstAvailable, weights: weights, tiers: tiers) { pool in
        for place in pool.endpoints.indices {
            pool.endpoints[place].session = UInt64(100 - place)
        }
        pool.drain = .seconds(60)
        change(&pool)
    }
}

extension Fixture {
    fileprivate func ask(session: UInt64, tried: Tried = Tried()) -> SessionChoice {
        chooser.choose(pool: 0, key: 0, session: session, tried: tried, now: now)
    }

    fileprivate func expect(
        _ session: UInt64,
        _ index: Int,
        _ loss: SessionLoss?,
        tried: Tried = Tried(),
        _ place: SourceLocation = #_sourceLocation
    ) {
        let answer = ask(session: session, tried: tried)
        #expect(answer.choice == .endpoint(index), sourceLocation: place)
        #expect(answer.loss == loss, sourceLocation: place)
    }
}

@Suite struct SessionTests {
    @Test func `a session goes to its endpoint, whatever the balance says`() {
        let stage = fixture()
        for index in 0..<3 { stage.expect(UInt64(100 - index), index, nil) }
        #expect(stage.chooser.session(pool: 0, index: 1) == 99)
        #expect(stage.chooser.session(pool: 0, index: 3) == 0)
        #expect(stage.chooser.session(pool: 1, index: 0) == 0)
    }

    @Test func `an identifier of nobody is balanced`() {
        let stage = fixture()
        for session: UInt64 in [0, 1, 97, 101, .max] { stage.expect(session, 0, .unknown) }
    }

    @Test func `weight 0 and a higher tier keep their sessions`() {
        let stage = fixture([1, 0, 1], tiers: [0, 0, 1])
        stage.expect(99, 1, nil)
        stage.expect(98, 2, nil)
    }

    @Test(arguments: [
        (HealthWord(health: .down, reason: .connectRefused), SessionLoss.down),
        (HealthWord(health: .unknown), .down),
        (HealthWord(health: .up, administrative: .maintenance), .maintenance),
    ])
    func `a session moves from an endpoint that serves nobody`(
        word: HealthWord,
        loss: SessionLoss
    ) {
        let stage = fixture()
        stage.health.publish(1, word)
        stage.expect(99, 0, loss)
        var ejected = HealthWord.serving
        ejected.isEjected = true
        stage.health.publish(2, ejected)
        stage.expect(98, 0, .down)
    }

    @Test func `draining keeps sessions for as long as the pool drains`() {
        let stage = fixture()
        stage.health.setChanged(1, stage.now)
        stage.health.publish(1, HealthWord(health: .up, administrative: .draining))
        stage.expect(99, 1, nil)
        stage.now = stage.now + .seconds(59)
        stage.expect(99, 1, nil)
        stage.now = stage.now + .seconds(1)
        stage.expect(99, 0, .drained)
    }

    @Test func `an end that the operator has set counts instead of the pool's time`() {
        for seconds in [5, 500] as [Int64] {
            let stage = fixture()
            stage.health.setChanged(1, stage.now)
            stage.health.setDrainEnd(1, stage.now + .seconds(seconds))
            stage.health.publish(1, HealthWord(health: .up, administrative: .draining))
            stage.now = stage.now + .seconds(seconds - 1)
            stage.expect(99, 1, nil)
            stage.now = stage.now + .seconds(1)
            stage.expect(99, 0, .drained)
        }
    }

    @Test func `an attempt that failed moves the session`() {
        let stage = fixture()
        var tried = Tried()
        tried.insert(0)
        stage.expect(100, 1, .failed, tried: tried)
    }

    @Test func `a session waits for an endpoint at its limit`() {
        let stage = fixture { $0.endpoints[1].connectionLimit = 1 }
        let isBegun = stage.begin(1)
        #expect(isBegun)
        let waiting = stage.ask(session: 99)
        #expect(waiting.choice == .none(.atLimit))
        #expect(waiting.loss == nil)
        stage.end(1)
        stage.expect(99, 1, nil)
    }

    @Test func `sessions do not wander while everything is down`() {
        let stage = fixture()
        for slot in 0..<3 {
            stage.health.publish(slot, HealthWord(health: .down, reason: .statusUnexpected))
        }
        for index in 0..<3 { stage.expect(UInt64(100 - index), index, nil) }
        #expect(stage.mode == .allDown)
        stage.health.publish(2, HealthWord(health: .down, administrative: .maintenance))
        stage.expect(98, 0, .maintenance)
    }

    @Test func `a reload that reorders the pool keeps sessions`() {
        let stage = fixture()
        var pool = stage.pool
        pool.endpoints.reverse()
        stage.reload(pool)
        stage.expect(100, 2, nil)
        pool.endpoints.removeLast()
        stage.reload(pool)
        stage.expect(100, 0, .unknown)
    }

    @Test func `an explanation says that the cookie chose`() {
        let stage = fixture()
        stage.health.publish(1, HealthWord(health: .up, administrative: .maintenance))
        let now = stage.now
        func why(_ session: UInt64?) -> PoolExplanation {
            stage.chooser.explain(pool: 0, key: 0, session: session, now: now)
        }
        #expect(why(98).choice == .endpoint(2))
        #expect(why(98).why == "the client's cookie names it")
        #expect(why(99).why.hasSuffix("names is maintenance"))
        #expect(why(1).why.hasSuffix("names no endpoint of the pool"))
        #expect(!why(nil).why.contains("cookie"))
    }
}
