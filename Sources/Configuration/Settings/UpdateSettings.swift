// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Who may change a zone by dynamic updates, and what of it.
public struct UpdateSettings: Sendable, Equatable {
    /// Which names.
    public enum Names: Sendable, Equatable {
        /// Every name of the zone.
        case zone
        /// This name, absolute.
        case exactly(String)
        /// This name and all below.
        case subtree(String)
        /// All names below this one.
        case below(String)
        /// The key's own name.
        case own
        /// The key's own name and all below.
        case ownSubtree
    }

    /// The key that must have signed, in lower case and with its final dot; nil for none.
    public var key: String?
    /// Where updates must come from; empty for anywhere.
    public var networks: [Prefix]
    /// The names.
    public var names: [Names]
    /// The types by their mnemonics; empty for all that are no matter of the zone as a whole.
    public var types: [String]
}

/// How the serial of a zone rises.
public enum SerialSettings: String, Sendable, Equatable {
    /// By one.
    case increment
    /// To the seconds since 1970.
    case unixtime
}
