// SPDX-License-Identifier: Apache-2.0
internal import DNSServer

/// The families that tell of queries taken at interfaces; they are there while that is configured.
extension MetricFamily {
    static let packetRows: [MetricFamily] = [
        MetricFamily(
            "martlet_dns_xdp",
            .info,
            labels: ["interface", "mode", "copying"],
            "Where queries are taken at interfaces: native or generic, zero-copy or copy; none while "
                + "they come by sockets alone."
        ) { source in
            source.view.packets.map {
                MetricSample([$0.interface, $0.mode, $0.copying], .integer(1))
            }
        },
        packets("martlet_dns_xdp_received", .received, "Frames taken at interfaces."),
        packets("martlet_dns_xdp_answered", .answered, "Frames with answers sent at interfaces."),
        MetricFamily(
            "martlet_dns_xdp_dropped",
            .counter,
            labels: ["reason"],
            "Frames taken at interfaces and not answered: malformed, checksum, source (nobody can be "
                + "answered there), ring-full (the worker was too busy), no-frame (answers are not "
                + "sent as fast as they are made)."
        ) { source in
            guard !source.view.packets.isEmpty else { return [] }
            return PacketCounter.drops.map {
                MetricSample([$0.word], .integer(source.shared.dns.total($0.counter)))
            }
        },
    ]

    private static func packets(
        _ name: String,
        _ counter: PacketCounter,
        _ help: String
    ) -> MetricFamily {
        MetricFamily(name, .counter, help) { source in
            guard !source.view.packets.isEmpty else { return [] }
            return [MetricSample(.integer(source.shared.dns.total(counter)))]
        }
    }
}
