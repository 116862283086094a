// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// Writes large answers on a thread of its own, so that a scrape of 10,000 endpoints does not hold
/// up a probe's verdict.
///
/// What is rendered are values and tables that any thread may read.
final class AdminRenderer: Sendable {
    private struct Job: Sendable {
        let ticket: Handle
        let render: @Sendable () -> ServiceResponse
    }
    /// An answer on its way back to the connection that asked.
    struct Done: Sendable {
        let ticket: Handle
        let response: ServiceResponse
    }

    /// Where finished answers wait for the owner of the service.
    let done: Mailbox<Done>
    private let jobs: Mailbox<Job>

    /// Starts the thread, which lives as long as the process.
    init() throws(SystemError) {
        done = try Mailbox()
        jobs = try Mailbox()
        try WorkerThread.startLoop(name: "martlet-render", isPatient: true) { [jobs, done] loop in
            loop.add(jobs.descriptor, token: 0, interest: .read)
            while true {
                _ = loop.wait(timeoutMilliseconds: -1)
                for job in jobs.drain() {
                    done.post(Done(ticket: job.ticket, response: job.render()))
                }
            }
        }
    }

    /// Hands an answer over for rendering.
    func submit(_ ticket: Handle, _ render: @escaping @Sendable () -> ServiceResponse) {
        jobs.post(Job(ticket: ticket, render: render))
    }
}
