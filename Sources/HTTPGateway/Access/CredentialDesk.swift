// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime
internal import Steering

/// Compares passwords with hashes on a thread of its own, for all workers.
///
/// A comparison takes some ten milliseconds by intent, in which a worker would serve nobody. What
/// waits is bounded: beyond the bound a worker is told at once.
final class CredentialDesk: Sendable {
    struct Question: Sendable {
        var worker: Int
        var client: Handle
        /// Tells exchanges of one connection apart.
        var number: UInt64
        var password: [UInt8]
        var hash: String
        var isKnown: Bool
        /// What is kept in mind when the password is right, and how long.
        var digest: Digest128
        var cache: Interval
        /// What a wrong password counts against.
        var attemptKey: UInt64
        var attempts: RateMachine
        var asked: Instant
        /// Nobody waits for the verdict any more.
        var deadline: Instant
    }

    struct Verdict: Sendable {
        enum Outcome: Sendable { case right, wrong, limited }

        var client: Handle
        var number: UInt64
        var outcome: Outcome
        var digest: Digest128
        var cache: Interval
        var attemptKey: UInt64
        var attempts: RateMachine
    }

    /// Questions that may wait in the whole process.
    static let waitLimit = 64
    /// Questions that may wait for one client, or a few that share a place: nobody fills the desk.
    static let clientLimit = 16
    private static let clientPlaces = 256

    private let questions: Mailbox<Question>
    let verdicts: [Mailbox<Verdict>]
    private let rates: RateTable
    /// Books of the questions that wait, of the one thread, and then of the questions by client.
    private let books = PendingLimit(pools: 2 + clientPlaces)

    init(workers: Int, rates: RateTable) throws(SystemError) {
        questions = try Mailbox()
        var verdicts: [Mailbox<Verdict>] = []
        for _ in 0..<workers { verdicts.append(try Mailbox()) }
        self.verdicts = verdicts
        self.rates = rates
    }

    private static func place(_ question: Question) -> Int {
        2 + Int(question.attemptKey % UInt64(clientPlaces))
    }

    /// False when too many wait already, or there can be no thread.
    func ask(_ question: Question) -> Bool {
        let place = CredentialDesk.place(question)
        guard books.tryEnter(place, limit: CredentialDesk.clientLimit) else { return false }
        guard books.tryEnter(0, limit: CredentialDesk.waitLimit) else {
            books.leave(place)
            return false
        }
        guard books.tryEnter(1, limit: 1) else {
            questions.post(question)
            return true
        }
        do throws(SystemError) {
            try WorkerThread.start(name: "passwords") { self.run() }
        } catch {
            books.leave(place)
            books.leave(0)
            books.leave(1)
            return false
        }
        questions.post(question)
        return true
    }

    private func leave(_ question: Question) {
        books.leave(CredentialDesk.place(question))
        books.leave(0)
    }

    // The thread lives as long as the process. One that cannot begin lets the next question try.
    private func run() {
        guard let checker = PasswordHash(), var loop = try? EventLoop() else {
            books.leave(1)
            for question in questions.drain() { leave(question) }
            return
        }
        loop.add(questions.descriptor, token: 0, interest: .read)
        while true {
            _ = loop.wait(timeoutMilliseconds: -1)
            for question in questions.drain() {
                leave(question)
                guard Clock.monotonic() < question.deadline else { continue }
                verdicts[question.worker].post(judge(question, checker))
            }
        }
    }

    // Here, one after the other, attempts are counted exactly, however many are made at a time.
    private func judge(_ question: Question, _ checker: PasswordHash) -> Verdict {
        let now = question.asked
        var verdict = Verdict(
            client: question.client,
            number: question.number,
            outcome: .limited,
            digest: question.digest,
            cache: question.cache,
            attemptKey: question.attemptKey,
            attempts: question.attempts
        )
        guard rates.peek(question.attemptKey, question.attempts, now: now).isAllowed else {
            return verdict
        }
        // Compared also for somebody unknown: the time must not tell.
        let matches = checker.matches(question.password, question.hash)
        verdict.outcome = matches && question.isKnown ? .right : .wrong
        if verdict.outcome == .wrong {
            _ = rates.take(question.attemptKey, question.attempts, now: now)
        }
        return verdict
    }
}
