// SPDX-License-Identifier: Apache-2.0
// modules: Essentials DNSProtocol
// sources: Sources/ControlPlane/Resolving/ResolverMessage.swift
// sources: Sources/ControlPlane/Resolving/ResolverMessage+Subnet.swift
// sources: Sources/ControlPlane/Resolving/ResolverFiles.swift
// sources: Sources/ControlPlane/Resolving/NameMachine.swift
// sources: Sources/ControlPlane/Resolving/NameMachine+Families.swift
import DNSProtocol
import Essentials

/// Whatever a resolver answers, a lookup comes to an end, and says nothing that was not answered.
///
/// The input is what follows the question: two octets of flags, the numbers of answers and of
/// authorities, and the records. So every input is an answer to what is asked.
func examine(_ bytes: [UInt8]) {
    guard bytes.count >= 4 else { return }
    for isAlias in [true, false] { look(bytes, isAlias: isAlias) }
    if let network = Prefix("192.0.2.0/24") { _ = ResolverMessage.scope(bytes, asked: network) }
}

/// What a lookup needs of the names that are kept; they themselves belong to other modules.
enum ResolvedNames {
    struct Subnet {
        var network: Prefix
        var type: RecordType
    }
}

private let bounds = Interval.seconds(5)...Interval.seconds(60)

private func look(_ bytes: [UInt8], isAlias: Bool) {
    let text = "nameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch a.test\noptions attempts:2\n"
    let configuration = ResolverConfiguration(text: Array(text.utf8))
    var machine =
        isAlias
        ? NameMachine(
            alias: "www.test",
            configuration: configuration,
            bounds: bounds,
            now: .start
        )
        : NameMachine(
            host: "www.test",
            configuration: configuration,
            hasIPv6: true,
            bounds: bounds,
            now: .start
        )
    var random = SeededRandom(seed: 1)
    var now = Instant.start
    // Two servers, two attempts, two names.
    for _ in 0..<2 * 2 * 2 {
        var effect = machine.expire(now: now, random: &random)
        var waiting: [NameMachine.Question] = []
        while true {
            if let outcome = effect.outcome, !isOver(outcome, machine, now) { machine.check() }
            if !machine.isAsking { return }
            // Questions of a new round take the place of the old ones.
            waiting = waiting.filter { machine.isWaiting(for: $0) } + effect.questions
            guard let question = waiting.popLast() else { break }
            let answer = answer(question, bytes)
            check(answer, question)
            effect = machine.receive(answer, for: question, now: now, random: &random)
        }
        promise(machine.deadline > now, "a wait has an end to come")
        now = machine.deadline
    }
    promise(!machine.isAsking, "a lookup ends")
}

extension NameMachine {
    fileprivate func check() { promise(isAsking, "half an outcome is not the end") }
}

/// Looks at an outcome; true when it is the last one.
private func isOver(
    _ outcome: NameMachine.Outcome,
    _ machine: NameMachine,
    _ now: Instant
) -> Bool {
    switch outcome {
    case .addresses(let addresses, let life):
        promise(!addresses.isEmpty, "an outcome with addresses has some")
        promise(bounds.contains(life), "a life lies within its bounds")
    case .failure(let reason, let wait):
        promise(!reason.isEmpty && wait > .zero, "a failure has a reason, and is not the end")
    case .families(let answers), .family(let answers):
        for (family, isIPv4) in [(answers.ipv4, true), (answers.ipv6, false)] {
            guard let family else { continue }
            promise(family.addresses.allSatisfy { $0.isIPv4 == isIPv4 }, "each to its family")
            promise(bounds.contains(family.life), "a life lies within its bounds")
        }
        if case .family = outcome { return false }
        let isWhole = answers.ipv4 != nil && answers.ipv6 != nil
        promise(isWhole || !answers.failure.isEmpty, "what is missing has a reason")
    }
    promise(machine.deadline > now, "it is looked up again, and not at once")
    return true
}

private func answer(_ question: NameMachine.Question, _ bytes: [UInt8]) -> [UInt8] {
    // Up to the end of the question: the OPT record of 11 octets is left out.
    var answer = Array(question.bytes.dropLast(11))
    (answer[2], answer[3]) = (bytes[0], bytes[1])
    (answer[7], answer[9], answer[11]) = (bytes[2], bytes[3], 0)
    return answer + bytes.dropFirst(4)
}

/// What is read of one answer stands in it.
private func check(_ answer: [UInt8], _ question: NameMachine.Question) {
    func read(_ id: UInt16, _ type: RecordType) -> ResolverMessage.Answer? {
        ResolverMessage.read(answer, id: id, name: question.name, type: type)
    }
    let other: RecordType = question.type == .A ? .AAAA : .A
    promise(read(question.id ^ 1, question.type) == nil, "another id is another's answer")
    promise(read(question.id, other) == nil, "another type is another's answer")
    guard let read = read(question.id, question.type), let message = DNSMessage(answer) else {
        return
    }
    switch read {
    case .addresses(let addresses, let ttl):
        let records = message.answers.filter { $0.type == question.type }
        promise(!addresses.isEmpty, "addresses are some")
        for address in addresses {
            promise(records.contains { ip($0.data) == address }, "an address stands in a record")
        }
        promise(ttl <= records.map(\.ttl).max() ?? 0, "no TTL is longer than the records'")
    case .noData(let ttl), .noName(let ttl):
        let starts = message.authorities.filter { $0.type == .SOA }
        promise(ttl <= starts.map(\.ttl).max() ?? 0, "nothing is known for longer than an SOA")
    case .truncated: promise(message.isTruncated, "an answer is cut when it says so")
    case .refused, .unresolved: break
    }
}

private func ip(_ data: [UInt8]) -> IPAddress? {
    let bits = data.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
    switch data.count {
    case 4: return IPAddress(v4: UInt32(truncatingIfNeeded: bits))
    case 16: return IPAddress(v6: bits).unmapped
    default: return nil
    }
}
