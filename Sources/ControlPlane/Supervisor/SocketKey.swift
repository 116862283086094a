// SPDX-License-Identifier: Apache-2.0
public import Configuration
public import Essentials
public import Runtime

/// Names a place where a door listens, the same in both processes and across reloads.
public struct SocketKey: Hashable, Sendable {
    /// Whose it is.
    public var door: DoorKind
    /// The address as configured.
    public var address: ListenAddress

    /// Joins the parts.
    public init(_ door: DoorKind, _ address: ListenAddress) {
        self.door = door
        self.address = address
    }
}

extension SocketKey: CustomStringConvertible {
    /// `http :8080`.
    public var description: String { "\(door.rawValue) \(address)" }
}

extension SocketKey {
    /// The place of a listener.
    init(_ listener: ListenerSettings) {
        switch listener {
        case .http(let settings): self.init(.http, settings.address)
        case .dns(let settings): self.init(settings.tls == nil ? .dns : .dot, settings.address)
        }
    }

    /// Every place that a configuration listens at, in file order, the admin listener last.
    public static func all(of settings: Settings) -> [SocketKey] {
        settings.listeners.map { SocketKey($0) }
            + (settings.admin.listen.map { [SocketKey(.admin, $0)] } ?? [])
    }

    var json: JSONValue {
        let ip = address.ip.map { JSONValue.string($0.description) } ?? .null
        return ["door": .string(door.rawValue), "ip": ip, "port": .integer(Int64(address.port))]
    }

    init?(json: JSONValue) {
        guard let door = json["door"]?.string.flatMap(DoorKind.init(rawValue:)),
            let port = json["port"]?.integer.flatMap(UInt16.init(exactly:)), let ip = json["ip"]
        else { return nil }
        if ip.isNull {
            self.init(door, ListenAddress(nil, port: port))
            return
        }
        guard let text = ip.string, let address = IPAddress(text) else { return nil }
        self.init(door, ListenAddress(address, port: port))
    }
}

/// A listening socket of one worker.
public struct OpenSocket: Sendable, Equatable {
    /// The place it serves.
    public var key: SocketKey
    /// The worker it is for.
    public var worker: Int
    /// True for TCP.
    public var isStream: Bool
    /// The address it is bound to.
    public var bound: SocketAddress
    /// The socket.
    public var descriptor: FileDescriptor
}

extension OpenSocket {
    var json: JSONValue {
        [
            "key": key.json, "worker": .integer(Int64(worker)), "stream": .bool(isStream),
            "bound": .string(bound.description),
        ]
    }

    init?(json: JSONValue, descriptor: FileDescriptor) {
        guard let key = json["key"].flatMap({ SocketKey(json: $0) }),
            let worker = json["worker"]?.integer.flatMap({ Int(exactly: $0) }),
            let isStream = json["stream"]?.bool,
            let bound = json["bound"]?.string.flatMap({ SocketAddress($0) })
        else { return nil }
        self.init(
            key: key,
            worker: worker,
            isStream: isStream,
            bound: bound,
            descriptor: descriptor
        )
    }
}
