// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// Queues of an interface on their way from whoever may take them to the process that serves.
///
/// Whoever made them keeps nothing: when the serving process ends, however it does, the last
/// descriptors go, and with them the program at the interface. Queries come by sockets at once.
enum PacketGrant {
    /// Takes the queues that a listener wants.
    static func answer(
        _ key: SocketKey,
        _ wanted: XDPSettings?,
        _ sockets: [OpenSocket]
    ) -> LinkReply {
        guard let wanted else {
            return LinkReply(json: ["error": "an interface that is not in the configuration"])
        }
        // The port may have been the system's choice.
        let bound = sockets.first { $0.key == key && !$0.isStream && $0.worker == 0 }
        let order = PacketOrder(
            interface: wanted.interface,
            mode: PacketMode(rawValue: wanted.mode.rawValue),
            queues: wanted.queues,
            places: bound.map { [$0.bound] } ?? []
        )
        do throws(PacketRefusal) {
            let port = try PacketPort.open(order)
            return LinkReply(
                json: ["port": port.json],
                descriptors: port.descriptors,
                givesAway: true
            )
        } catch {
            return LinkReply(json: ["refusal": error.json])
        }
    }

    /// What was answered.
    static func read(_ reply: LinkReply?) -> Result<PacketPort, PacketRefusal> {
        guard let reply else { return .failure(PacketRefusal(.program, .invalid)) }
        if let json = reply.json["port"],
            let port = PacketPort(json: json, descriptors: reply.descriptors)
        {
            return .success(port)
        }
        for fd in reply.descriptors { fd.close() }
        let refusal = reply.json["refusal"].flatMap { PacketRefusal(json: $0) }
        return .failure(refusal ?? PacketRefusal(.program, .invalid))
    }
}

extension SupervisorLink {
    /// The queues of the interface of a listener; the caller owns them.
    mutating func packets(_ key: SocketKey) -> Result<PacketPort, PacketRefusal> {
        PacketGrant.read(ask(.packets(key)))
    }
}

extension PacketPort {
    var json: JSONValue {
        [
            "mode": .string(mode.rawValue), "zeroCopy": .bool(isZeroCopy),
            "mtu": .integer(Int64(mtu)), "index": .integer(Int64(index)),
            "queues": .array(queues.map { .integer(Int64($0.number)) }),
        ]
    }

    init?(json: JSONValue, descriptors: [FileDescriptor]) {
        let numbers = (json["queues"]?.elements ?? []).compactMap {
            $0.integer.flatMap { Int(exactly: $0) }
        }
        guard let mode = json["mode"]?.string.flatMap(PacketMode.init(rawValue:)),
            let isZeroCopy = json["zeroCopy"]?.bool,
            let mtu = json["mtu"]?.integer.flatMap({ Int(exactly: $0) }),
            let index = json["index"]?.integer.flatMap({ Int(exactly: $0) }),
            descriptors.count == 1 + 2 * numbers.count
        else { return nil }
        self.init(
            mode: mode,
            isZeroCopy: isZeroCopy,
            mtu: mtu,
            index: index,
            link: descriptors[0],
            queues: numbers.enumerated().map { place, number in
                PacketQueue(
                    number: number,
                    socket: descriptors[1 + 2 * place],
                    memory: descriptors[2 + 2 * place]
                )
            }
        )
    }
}

extension PacketRefusal {
    var json: JSONValue {
        ["step": .string(step.rawValue), "error": .integer(Int64(error.code))]
    }

    init?(json: JSONValue) {
        guard let step = json["step"]?.string.flatMap(Step.init(rawValue:)),
            let code = json["error"]?.integer.flatMap({ Int32(exactly: $0) })
        else { return nil }
        self.init(step, SystemError(code: code))
    }
}
