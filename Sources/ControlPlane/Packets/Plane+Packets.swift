// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSServer
internal import Essentials
internal import Runtime

/// Queries that are taken at interfaces, past the kernel's network stack.
///
/// The sockets of the listeners are open all the while: what is not taken there comes here, so that
/// there is never a moment without one of both.
extension Plane {
    /// Gives up what the configuration in force no longer wants, before its listeners close.
    mutating func withdrawPackets() {
        let wanted = PacketKeeper.wanted(settings)
        for (key, entry) in packets.entries where wanted[key] != entry.settings {
            closePackets(entry)
            packets.entries[key] = nil
            guard entry.port != nil else { continue }
            note(
                .packets,
                .info,
                "queries of '\(entry.settings.interface)' come by sockets again",
                [JSONMember("interface", .string(entry.settings.interface))]
            )
        }
    }

    /// Takes up what it wants, once its listeners are open.
    mutating func configurePackets(_ now: Instant) {
        guard phase == .serving else { return }
        for (key, settings) in PacketKeeper.wanted(settings) where packets.entries[key] == nil {
            guard let number = assembly.registries.number(of: key) else { continue }
            // The process whose place this one takes has the interface still.
            let wait: Interval = setup.isTakeover ? PacketKeeper.firstDelay : .zero
            packets.entries[key] = PacketKeeper.Entry(
                settings: settings,
                number: number,
                triesAt: now + wait
            )
        }
        packets.failures = shared.dns.total(.failed)
        followPackets(now)
    }

    /// Tries what is due, and sees what has failed.
    mutating func followPackets(_ now: Instant) {
        guard case .serving = phase, now >= packets.deadline || packets.looksAt == .never else {
            return
        }
        let failures = shared.dns.total(.failed)
        if failures != packets.failures {
            packets.failures = failures
            replacePackets(now, "queues of it have failed: see whether there is memory left") {
                _ in true
            }
        }
        replacePackets(now, "it has gone, or become another: 'ip link' shows it") {
            $0.port?.isPresent($0.settings.interface) == false
        }
        for (key, entry) in packets.entries where entry.port == nil && entry.triesAt <= now {
            openPackets(key, entry, now)
        }
        let isUsed = packets.entries.values.contains { $0.port != nil }
        packets.looksAt = isUsed ? now + PacketKeeper.lookInterval : .never
    }

    private mutating func openPackets(
        _ key: SocketKey,
        _ entry: PacketKeeper.Entry,
        _ now: Instant
    ) {
        let name = entry.settings.interface
        switch link.packets(key) {
        case .success(let port):
            var entry = entry
            entry.port = port
            entry.problem = nil
            entry.delay = PacketKeeper.firstDelay
            packets.entries[key] = entry
            for queue in port.queues {
                let worker = queue.number % workers.mailboxes.count
                workers.mailboxes[worker].post(
                    .openPackets(number: entry.number, mtu: port.mtu, queue)
                )
            }
            let copying = port.isZeroCopy ? "zero-copy" : "copy"
            note(
                .packets,
                .info,
                "queries of '\(name)' are taken by XDP: \(port.mode.rawValue) mode, \(copying), "
                    + "\(port.queues.count) queue\(port.queues.count == 1 ? "" : "s")",
                [
                    JSONMember("interface", .string(name)),
                    JSONMember("mode", .string(port.mode.rawValue)),
                    JSONMember("copying", .string(copying)),
                    JSONMember("queues", .integer(Int64(port.queues.count))),
                ]
            )
        case .failure(let refusal):
            guard packets.note(refusal, of: key, now: now) else { return }
            tell(refusal.code, refusal.text(name))
        }
    }

    /// What is of no use any more is made anew.
    private mutating func replacePackets(
        _ now: Instant,
        _ cause: String,
        _ isLost: (PacketKeeper.Entry) -> Bool
    ) {
        for (key, entry) in packets.entries where entry.port != nil && isLost(entry) {
            closePackets(entry)
            packets.entries[key]?.port = nil
            packets.entries[key]?.triesAt = now + PacketKeeper.firstDelay
            let name = entry.settings.interface
            tell(
                "M3142",
                "queries of '\(name)' come by sockets until they are taken again: \(cause)."
            )
        }
    }

    private mutating func tell(_ code: String, _ text: String) {
        var event = LogEvent(.packets, .warning, realtime: Clock.realtime(), text)
        event.code = code
        log.record(event)
    }

    /// First the program goes, so that nothing more comes; then what has come is answered.
    private func closePackets(_ entry: PacketKeeper.Entry) {
        guard let port = entry.port else { return }
        port.link.close()
        workers.post(.closePackets(number: entry.number))
    }

    /// Gives up everything: this process serves no more.
    mutating func closePackets() {
        for entry in packets.entries.values { closePackets(entry) }
        packets = PacketKeeper()
    }

    var packetViews: [PacketView] {
        packets.entries.values.map { entry in
            PacketView(
                interface: entry.settings.interface,
                mode: entry.port?.mode.rawValue ?? "none",
                copying: entry.port.map { $0.isZeroCopy ? "zero-copy" : "copy" } ?? "none",
                queues: entry.port?.queues.count ?? 0
            )
        }.sorted { $0.interface < $1.interface }
    }
}
