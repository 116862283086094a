// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSServer
internal import Essentials

/// An order about the keys of a zone.
public enum KeyOrder: Sendable, Equatable {
    /// Replace the key of a role: `ksk`, `zsk` or `csk`; without margins when others may have it.
    case roll(String, isUrgent: Bool)
    /// The parent has the DS set that it was asked for.
    case parentDone

    /// Reads the body of a POST: `{"role": "ksk"}`, with `"urgent": true`; or `{"dsSeen": true}`.
    init(_ request: ServiceRequest) throws(Problem) {
        var (role, isUrgent, isSeen): (String?, Bool, Bool) = (nil, false, false)
        for member in try request.jsonMembers() {
            switch (member.name, member.value) {
            case ("role", .string(let word)) where KeyRole(rawValue: word) != nil: role = word
            case ("urgent", .bool(let value)): isUrgent = value
            case ("dsSeen", .bool(true)): isSeen = true
            default:
                throw Problem(
                    .invalidValue,
                    "'\(member.name)' is none of 'role' (ksk, zsk, csk), 'urgent', 'dsSeen' (true)."
                )
            }
        }
        switch (role, isSeen) {
        case (let role?, false): self = .roll(role, isUrgent: isUrgent)
        case (nil, true) where !isUrgent: self = .parentDone
        default: throw Problem(.invalidValue, "The body must have either 'role' or 'dsSeen'.")
        }
    }

    /// What the machine is told.
    var event: RolloverMachine.Event {
        switch self {
        case .parentDone: .parentDone
        case .roll(let role, let isUrgent): .roll(KeyRole(rawValue: role) ?? .csk, urgent: isUrgent)
        }
    }
}

extension AdminDesk {
    /// The keys of one zone, or of all that are signed.
    func keys(_ zone: String?, _ view: ControlView) throws(Problem) -> ServiceResponse {
        var shown = view.zoneKeys
        if let zone {
            let wanted = KeyKeeper.name(zone)
            shown = shown.filter { $0.zone == wanted }
            guard !shown.isEmpty else {
                let isZone = view.settings.zones.contains { $0.name == wanted }
                guard isZone else { throw Problem(.unknownZone, "There is no zone '\(zone)'.") }
                throw Problem(.zoneWithoutKeys, "The zone '\(zone)' is not signed here.")
            }
        }
        var json = JSONWriter()
        json.write(["zones": .array(shown.map(\.json))])
        return .json(json)
    }
}

extension Problem {
    /// Why an order about keys was refused.
    init(_ outcome: KeyKeeper.Outcome, zone: String) {
        switch outcome {
        case .done, .unknownZone:
            self.init(.zoneWithoutKeys, "The zone '\(zone)' is not signed here.")
        case .refused(.noSuchRole):
            self.init(.noSuchRole, "The zone '\(zone)' has no key of this role.")
        case .refused(.underWay):
            self.init(.rolloverRunning, "A rollover of this role of '\(zone)' is under way.")
        case .refused(.nothingAwaited):
            self.init(.nothingAwaited, "Nothing is expected of the parent of '\(zone)'.")
        case .follows:
            self.init(.keysFollowed, "The keys of '\(zone)' are those that another server rolls.")
        case .failed(let fault): self.init(.changeFailed, fault.text)
        }
    }
}

extension ControlCommand {
    /// The zone that it is about, if any.
    var zone: String? {
        switch self {
        case .reloadZone(let zone), .discardZone(let zone), .keys(let zone, _): zone
        default: nil
        }
    }
}
