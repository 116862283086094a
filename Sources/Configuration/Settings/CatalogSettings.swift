// SPDX-License-Identifier: Apache-2.0

/// One zone that a catalog of ours names (RFC 9432).
public struct CatalogMemberSettings: Sendable, Equatable {
    /// The zone, in lower case with a final dot.
    public var zone: String
    /// How it is to be served.
    public var groups: [String] = []
    /// The catalog that it goes over to.
    public var newOwner: String?
}

/// How members of a group are taken and passed on.
public struct CatalogGroupSettings: Sendable, Equatable {
    /// The group.
    public var group: String
    /// The zone whose transfers are theirs, in lower case with a final dot.
    public var like: String
}
