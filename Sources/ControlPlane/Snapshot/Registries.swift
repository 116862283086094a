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
        var httpPlaces: [ListenAddress] = []
        var dnsPlaces: [ListenAddress] = []
        for listener in listeners {
            switch listener {
            case .http(let settings): httpPlaces.append(settings.address)
            case .dns(let settings): dnsPlaces.append(settings.address)
            }
        }
        http.adopt(httpPlaces)
        dns.adopt(dnsPlaces)
    }

    /// The number of a place; nil for one that has none.
    func number(of key: SocketKey) -> Int? {
        switch key.door {
        case .http: http.number(of: key.address)
        case .dns: dns.number(of: key.address)
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
    private(set) var places: [ListenAddress?] = []

    /// Makes the places the ones that have numbers.
    mutating func adopt(_ addresses: [ListenAddress]) {
        let free = places.indices.filter { places[$0] == nil }
        for index in places.indices {
            guard let place = places[index], !addresses.contains(place) else { continue }
            places[index] = nil
        }
        var reusable = free[...]
        for address in addresses where !places.contains(address) {
            if let index = reusable.popFirst() {
                places[index] = address
            } else {
                places.append(address)
            }
        }
    }

    func number(of address: ListenAddress) -> Int? { places.firstIndex(of: address) }
}
