// SPDX-License-Identifier: Apache-2.0
// modules: Essentials DNSProtocol Steering Runtime DNSServer
// dictionary: tsig.dict
import DNSProtocol
import DNSServer
import Essentials

/// Signed messages: nothing is believed that the key has not signed as it stands, whatever is cut off,
/// changed, late or left out; what is signed is believed by the peer.
///
/// The input is a plan of eight octets and then a stream of messages with their lengths in front: the
/// first is a request, the others are what answers it.
func examine(_ bytes: [UInt8]) {
    guard bytes.count > 10, let name = DomainName("key.example") else { return }
    let plan = Plan(bytes)
    let key = TransactionKey(
        name: name,
        algorithm: plan.algorithm,
        secret: Array("a secret".utf8),
        leastLength: plan.least
    )
    var messages: [[UInt8]] = []
    var rest = bytes.dropFirst(8)
    while rest.count > 2, messages.count < 200 {
        let length = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
        messages.append(Array(rest.dropFirst(2).prefix(length)))
        rest = rest.dropFirst(2 + length)
    }
    for message in messages { examineStrange(message, key) }
    guard let request = messages.first, isPlain(request) else { return }
    examineRequest(request, key, plan)
    examineStream(request, messages.dropFirst(), key, plan)
}

private struct Plan {
    let algorithm: TSIGAlgorithm
    let least: Int
    let now: UInt64
    let apart: Int
    let cut: Int
    let place: Int
    let change: UInt8

    init(_ bytes: [UInt8]) {
        let algorithms = TSIGAlgorithm.allCases
        algorithm = algorithms[Int(bytes[0]) % algorithms.count]
        least = Int(bytes[1])
        now = UInt64(bytes[2]) << 40 | 100_000
        apart = (Int(bytes[3]) - 128) * 4
        cut = Int(bytes[4])
        place = Int(bytes[5]) << 8 | Int(bytes[6])
        change = bytes[7]
    }
}

// A message that can be signed: it is whole, and there is room for one record more.
private func isPlain(_ message: [UInt8]) -> Bool {
    guard message.count >= 12, message[10] != 255, message.count <= 4096 else { return false }
    return DNSMessage(message) != nil && TSIGRecord.read(message.span) == .absent
}

// MARK: What strangers send

private func examineStrange(_ message: [UInt8], _ key: TransactionKey) {
    switch TransactionKeys([key]).check(message.span, seconds: 1000) {
    case .accepted: promise(false, "nobody has the key")
    case .refused(var refusal):
        let answer = [UInt8](capacity: 4096) { output in
            output.write([0, 9, 0x84, 9, 0, 0, 0, 0, 0, 0, 0, 0].span)
            refusal.write(into: &output, from: 0, seconds: 1000)
        }
        guard case .found(let record) = TSIGRecord.read(answer.span) else {
            return promise(false, "a refusal says why")
        }
        promise(record.error == refusal.error.rawValue && record.mac.isEmpty, "it is not signed")
    case .malformed, .unsigned: break
    }
    guard case .found(let record) = TSIGRecord.read(message.span) else { return }
    let again = [UInt8](capacity: message.count + 600) { output in
        output.write(message.span.extracting(0..<record.start))
        record.write(into: &output)
    }
    promise(TSIGRecord.read(again.span) == .found(record), "a signature is read as it was written")
    promise(record.length == again.count - record.start, "its length is known before")
}

// MARK: A request

private func examineRequest(_ request: [UInt8], _ key: TransactionKey, _ plan: Plan) {
    var client = TransactionClient(key)
    let signed = client.sign(request, seconds: plan.now)
    let keys = TransactionKeys([key])
    let late = UInt64(Int(plan.now) + plan.apart)
    let expected = abs(plan.apart) <= 300 ? Verdict.accepted(request.count) : .refused(.badTime)
    promise(Verdict(keys.check(signed.span, seconds: late)) == expected, "a signature has its time")

    guard case .found(var record) = TSIGRecord.read(signed.span) else {
        return promise(false, "what is signed has a signature")
    }
    record.mac = Array((record.mac + record.mac).prefix(plan.cut))
    let cut = [UInt8](capacity: signed.count + 300) { output in
        output.write(signed.span.extracting(0..<record.start))
        record.write(into: &output)
    }
    let whole = plan.algorithm.length
    let verdict: Verdict =
        plan.cut > whole || plan.cut < plan.algorithm.leastLength
        ? .malformed
        : plan.cut < min(plan.least, whole)
            ? .refused(.badTruncation) : .accepted(request.count)
    promise(Verdict(keys.check(cut.span, seconds: plan.now)) == verdict, "a MAC has its length")

    var changed = signed
    changed[plan.place % signed.count] ^= plan.change
    if case .accepted = keys.check(changed.span, seconds: plan.now) {
        let isSame = changed.dropFirst(2) == signed.dropFirst(2)
        promise(isSame || differsInCase(changed, signed, from: record.start), "a change is seen")
    }
}

// The id is not signed; names of keys and algorithms have no case.
private func differsInCase(_ a: [UInt8], _ b: [UInt8], from start: Int) -> Bool {
    a[..<start] == b[..<start]
        && zip(a[start...], b[start...]).allSatisfy { $0 == $1 || ASCII.lowercased($0) == $1 }
}

private enum Verdict: Equatable {
    case unsigned, malformed, accepted(Int), refused(TSIGError)

    init(_ check: TransactionCheck) {
        switch check {
        case .unsigned: self = .unsigned
        case .malformed: self = .malformed
        case .accepted(_, let length): self = .accepted(length)
        case .refused(let refusal): self = .refused(refusal.error)
        }
    }
}

// MARK: A stream of answers

private func examineStream(
    _ request: [UInt8],
    _ answers: ArraySlice<[UInt8]>,
    _ key: TransactionKey,
    _ plan: Plan
) {
    var client = TransactionClient(key)
    let signed = client.sign(request, seconds: plan.now)
    guard
        case .accepted(var transaction, _) = TransactionKeys([key]).check(
            signed.span,
            seconds: plan.now
        )
    else { return promise(false, "a request is believed") }
    var isTampered = false
    for (index, answer) in answers.enumerated() where isPlain(answer) {
        var sent = [UInt8](capacity: answer.count + 300) { output in
            output.write(answer.span)
            transaction.sign(&output, from: 0, seconds: plan.now)
        }
        let step = (plan.place + index) % 16
        // One that is left out, one without its signature, or one that is changed on its way.
        if step == 3 {
            isTampered = true
            continue
        }
        if step == 7 { sent = answer }
        if step == 11, plan.change != 0 {
            sent[2 + plan.place % (answer.count - 2)] ^= plan.change
        }
        let length = try? client.take(sent.span, seconds: plan.now)
        if step == 7 {
            promise(length == nil || length == answer.count && index > 0, "the first is signed")
            promise(!client.isSettled, "the last is signed")
            isTampered = true
        } else if isTampered || step == 11 && plan.change != 0 {
            promise(length == nil || step == 11 && isAbsent(sent), "a change is seen")
            isTampered = true
        } else {
            promise(length == answer.count && client.isSettled, "an answer is believed")
        }
        guard length != nil else { return }
    }
}

private func isAbsent(_ message: [UInt8]) -> Bool { TSIGRecord.read(message.span) == .absent }
