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
        /// Nobody waits for the verdict any more.
        var deadline: Instant
    }

    struct Verdict: Sendable {
        var client: Handle
        var number: UInt64
        var isRight: Bool
        var digest: Digest128
        var cache: Interval
        var attemptKey: UInt64
        var attempts: RateMachine
    }

    /// Questions that may wait in the whole process.
    static let waitLimit = 64

    private let questions: Mailbox<Question>
    let verdicts: [Mailbox<Verdict>]
    /// Two books: of the questions that wait, and of the one thread.
    private let books = PendingLimit(pools: 2)

    init(workers: Int) throws(SystemError) {
        questions = try Mailbox()
        var verdicts: [Mailbox<Verdict>] = []
        for _ in 0..<workers { verdicts.append(try Mailbox()) }
        self.verdicts = verdicts
    }

    /// False when too many wait already, or there can be no thread.
    func ask(_ question: Question) -> Bool {
        guard books.tryEnter(0, limit: CredentialDesk.waitLimit) else { return false }
        guard books.tryEnter(1, limit: 1) else {
            questions.post(question)
            return true
        }
        let (questions, verdicts, books) = (questions, verdicts, books)
        do throws(SystemError) {
            try WorkerThread.start(name: "passwords") {
                CredentialDesk.run(questions, verdicts) { books.leave(0) }
            }
        } catch {
            books.leave(0)
            books.leave(1)
            return false
        }
        questions.post(question)
        return true
    }

    // The thread lives as long as the process.
    private static func run(
        _ questions: Mailbox<Question>,
        _ verdicts: [Mailbox<Verdict>],
        _ leave: () -> Void
    ) {
        guard let checker = PasswordHash(), var loop = try? EventLoop() else { return }
        loop.add(questions.descriptor, token: 0, interest: .read)
        while true {
            _ = loop.wait(timeoutMilliseconds: -1)
            for question in questions.drain() {
                leave()
                guard Clock.monotonic() < question.deadline else { continue }
                // Compared also for somebody unknown: the time must not tell.
                let matches = checker.matches(question.password, question.hash)
                verdicts[question.worker].post(
                    Verdict(
                        client: question.client,
                        number: question.number,
                        isRight: matches && question.isKnown,
                        digest: question.digest,
                        cache: question.cache,
                        attemptKey: question.attemptKey,
                        attempts: question.attempts
                    )
                )
            }
        }
    }
}
