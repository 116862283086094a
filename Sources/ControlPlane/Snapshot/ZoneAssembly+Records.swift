// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// Records that stand in the configuration itself.
extension ZoneAssembly {
    static func add(
        _ soa: SOASettings,
        _ apex: DomainName,
        _ zone: ZoneSettings,
        to builder: inout ZoneTableBuilder
    ) {
        guard let primary = DomainName(soa.primary), let mailbox = DomainName(soa.mailbox) else {
            return
        }
        let value = StartOfAuthority(
            primary: primary,
            mailbox: mailbox,
            numbers: (
                soa.serial, seconds(soa.refresh), seconds(soa.retry), seconds(soa.expire),
                seconds(soa.negativeTTL)
            )
        )
        builder.add(.soa(value), owner: apex, ttl: seconds(zone.ttl), at: position(soa.place))
    }

    private static func position(_ place: SourcePlace) -> ZonePosition {
        place.position.map {
            ZonePosition(line: UInt32(clamping: $0.line), column: UInt32(clamping: $0.column))
        } ?? .none
    }

    func add(
        _ record: RecordSettings,
        _ zone: ZoneSettings,
        to builder: inout ZoneTableBuilder
    ) {
        guard let owner = DomainName(record.owner) else { return }
        let place = ZoneAssembly.position(record.place)
        if let policy = record.steer.flatMap({ policies[$0] }) {
            let ttl = ZoneAssembly.seconds(record.ttl ?? policy.ttl)
            builder.steer(owner: owner, ttl: ttl, policy: policy.number, at: place)
        }
        let ttl = ZoneAssembly.seconds(record.ttl ?? zone.ttl)
        for data in record.data {
            guard let value = RecordValue(data) else { continue }
            builder.add(value, owner: owner, ttl: ttl, at: place)
        }
    }
}
