// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// The interfaces whose queues are in use, or are to be: what is wanted, what there is, when it is
/// tried again.
struct PacketKeeper {
    /// A listener that takes queries at an interface.
    struct Entry {
        var settings: XDPSettings
        /// The listener's number at the doors.
        var number: Int
        /// What was made; nil while there is nothing.
        var port: PacketPort?
        /// Why there is nothing.
        var problem: PacketRefusal?
        /// When it is tried next.
        var triesAt: Instant
        var delay = PacketKeeper.firstDelay
    }

    /// Waits between attempts: an interface may come, another program go.
    static let firstDelay = Interval.milliseconds(100)
    static let longestDelay = Interval.seconds(60)
    /// How often it is seen whether queues have failed.
    static let lookInterval = Interval.seconds(2)

    var entries: [SocketKey: Entry] = [:]
    var looksAt = Instant.never
    /// Failures of queues that were seen.
    var failures: UInt64 = 0

    /// What a configuration wants.
    static func wanted(_ settings: Settings) -> [SocketKey: XDPSettings] {
        var wanted: [SocketKey: XDPSettings] = [:]
        for listener in settings.packetListeners {
            wanted[SocketKey(.dns, listener.address)] = listener.xdp
        }
        return wanted
    }

    /// When there is something to do.
    var deadline: Instant {
        entries.values.reduce(looksAt) { $1.port == nil ? min($0, $1.triesAt) : $0 }
    }

    /// Takes note of how an attempt ended; true when that is news.
    mutating func note(_ refusal: PacketRefusal, of key: SocketKey, now: Instant) -> Bool {
        guard var entry = entries[key] else { return false }
        let isNews = entry.problem != refusal
        entry.problem = refusal
        entry.triesAt = now + entry.delay
        entry.delay = min(entry.delay + entry.delay, PacketKeeper.longestDelay)
        entries[key] = entry
        return isNews
    }
}

/// What there is to see of a listener at an interface.
public struct PacketView: Sendable, Equatable {
    /// The interface.
    public var interface: String
    /// `native` or `generic`; `none` while queries come by sockets alone.
    public var mode: String
    /// `zero-copy` or `copy`; `none` likewise.
    public var copying: String
    /// Queues in use.
    public var queues: Int
}

extension PacketRefusal {
    /// The stable code.
    var code: String {
        if isForbidden { return "M3130" }
        switch step {
        case .interface: return "M3131"
        case .attach, .socket: return isTaken ? "M3132" : "M3133"
        case .program: return "M3133"
        }
    }

    /// What is wrong, and what can be done about it.
    func text(_ interface: String) -> String {
        let (cause, remedy): (String, String) =
            switch code {
            case "M3130":
                (
                    "the process may not",
                    "start it as root (the serving process then runs as 'user'), or with CAP_NET_ADMIN, "
                        + "CAP_NET_RAW and CAP_BPF"
                )
            case "M3131":
                (
                    "there is no such Ethernet interface",
                    "'ip link' lists them; its MTU must be 576 or more"
                )
            case "M3132":
                (
                    "another XDP program, or another user of its queues, is there",
                    "'ip link show dev \(interface)' shows it; take it away"
                )
            default:
                (
                    "this kernel or driver does not take it",
                    "Linux 5.9 or later is needed; try 'mode: generic', or leave 'xdp' out"
                )
            }
        return
            "no queries are taken at '\(interface)' by XDP: \(cause) (\(step.rawValue): \(error)); "
            + "they are served by sockets. \(remedy.prefix(1).uppercased())\(remedy.dropFirst())."
    }
}
