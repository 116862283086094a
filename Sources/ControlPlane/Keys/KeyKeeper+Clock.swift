// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSServer
internal import Essentials

/// States that were written by a clock far ahead of this one: every wait would last until then.
extension KeyKeeper {
    /// A clock may be so far behind, in seconds, and rollovers just wait.
    static let clockSlack: Int64 = 86_400
    /// So long a clock has to stay behind before it is believed: one without a battery is set soon
    /// after the start.
    static let clockPatience: Int64 = 3600

    /// Has the times of a zone's keys follow a clock that was set back.
    mutating func settleClock(_ zone: String, _ now: Int64) {
        guard let store, let kept = zones[zone], !kept.plan.follows else { return }
        let (ahead, overflow) = kept.machine.clock.subtractingReportingOverflow(now)
        guard overflow || ahead > KeyKeeper.clockSlack else {
            if kept.behindSince != nil { zones[zone]?.behindSince = nil }
            return
        }
        guard let since = kept.behindSince, since <= now else {
            zones[zone]?.behindSince = now
            let text =
                "the keys of zone \(zone) were kept by a clock that was \(ahead / 86_400) days "
                + "ahead of this one: rollovers wait; if this one stays, they go on by it in an hour"
            return news.append(KeyNews(zone: zone, level: .warning, code: "M1531", text: text))
        }
        guard now - since >= KeyKeeper.clockPatience else { return }
        var machine = kept.machine
        machine.setBack(to: now)
        do throws(KeyStore.Fault) {
            try store.save(machine.json, zone: zone)
        } catch {
            zones[zone]?.retryAt = now + KeyKeeper.retryGap
            return tell(error, zone)
        }
        zones[zone]?.machine = machine
        zones[zone]?.behindSince = nil
        zones[zone]?.remindedAt = Int64.min / 2
        if kept.nextLook != nil { zones[zone]?.nextLook = now }
        let text = "the keys of zone \(zone) go by the present clock from now on"
        news.append(KeyNews(zone: zone, level: .warning, code: "M1531", text: text))
    }
}
