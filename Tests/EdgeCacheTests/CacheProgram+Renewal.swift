// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol

@testable import EdgeCache

/// Newer heads of what is stored.
extension CacheProgram {
    /// What is known of an object, and its head, once a newer head has come; nil when it may be kept no longer,
    /// or the newer head is for something else.
    private func update(
        _ ref: StoredRef,
        by newer: [UInt8],
        for request: ReadHead,
        asked: Int64,
        isFor: (borrowing FieldTable, Span<UInt8>, borrowing FieldTable, Span<UInt8>) -> Bool
    ) -> (facts: StoredFacts, head: [UInt8])? {
        let time = Exchange.time(now)
        let held = [UInt8](capacity: 2048) { _ = store.writeHead(ref, into: &$0) }
        let merged = StoredHead.parse(held) { head, stored, bytes -> [UInt8]? in
            StoredHead.parse(newer) { _, fields, newerBytes -> [UInt8]? in
                guard isFor(stored, bytes, fields, newerBytes) else { return nil }
                return [UInt8](capacity: 4096) {
                    _ = HeadUpdate.write(
                        head,
                        stored,
                        bytes,
                        with: fields,
                        newerBytes,
                        keepsCookies: false,
                        now: time,
                        into: &$0
                    )
                }
            }
        }
        guard let merged else { return nil }
        let sent = Exchange.time(asked)
        let verdict = StoredHead.parse(merged) { head, fields, bytes in
            storage.judge(
                request.request,
                status: head.status,
                fields,
                bytes,
                sent: sent,
                now: time
            )
        }
        guard case .store(var facts) = verdict else { return nil }
        facts.initialAge = StoredHead.parse(newer) { _, fields, bytes in
            storage.initialAge(fields, bytes, sent: sent, now: time)
        }
        return (facts, merged)
    }

    /// A 304 has come for what is stored, or for something else; true, since that is all.
    func renew(_ fetch: Fetch, _ base: ProgramRecord, _ newer: ProgramAnswer) -> Bool {
        var newer = newer
        let isOther = pick(20) == 0
        if isOther { newer.tag = "\"other\"" }
        let text = newer.head(status: 304)
        let time = Exchange.time(now)
        let update = update(
            fetch.base,
            by: text,
            for: head(fetch.request),
            asked: fetch.asked
        ) { stored, bytes, fields, newerBytes in
            HeadUpdate.selects(stored, bytes, by: fields, newerBytes, isOnly: true, now: time)
                != .none
        }
        check(!isOther || update == nil, "a 304 for something else is taken")
        guard let update else {
            tally("304 of no use")
            store.refuse(fetch.fill, until: nil)
            return true
        }
        let merged = base.answer.updated(by: newer, came: now)
        let isAllowed = ProgramRecord.isStorable(merged, fetch.request, isHeeded: isHeeded)
        check(isAllowed, "\(base.answer.number) may be kept no longer")
        guard
            store.renew(
                fetch.fill,
                base: fetch.base,
                facts: update.facts,
                head: update.head.span
            )
        else {
            store.refuse(fetch.fill, until: nil)
            return true
        }
        tally("renewed")
        take(merged, fetch.request, asked: fetch.asked, base)
        if !fetch.isGone { base.isSoft = false }
        return true
    }

    private func take(
        _ merged: ProgramAnswer,
        _ request: ProgramRequest,
        asked: Int64,
        _ record: ProgramRecord
    ) {
        record.answer = merged
        record.asked = asked
        record.came = now
        // Who has renewed it may have it; the fields that it varies by are the same.
        record.request.hasAuthorization = request.hasAuthorization
        record.request.number = request.number
    }

    /// An answer to HEAD comes by (RFC 9111 §4.3.5).
    func tellHead() {
        let (resource, request) = (pick(ProgramOrigin.count), anyRequest())
        let (read, key, time) = (head(request), keys[resource], Exchange.time(now))
        let bytes = read.bytes
        let ref = store.candidate(
            key.span,
            read.request,
            read.fields,
            bytes.span,
            by: reuse,
            now: time
        )
        guard !ref.isNone else { return }
        defer { store.release(ref) }
        guard let record = object(ref, resource, request) else { return }
        guard
            let newer = origin.unchanged(resource, request, record.answer, at: now, &random),
            let update = update(
                ref,
                by: newer.head(status: 200),
                for: read,
                asked: now,
                isFor: { stored, bytes, fields, newerBytes in
                    HeadUpdate.headMatches(
                        stored,
                        bytes,
                        length: Int64(record.answer.body.count),
                        by: fields,
                        newerBytes,
                        now: time
                    )
                }
            )
        else {
            tally("HEAD of something else")
            store.spoil(ref)
            record.isSoft = true
            return
        }
        guard store.freshen(ref, facts: update.facts, head: update.head.span) else { return }
        tally("HEAD of what is stored")
        let merged = record.answer.updated(by: newer, came: now)
        let isAllowed = ProgramRecord.isStorable(merged, request, isHeeded: isHeeded)
        check(isAllowed, "\(record.answer.number) may be kept no longer")
        take(merged, request, asked: now, record)
    }
}
