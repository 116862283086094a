// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Runtime

/// Sockets and clocks for ``TraceMachine``; waits, so for commands only.
public enum TraceDriver {
    /// Follows a name; `write` gets each line as it is known, or the whole as JSON.
    ///
    /// True when the way led to an end, be it that the name does not exist.
    public static func run(
        _ order: QueryOrder,
        usesColour: Bool,
        write: (String) -> Void
    ) -> Bool {
        let timeout = order.timeout ?? .seconds(2)
        let own = order.roots.map { TraceServer(name: nil, addresses: [$0]) }
        var machine = TraceMachine(
            name: order.name,
            type: order.type,
            hosts: HostsFile(text: QueryRun.file(order.hostsPath)),
            resolvers: QueryRun.resolvers(order),
            // Everyone's first question to the same server would be a burden to it.
            roots: own.isEmpty ? RootHints.servers.shuffled() : own,
            port: order.port,
            timeout: timeout
        )
        let text = TraceText(order: order, usesColour: usesColour)
        var told = 0
        func tell() {
            guard !order.isJSON else { return }
            for step in machine.steps[told...] { write(text.step(step)) }
            told = machine.steps.count
        }
        if !order.isJSON { write(text.head) }
        var action = machine.begin(now: Clock.monotonic())
        while true {
            tell()
            switch action {
            case .finish(let outcome):
                write(
                    order.isJSON
                        ? text.json(machine, outcome).text(indented: true) + "\n"
                        : text.end(machine, outcome)
                )
                return outcome.hasEnd
            case .ask(let question):
                action = ask(question, timeout, &machine)
            }
        }
    }

    private static func ask(
        _ question: TraceMachine.Question,
        _ timeout: Interval,
        _ machine: inout TraceMachine
    ) -> TraceMachine.Action {
        var query = ClientQuery(
            id: .random(in: .min ... .max),
            name: question.name,
            type: question.type
        )
        query.isRecursive = question.isRecursive
        query.wantsSignatures = true
        do throws(FetchFault) {
            let exchange = QueryExchange(timeout: timeout, tries: 2)
            let reply = try exchange.ask(query, question.server)
            return machine.receive(
                reply.message,
                by: reply.transport,
                now: Clock.monotonic()
            )
        } catch {
            return machine.fail(error.text, now: Clock.monotonic())
        }
    }
}
