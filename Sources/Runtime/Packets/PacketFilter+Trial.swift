// SPDX-License-Identifier: Apache-2.0
internal import CLinux
public import Essentials

/// Asking the kernel what the program says, without an interface (BPF_PROG_TEST_RUN).
extension PacketFilter {
    /// Which frames the program takes; needs the capabilities CAP_NET_ADMIN and CAP_BPF.
    public static func isTaken(
        _ frames: [[UInt8]],
        hardware: [UInt8],
        places: [SocketAddress]
    ) throws(PacketRefusal) -> [Bool] {
        // Without a socket a frame that is taken has another answer than one that is passed.
        let missing: Int32 = 1
        let map = try PacketPort.placesMap(places)
        defer { map.close() }
        let sockets = try PacketPort.socketsMap()
        defer { sockets.close() }
        let filter = PacketFilter(
            hardware: hardware,
            places: map,
            sockets: sockets,
            missing: missing
        )
        let program = try PacketPort.load(filter)
        defer { program.close() }
        var taken: [Bool] = []
        for frame in frames {
            let verdict = unsafe mt_bpf_try(program.raw, frame, UInt32(frame.count))
            taken.append(try PacketPort.step(.program, verdict) == Int(missing))
        }
        return taken
    }
}
