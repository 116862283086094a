// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Values as the settings have them.
///
/// The last resort behind `??` is never seen: a row of the wrong type fails the table's tests.
extension Section {
    func interval(_ key: String) -> Interval { optionalInterval(key) ?? .zero }
    func optionalInterval(_ key: String) -> Interval? {
        guard case .interval(let value)? = value(key) else { return nil }
        return value
    }
    func size(_ key: String) -> ByteCount { optionalSize(key) ?? ByteCount(0) }
    func optionalSize(_ key: String) -> ByteCount? {
        guard case .size(let value)? = value(key) else { return nil }
        return value
    }
    func integer(_ key: String) -> Int { optionalInteger(key) ?? 0 }
    func optionalInteger(_ key: String) -> Int? {
        guard case .integer(let value)? = value(key) else { return nil }
        return value
    }
    func decimal(_ key: String) -> Double? {
        guard case .decimal(let value)? = value(key) else { return nil }
        return value
    }
    func moment(_ key: String) -> WallTime? {
        guard case .moment(let value)? = value(key) else { return nil }
        return value
    }
    func percentage(_ key: String) -> Percentage {
        guard case .percentage(let value)? = value(key) else { return Percentage(0) }
        return value
    }
    func bool(_ key: String) -> Bool { value(key) == .bool(true) }
    func text(_ key: String) -> String? {
        guard case .text(let value)? = value(key) else { return nil }
        return value
    }
    /// One of the words of an enumeration whose raw values are the table's words.
    func word<Word: RawRepresentable<String>>(_ key: String, _ otherwise: Word) -> Word {
        text(key).flatMap(Word.init(rawValue:)) ?? otherwise
    }
    /// The values of an option that takes one or a list.
    func values(_ key: String) -> [OptionValue] {
        guard case .list(let values)? = value(key) else { return [] }
        return values
    }
    func listen(_ key: String) -> ListenAddress? {
        guard case .listen(let value)? = value(key) else { return nil }
        return value
    }
    func server(_ key: String) -> SocketAddress? {
        guard case .server(let value)? = value(key) else { return nil }
        return value
    }
    func servers(_ key: String) -> [SocketAddress] {
        elements(key).compactMap {
            guard case .server(let server) = $0 else { return nil }
            return server
        }
    }
    func endpoint(_ key: String) -> EndpointAddress? {
        guard case .endpoint(let value)? = value(key) else { return nil }
        return value
    }
    func address(_ key: String) -> IPAddress? {
        guard case .address(let value)? = value(key) else { return nil }
        return value
    }
    func addresses(_ key: String) -> [IPAddress] {
        elements(key).compactMap {
            guard case .address(let address) = $0 else { return nil }
            return address
        }
    }
    func hashKey(_ key: String) -> HashKey {
        guard case .hashKey(let value)? = value(key) else { return .sourceIP }
        return value
    }
    func host(_ key: String) -> HostPattern {
        guard case .host(let value)? = value(key) else { return .any }
        return value
    }
    func pathPattern(_ key: String) -> PathPattern {
        guard case .path(let value)? = value(key) else { return .prefix("/") }
        return value
    }
    func output(_ key: String) -> LogOutput {
        guard case .output(let value)? = value(key) else { return .off }
        return value
    }

    /// The elements of a list, or the one value in its place.
    func elements(_ key: String) -> [OptionValue] {
        switch value(key) {
        case .list(let values): values
        case let value?: [value]
        case nil: []
        }
    }
    /// A list that is there to be empty says nothing, and is not what holds without it.
    func checkFilled(_ keys: [String]) {
        for key in keys {
            guard case .sequence(let nodes)? = entries[key]?.value.content, nodes.isEmpty else {
                continue
            }
            fault(.wrongKind, key, "`\(key)` has no value", "leave it out, or name one")
        }
    }
    func texts(_ key: String) -> [String] {
        elements(key).compactMap {
            guard case .text(let text) = $0 else { return nil }
            return text
        }
    }
    func prefixes(_ key: String) -> [Prefix] {
        elements(key).compactMap {
            guard case .prefix(let prefix) = $0 else { return nil }
            return prefix
        }
    }
    func statuses(_ key: String) -> StatusRanges {
        StatusRanges(
            elements(key).compactMap {
                guard case .statuses(let range) = $0 else { return nil }
                return range
            }
        )
    }
    func records(_ key: String) -> [RecordData] {
        elements(key).compactMap {
            guard case .record(let data) = $0 else { return nil }
            return data
        }
    }
}
