// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol

@testable import EdgeCache

extension CacheProgram {
    /// Does one thing.
    func step() throws {
        let renewals = renewals
        switch pick(1000) {
        case ..<430: ask()
        case ..<720: goOn()
        case ..<790: wake()
        case ..<870: leave()
        case ..<960: now += Int64(pick(12))
        case ..<966: now -= Int64(pick(30))
        case ..<981: origin.change(pick(ProgramOrigin.count))
        case ..<991: purge()
        case ..<999: tellHead()
        default: if pick(3) == 0 { try restart() }
        }
        guard let disk else { return }
        // A kill takes what has just come; a head of before would be another answer of the same number.
        if self.renewals > renewals { disk.write() }
        if pick(4) == 0 {
            disk.write()
            disk.read()
        }
    }

    private var renewals: Int {
        (counts["renewed"] ?? 0) + (counts["HEAD of what is stored"] ?? 0)
    }

    // MARK: Clients

    private func ask() {
        let (resource, request) = (pick(ProgramOrigin.count), anyRequest())
        let (head, key) = (head(request), keys[resource])
        let bytes = head.bytes
        let found = store.find(
            key.span,
            head.request,
            head.fields,
            bytes.span,
            by: reuse,
            now: Exchange.time(now),
            mayFetch: fetches.count < 30 && pick(8) > 0,
            worker: pick(4)
        )
        switch found {
        case .fresh(let ref):
            tally("fresh")
            serveFresh(ref, resource, request)
        case .ahead(let ref, let fill):
            tally("ahead")
            store.retain(ref)
            let base = serveFresh(ref, resource, request)
            fetches.append(Fetch(fill, ref, base, resource, request, asked: now))
        case .stale(let ref):
            tally("stale")
            serveStale(ref, resource, request)
        case .refreshing(let ref, let fill):
            tally("refreshing")
            // Held by the fetch, too.
            store.retain(ref)
            let base = serveStale(ref, resource, request)
            fetches.append(Fetch(fill, ref, base, resource, request, asked: now))
        case .fetch(let fill, let base, _):
            tally("fetch")
            let record = base.isNone ? nil : object(base, resource, request)
            fetches.append(Fetch(fill, base, record, resource, request, asked: now))
        case .wait(let fill, let base): join(fill, base, resource, request)
        case .load(let load, _):
            tally("load")
            waiters.append(Waiter(fill: load, base: .none, request: request))
        case .unavailable:
            tally("unavailable")
            check(isHeeded && request.wish.isOnlyIfCached, "it could be fetched")
        case .absent: tally("absent")
        case .passing: tally("passing")
        case .tooRare: check(false, "nothing is too rare")
        case .overloaded: tally("overloaded")
        }
    }

    @discardableResult
    private func serveFresh(
        _ ref: StoredRef,
        _ resource: Int,
        _ request: ProgramRequest
    ) -> ProgramRecord? {
        guard let record = object(ref, resource, request) else { return nil }
        let isAllowed = record.mayServeFresh(request, now, isHeeded: isHeeded)
        check(
            isAllowed,
            "\(record.answer.number) is fresh for \(request.wish.text): \(record.story)"
        )
        read(ref, record)
        return record
    }

    @discardableResult
    private func serveStale(
        _ ref: StoredRef,
        _ resource: Int,
        _ request: ProgramRequest
    ) -> ProgramRecord? {
        guard let record = object(ref, resource, request) else { return nil }
        let isAllowed = record.mayServeStale(request, now, isHeeded: isHeeded)
        check(
            isAllowed,
            "\(record.answer.number) is stale for \(request.wish.text): \(record.story), "
                + "\(store.facts(ref).map { "\($0)" } ?? "no facts")"
        )
        read(ref, record)
        return record
    }

    private func join(
        _ fill: StoredRef,
        _ base: StoredRef,
        _ resource: Int,
        _ request: ProgramRequest
    ) {
        tally("wait")
        if !base.isNone { _ = object(base, resource, request) }
        let fetch = fetches.first { $0.fill == fill }
        check(fetch?.resource == resource, "what is waited for is of another resource")
        check(fetch?.isGone == false, "what is waited for was taken out")
        if let record = fetch?.record {
            let isAllowed =
                record.isFor(request) && record.mayReadAlong(request, now, isHeeded: isHeeded)
            check(isAllowed, "\(record.answer.number) is read along for \(request.wish.text)")
        }
        waiters.append(Waiter(fill: fill, base: base, request: request))
    }

    /// Somebody who waits looks how far it is.
    private func wake() {
        guard !waiters.isEmpty else { return }
        let place = pick(waiters.count)
        let waiter = waiters[place]
        switch store.state(waiter.fill, watcher: 0) {
        case .awaited: return
        case .growing, .complete: readAlong(waiter)
        case .renewed where !waiter.base.isNone:
            tally("renewed for others")
            if let record = record(waiter.base) {
                check(record.isFor(waiter.request), "another variant was renewed")
                store.retain(waiter.base)
                read(waiter.base, record)
            }
        case .failed, .refused, .renewed: tally("waited in vain")
        }
        waiters.remove(at: place)
        store.release(waiter.fill)
        store.release(waiter.base)
    }

    private func readAlong(_ waiter: Waiter) {
        let head = head(waiter.request)
        let bytes = head.bytes
        guard let record = record(waiter.fill) else {
            return check(false, "a head without a number")
        }
        let fits = store.fits(waiter.fill, head.fields, bytes.span)
        check(fits == record.isFor(waiter.request), "\(record.answer.number) fits or not")
        guard fits else { return tally("waited for others") }
        tally("read along")
        check(record.isStorable(isHeeded: isHeeded), "what may not be kept is shared")
        store.retain(waiter.fill)
        read(waiter.fill, record)
    }

    /// A reader has read enough.
    private func leave() {
        guard !readers.isEmpty else { return }
        for _ in 0..<(readers.count > 30 ? 8 : 1) {
            let reader = readers.remove(at: pick(readers.count))
            compare(reader.ref, reader.record)
            store.release(reader.ref)
        }
    }

    // MARK: Fetches

    /// A fetch goes on.
    private func goOn() {
        guard !fetches.isEmpty else { return }
        let place = pick(fetches.count)
        let fetch = fetches[place]
        let isOver = fetch.record == nil ? answer(fetch) : bring(fetch)
        guard isOver else { return }
        fetches.remove(at: place)
        _ = store.takeWatchers(fetch.fill)
        store.release(fetch.fill)
        store.release(fetch.base)
    }

    /// The head comes; true when that was all.
    private func answer(_ fetch: Fetch) -> Bool {
        guard pick(10) > 0 else { return fail(fetch) }
        if let base = fetch.baseRecord, pick(10) > 0 {
            let newer = origin.unchanged(
                fetch.resource,
                fetch.request,
                base.answer,
                at: now,
                &random
            )
            if let newer { return renew(fetch, base, newer) }
        }
        return keep(
            fetch,
            origin.answer(fetch.resource, fetch.request, at: now, &random)
        )
    }

    private func fail(_ fetch: Fetch) -> Bool {
        tally("failed")
        if let base = fetch.baseRecord, let facts = store.facts(fetch.base),
            reuse.mayServeOnError(facts, now: Exchange.time(now))
        {
            tally("stale on error")
            check(
                base.mayServeOnError(now),
                "\(base.answer.number) is given on an error: \(base.story)"
            )
        }
        store.fail(fetch.fill)
        return true
    }

    private func keep(_ fetch: Fetch, _ answer: ProgramAnswer) -> Bool {
        let request = head(fetch.request)
        let (requestBytes, time) = (request.bytes, Exchange.time(now))
        let isTold = pick(2) == 0
        let opened = StoredHead.parse(answer.head(status: answer.status)) {
            head,
            fields,
            bytes -> OpenAnswer? in
            let verdict = storage.judge(
                request.request,
                status: head.status,
                fields,
                bytes,
                sent: Exchange.time(fetch.asked),
                now: time
            )
            guard case .store(let facts) = verdict else { return nil }
            let text = [UInt8](capacity: 2048) {
                _ = StoredHeadWriter.write(
                    head,
                    fields,
                    bytes,
                    keepsCookies: false,
                    now: time,
                    into: &$0
                )
            }
            return store.open(
                fetch.fill,
                facts: facts,
                head: text.span,
                varyOf: fields,
                bytes,
                for: request.fields,
                requestBytes.span,
                length: isTold ? UInt64(answer.body.count) : nil
            )
        }
        let isAllowed = ProgramRecord.isStorable(answer, fetch.request, isHeeded: isHeeded)
        guard opened == .kept else {
            tally(isAllowed ? "not kept" : "refused")
            let isLasting = !isAllowed && pick(3) == 0
            store.refuse(fetch.fill, until: isLasting ? Exchange.time(now + 40) : nil)
            return true
        }
        check(isAllowed, "\(answer) is kept")
        tally("kept")
        let record = ProgramRecord(
            answer,
            fetch.resource,
            fetch.request,
            asked: fetch.asked,
            came: now,
            isGone: fetch.isGone
        )
        records[answer.number] = record
        fetch.record = record
        return false
    }

    /// Content comes; true when there is no more.
    private func bring(_ fetch: Fetch) -> Bool {
        guard let record = fetch.record else { return true }
        let body = record.answer.body
        if pick(25) == 0 {
            tally("broken")
            // An end before the end is told to the store as an end where the length says so.
            if let length = store.length(fetch.fill), length > UInt64(fetch.written) {
                store.close(fetch.fill)
            } else {
                store.fail(fetch.fill)
            }
            record.isGone = true
            return true
        }
        let end = min(fetch.written + pick(40_000), body.count)
        guard store.append(fetch.fill, body.span.extracting(fetch.written..<end)) else {
            tally("no room")
            store.refuse(fetch.fill, until: pick(2) == 0 ? Exchange.time(now + 40) : nil)
            record.isGone = true
            return true
        }
        fetch.written = end
        guard end == body.count else { return false }
        store.close(fetch.fill)
        record.isComplete = true
        // What an order met while it came is not kept.
        if fetch.isGone { record.isGone = true }
        tally("whole")
        return true
    }
}
