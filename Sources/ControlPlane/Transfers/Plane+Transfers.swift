// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// Zones that go to other servers.
extension Plane {
    /// Takes what workers tell of transfers and notices.
    mutating func takeNotices(_ now: Instant) {
        for notice in shared.dns.notices?.drain() ?? [] {
            switch notice {
            case .transfer(let report): note(report)
            case .changed(let zone, let serial, let client): hear(zone, serial, client, now)
            case .stray(let zone, let client, let others): note(stray: zone, client, others)
            }
        }
    }

    // RFC 1996 §3.10.
    private func note(stray zone: DomainName, _ client: IPAddress, _ others: UInt64) {
        let more = others > 0 ? " (and \(others) notices like it before)" : ""
        note(
            .transfer,
            .warning,
            "\(client) says that zone \(zone) has changed, and is no primary of it" + more,
            [
                JSONMember("zone", .string("\(zone)")),
                JSONMember("client", .string("\(client)")),
            ]
        )
    }

    private mutating func note(_ report: TransferReport) {
        let kind = report.isIncremental ? "changes of zone" : "zone"
        let what: String
        var level = LogLevel.info
        switch report.ending {
        case .done: what = "\(report.client) has taken \(kind) \(report.zone)"
        case .broken:
            what = "\(report.client) has not taken \(kind) \(report.zone) to its end"
            level = .warning
        case .refused:
            what = "\(report.client) may not take zone \(report.zone)"
            level = .warning
        case .busy:
            what = "\(report.client) has to wait for zone \(report.zone): others are being taken"
            level = .warning
        }
        var fields = [
            JSONMember("zone", .string("\(report.zone)")),
            JSONMember("client", .string("\(report.client)")),
        ]
        if let key = report.key { fields.append(JSONMember("key", .string("\(key)"))) }
        if let serial = report.serial {
            fields += [
                JSONMember("serial", .integer(Int64(serial.rawValue))),
                JSONMember("records", .integer(Int64(report.records))),
                JSONMember("bytes", .integer(Int64(report.octets))),
                JSONMember("ms", .integer(report.duration.milliseconds)),
            ]
        }
        let isRefused = report.ending == .refused || report.ending == .busy
        guard isRefused else { return note(.transfer, level, what, fields) }
        note(repeated: .refusedTransfer, .transfer, level, what, fields)
    }
}
