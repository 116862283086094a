// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Steering

/// Numbers that last across reloads, as one value.
///
/// A snapshot is assembled against a copy; only when everything has gone well does the copy become
/// the truth. That is all that "all or nothing" takes.
struct Registries: Sendable {
    var endpoints: EndpointRegistry
    var pools: PoolRegistry
    var http = ListenerNumbers()
    var dns = ListenerNumbers()

    /// Gives the listeners of a configuration their numbers.
    mutating func adopt(_ listeners: [ListenerSettings]) {
        let keys = listeners.map { SocketKey($0) }
        http.adopt(keys.filter { $0.door == .http })
        dns.adopt(keys.filter(\.door.speaksDNS))
    }

    /// The number of a place; nil for one that has none.
    func number(of key: SocketKey) -> Int? {
        switch key.door {
        case .http: http.number(of: key)
        case .dns, .dot: dns.number(of: key)
        case .admin: 0
        }
    }
}

/// Gives every place of a door a number that it keeps for as long as it is configured.
///
/// Connections remember the number of their listener, so a number is not given to another place
/// in the same reload that drops it.
struct ListenerNumbers: Sendable, Equatable {
    /// The place with each number; nil where none has it.
    private(set) var places: [SocketKey?] = []

    /// Makes the places the ones that have numbers.
    mutating func adopt(_ keys: [SocketKey]) {
        let free = places.indices.filter { places[$0] == nil }
        for index in places.indices {
            guard let place = places[index], !keys.contains(place) else { continue }
            places[index] = nil
        }
        var reusable = free[...]
        for key in keys where !places.contains(key) {
            if let index = reusable.popFirst() {
                places[index] = key
            } else {
                places.append(key)
            }
        }
    }

    func number(of key: SocketKey) -> Int? { places.firstIndex(of: key) }
}
