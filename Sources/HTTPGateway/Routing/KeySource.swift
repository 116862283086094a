// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Takes the balancing key out of a request.
struct KeySource: Sendable, BitwiseCopyable {
    enum Kind: UInt8, Sendable, BitwiseCopyable { case sourceIP, uri, header, cookie, query }

    /// The longest field, cookie or parameter name that can be a key.
    static let nameLimit = 64

    var kind: Kind
    var nameCount = 0
    var name = InlineArray<64, UInt8>(repeating: 0)

    init(_ plan: HashKeyPlan) {
        var text = ""
        switch plan {
        case .sourceIP: kind = .sourceIP
        case .uri: kind = .uri
        case .header(let field):
            kind = .header
            text = field
        case .cookie(let cookie):
            kind = .cookie
            text = cookie
        case .query(let parameter):
            kind = .query
            text = parameter
        }
        for byte in text.utf8.prefix(KeySource.nameLimit) {
            name[nameCount] = byte
            nameCount += 1
        }
    }

    /// The key of a request; without the named part, the client's address.
    ///
    /// So requests without it still spread, and so does a field that comes twice: which one counts
    /// elsewhere nobody knows.
    ///
    /// With a seed that clients do not know, nobody can write what has the key of an address.
    func key(
        head: RequestHead,
        fields: borrowing FieldTable,
        bytes: Span<UInt8>,
        client: IPAddress,
        seed: UInt64 = 0
    ) -> UInt64 {
        switch kind {
        case .sourceIP: break
        case .uri:
            let path = Hash.bytes(bytes.slice(head.path), seed: seed)
            return Hash.bytes(bytes.slice(head.query), seed: path)
        case .header:
            var found: Int?
            for index in 0..<fields.count
            where isName(bytes.slice(fields[index].name), folding: true) {
                guard found == nil else { return Hash.address(client) }
                found = index
            }
            if let found { return Hash.bytes(bytes.slice(fields[found].value), seed: seed) }
        case .cookie:
            for index in 0..<fields.count where fields[index].known == .cookie {
                let value = bytes.slice(fields[index].value)
                if let key = pair(in: value, separator: UInt8(ascii: ";"), seed) { return key }
            }
        case .query:
            let query = bytes.slice(head.query)
            if let key = pair(in: query, separator: UInt8(ascii: "&"), seed) { return key }
        }
        return Hash.address(client)
    }

    private func isName(_ given: Span<UInt8>, folding: Bool) -> Bool {
        guard given.count == nameCount else { return false }
        for index in 0..<nameCount {
            let a = folding ? ASCII.lowercased(given[index]) : given[index]
            let b = folding ? ASCII.lowercased(name[index]) : name[index]
            if a != b { return false }
        }
        return true
    }

    /// The hash of the value in the first `name=value` of a separated list.
    private func pair(in text: Span<UInt8>, separator: UInt8, _ seed: UInt64) -> UInt64? {
        var start = 0
        while start < text.count {
            while start < text.count, text[start] == 0x20 { start &+= 1 }
            var end = start
            while end < text.count, text[end] != separator { end &+= 1 }
            let valueStart = start &+ nameCount &+ 1
            if valueStart <= end, text[valueStart &- 1] == UInt8(ascii: "="),
                isName(text.extracting(start..<start &+ nameCount), folding: false)
            {
                return Hash.bytes(text.extracting(valueStart..<end), seed: seed)
            }
            start = end &+ 1
        }
        return nil
    }
}
