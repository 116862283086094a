// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// A query as a client sends it: what is asked, and how (RFC 1035 §4.1, RFC 6891).
struct ClientQuery: Sendable, Equatable {
    var id: UInt16
    var name: DomainName
    var type: RecordType
    var group = RecordClass.internet
    /// RD: the server is to ask on.
    var isRecursive = true
    /// DO: signatures come with the answer (RFC 3225).
    var wantsSignatures = false
    /// The server is asked which one it is (RFC 5001).
    var asksIdentifier = false
    /// The network of clients that it is for (RFC 7871 §7.1).
    var subnet: Prefix?

    init(id: UInt16, name: DomainName, type: RecordType, subnet: Prefix? = nil) {
        (self.id, self.name, self.type, self.subnet) = (id, name, type, subnet)
    }

    /// The message.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ value: UInt16) {
            bytes += [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)]
        }
        append(id)
        append(isRecursive ? 0x0100 : 0)
        for count in [1, 0, 0, 1] as [UInt16] { append(count) }
        bytes += name.wire
        append(type.rawValue)
        append(group)
        bytes.append(0)  // OPT: root owner (RFC 6891 §6.1.2)
        append(RecordType.OPT.rawValue)
        append(ResolverMessage.payloadSize)
        append(0)
        // DO, and CO: without it a name that is not there looks like one without records where denial
        // is compact (RFC 9824 §5).
        append(wantsSignatures ? 0xc000 : 0)
        var options = subnet.map(ResolverMessage.subnetOption) ?? []
        if asksIdentifier { options += [0, 3, 0, 0] }
        append(UInt16(truncatingIfNeeded: options.count))
        return bytes + options
    }

    /// The message as an answer to this query; nil when it is none.
    ///
    /// Some servers repeat no question when they refuse: their id counts.
    func answer(_ bytes: [UInt8]) -> DNSMessage? {
        guard let message = DNSMessage(bytes), message.isResponse, message.id == id,
            message.flags >> 11 & 15 == 0
        else { return nil }
        guard let question = message.questions.first else {
            return message.code == .noError ? nil : message
        }
        guard message.questions.count == 1, question.name == name, question.type == type,
            question.recordClass == group
        else { return nil }
        return message
    }
}
