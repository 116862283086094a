// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSServer
internal import Essentials

/// What the configuration wants of the keys of one zone.
struct KeyPlan: Sendable, Equatable {
    /// The apex in lower case with its last dot.
    var zone: String
    var policy: KeyPolicy
    /// False when the zone is to become unsigned.
    var isSigned: Bool
    /// Another server decides.
    var follows: Bool
    /// Whom to ask for the DS set; nil for nobody.
    var source: ParentMachine.Source?
    /// How often while something is expected, in seconds.
    var parentInterval: Int64

    init(
        zone: String,
        _ settings: KeySettings,
        algorithm: UInt8,
        keyTTL: Interval,
        greatestTTL: Int64,
        resolvers: [SocketAddress]
    ) {
        self.zone = zone
        func seconds(_ length: Interval) -> Int64 {
            // A part of a second is waited for as a whole one.
            (length.nanoseconds &+ 999_999_999) / 1_000_000_000
        }
        var lifetimes: [KeyRole: Int64] = [:]
        lifetimes[.csk] = settings.cskLifetime.map(seconds)
        lifetimes[.ksk] = settings.kskLifetime.map(seconds)
        lifetimes[.zsk] = settings.zskLifetime.map(seconds)
        policy = KeyPolicy(
            scheme: settings.scheme == .csk ? .csk : .split,
            algorithm: algorithm,
            lifetimes: lifetimes,
            timing: KeyTiming(
                keyTTL: seconds(keyTTL),
                zoneTTL: max(greatestTTL, seconds(keyTTL)),
                propagation: seconds(settings.propagation),
                parentTTL: seconds(settings.parentTTL),
                parentPropagation: seconds(settings.parentPropagation),
                publishSafety: seconds(settings.publishSafety),
                retireSafety: seconds(settings.retireSafety)
            )
        )
        isSigned = !settings.withdraws
        follows = settings.follows
        parentInterval = max(seconds(settings.parentInterval), 1)
        guard settings.asksParent, !settings.follows else { return }
        source =
            settings.parents.isEmpty
            ? .resolvers(resolvers) : .parent(settings.parents)
    }
}

extension KeyKeeper {
    /// A zone's name as settings have it.
    static func name(_ text: String) -> String {
        (text.hasSuffix(".") ? text : text + ".").lowercased()
    }
}
