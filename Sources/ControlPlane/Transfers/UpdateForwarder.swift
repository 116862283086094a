// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Sends updates of zones that come from elsewhere on to where they come from (RFC 2136 §6).
///
/// A message goes as it came, its signature included, under an id of its own (§6.1): the primary knows
/// by its key who asks, and what is not signed it judges by the address of this server. So does the
/// answer on its way back. One thread waits for each; the answer leaves by the worker that has the way.
final class UpdateForwarder: Sendable {
    /// Updates on their way at a time; more are answered SERVFAIL.
    static let limit: UInt64 = 64
    /// How long all primaries together may take: askers wait no longer.
    static let patience = Interval.seconds(10)

    private let running = SharedWords(count: 1)

    /// One update, and what its answer needs.
    struct Job: Sendable {
        var request: UpdateDesk.Request
        var primaries: [FetchJob.Primary]
        var id: UInt16
        var mailbox: Mailbox<WorkerCommand>
        var desk: UpdateDesk
    }

    /// Has an update sent on; false when too many are.
    func start(_ job: Job) -> Bool {
        guard running.add(0, 1) <= UpdateForwarder.limit else {
            running.add(0, ~0)
            return false
        }
        do throws(SystemError) {
            try WorkerThread.start(name: "forward", isPatient: true) { [running] in
                UpdateForwarder.run(job)
                running.add(0, ~0)
            }
            return true
        } catch {
            running.add(0, ~0)
            return false
        }
    }

    private static func run(_ job: Job) {
        let end = Clock.monotonic() + patience
        var answer: [UInt8]?
        for (number, primary) in job.primaries.enumerated() {
            let now = Clock.monotonic()
            let share = max((end - now).nanoseconds, 0) / Int64(job.primaries.count - number)
            let found = try? ask(primary, job, now + Interval(nanoseconds: share))
            answer = found ?? answer
            // RFC 2136 §4: the next one may be able to do it.
            guard let found, !mayTryNext.contains(ResponseCode(UInt16(found[3] & 15))) else {
                continue
            }
            break
        }
        let code = answer.map { ResponseCode(UInt16($0[3] & 15)) } ?? .serverFailure
        let bytes = answer ?? UpdateAnswer.bare(job.request.message, code)
        let reply = UpdateDesk.Reply(job.request, code, bytes: bytes)
        job.mailbox.post(.answerUpdates([reply]))
        job.desk.noteForwarded(code)
    }

    /// What a primary says that is not the one to ask, or cannot do it now.
    private static let mayTryNext: Set<ResponseCode> = [
        .serverFailure, .notImplemented, .notAuthorized,
    ]

    private static func ask(
        _ primary: FetchJob.Primary,
        _ job: Job,
        _ deadline: Instant
    ) throws(FetchFault) -> [UInt8] {
        var connection = try FetchConnection.open(
            primary.address,
            primary.security,
            deadline: deadline
        )
        let message = job.request.message
        let id = [UInt8(job.id >> 8), UInt8(job.id & 255)]
        try connection.send(id + message.dropFirst(2))
        let answer = try connection.receive()
        guard answer.count >= DNSQuery.headerLength, answer.starts(with: id),
            answer[2] & 0xf8 == 0x80 | UpdateMessage.opcode << 3
        else { throw FetchFault("its answer is about something else") }
        return Array(message.prefix(2)) + answer.dropFirst(2)
    }
}

extension Plane {
    /// Sends an update on where its zone says so; false where it is to be decided here.
    mutating func forward(_ request: UpdateDesk.Request) -> Bool {
        guard let section = UpdateMessage.zone(request.message),
            section.zoneClass == RecordClass.internet,
            let zone = secondaries.zones["\(section.name.lowercased)"], zone.forwardsUpdates,
            let desk = shared.dns.updates, workers.mailboxes.indices.contains(request.worker)
        else { return false }
        // RFC 8945 §5.5: a key that is known here is looked at, others are the primary's matter.
        switch assembly.transactionKeys.check(request.message.span, seconds: Plane.seconds) {
        case .malformed: return false
        case .refused(let refusal) where refusal.error != .badKey: return false
        case .refused, .unsigned, .accepted: break
        }
        let mailbox = workers.mailboxes[request.worker]
        let isSent = forwarder.start(
            UpdateForwarder.Job(
                request: request,
                primaries: zone.primaries,
                id: UInt16(truncatingIfNeeded: secondaries.draw()),
                mailbox: mailbox,
                desk: desk
            )
        )
        guard !isSent else { return true }
        // It is nothing that could be decided here.
        let bytes = UpdateAnswer.bare(request.message, .serverFailure)
        mailbox.post(
            .answerUpdates([UpdateDesk.Reply(request, .serverFailure, bytes: bytes)])
        )
        desk.noteForwarded(.serverFailure)
        return true
    }
}
