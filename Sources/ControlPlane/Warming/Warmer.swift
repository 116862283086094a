// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import Runtime
internal import Synchronization

/// Has workers fetch lists of URLs, at the pace that each list is given.
///
/// A thread of its own counts: it begins with the first list, and sleeps while there is none.
final class Warmer: Sendable {
    /// Lists that are fetched at a time.
    static let runningLimit = 4
    /// Lists that are told of, those that have ended included.
    private static let keptLimit = 32
    /// Stands for no list: there is another one.
    private static let kick = UInt64.max

    fileprivate struct State {
        var warmings: [Warming] = []
        var latest: UInt64 = 0
        var isStarted = false
    }

    private let state = Mutex(State())

    /// Begins a list; nil when there are too many, or no thread is to be had.
    func begin(
        _ order: WarmOrder,
        cache: String,
        shared: GatewayShared,
        events: EventLog,
        at moment: Moment
    ) -> Warming? {
        let warming = state.withLock { state -> Warming? in
            guard state.warmings.count(where: { !$0.isOver }) < Warmer.runningLimit else {
                return nil
            }
            if !state.isStarted { state.isStarted = start(shared, events) }
            guard state.isStarted else { return nil }
            state.latest += 1
            let warming = Warming(
                number: state.latest,
                cache: cache,
                order: order,
                at: moment
            )
            state.warmings.append(warming)
            while state.warmings.count > Warmer.keptLimit,
                let oldest = state.warmings.firstIndex(where: \.isOver)
            {
                state.warmings.remove(at: oldest)
            }
            return warming
        }
        if warming != nil { wake(shared) }
        return warming
    }

    /// All lists, the latest last.
    var all: [Warming] { state.withLock { $0.warmings } }

    /// Begins no more fetches of a list; nil when there is none of this number.
    func cancel(_ number: UInt64, _ shared: GatewayShared) -> Warming? {
        let found = state.withLock { state -> Warming? in
            guard let place = state.warmings.firstIndex(where: { $0.number == number }) else {
                return nil
            }
            if !state.warmings[place].isOver { state.warmings[place].cancel() }
            return state.warmings[place]
        }
        if found != nil { wake(shared) }
        return found
    }

    private func wake(_ shared: GatewayShared) {
        shared.warmed.post(WarmResult(ticket: Warmer.kick, end: .kept))
    }

    // MARK: The thread

    private func start(_ shared: GatewayShared, _ events: EventLog) -> Bool {
        do throws(SystemError) {
            try WorkerThread.startLoop(name: "martlet-warm", isPatient: true) { loop in
                loop.add(shared.warmed.descriptor, token: 0, interest: .read)
                var wait = -1
                while true {
                    _ = loop.wait(timeoutMilliseconds: wait)
                    wait = self.turn(shared, events)
                }
            }
            return true
        } catch {
            return false
        }
    }

    /// Takes what has come, begins what may begin; for how many milliseconds to wait then.
    private func turn(_ shared: GatewayShared, _ events: EventLog) -> Int {
        let results = shared.warmed.drain()
        let (now, realtime) = (Clock.monotonic(), Clock.realtime())
        var requests: [WarmRequest] = []
        var summaries: [Warming] = []
        let wait = state.withLock { state -> Int in
            for result in results { state.take(result) }
            var wait = Interval.max
            for place in state.warmings.indices where !state.warmings[place].isOver {
                state.warmings[place].expire(at: now)
                while let index = state.warmings[place].begin(at: now) {
                    let warming = state.warmings[place]
                    let ticket = warming.number << 32 | UInt64(index)
                    requests.append(
                        warming.order.request(index, ticket: ticket, cache: warming.cache)
                    )
                }
                if state.warmings[place].end(at: realtime) {
                    summaries.append(state.warmings[place])
                } else {
                    wait = min(wait, state.warmings[place].nextLook(at: now))
                }
            }
            return wait == .max ? -1 : Int(clamping: wait.milliseconds)
        }
        for request in requests {
            let worker = Int(truncatingIfNeeded: request.ticket & 0xffff_ffff) % shared.workers
            shared.warm(request, worker: worker)
        }
        for warming in summaries { tell(warming, events, realtime) }
        return wait
    }

    private func tell(_ warming: Warming, _ events: EventLog, _ realtime: Int64) {
        let fields = [
            JSONMember("cache", .string(warming.cache)),
            JSONMember("warming", .integer(Int64(clamping: warming.number))),
            JSONMember("urls", .integer(Int64(warming.order.urls.count))),
        ]
        let level: LogLevel = warming.failed > 0 ? .warning : .info
        events.record(
            LogEvent(.cachePushed, level, realtime: realtime, warming.summary, fields)
        )
    }
}

extension Warmer.State {
    fileprivate mutating func take(_ result: WarmResult) {
        let number = result.ticket >> 32
        guard let place = warmings.firstIndex(where: { $0.number == number }) else { return }
        warmings[place].take(Int(result.ticket & 0xffff_ffff), result)
    }
}
