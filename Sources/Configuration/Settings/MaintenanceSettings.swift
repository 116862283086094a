// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// The answer of a route that is being worked on.
public struct MaintenanceSettings: Sendable, Equatable {
    /// False while it stands there for later.
    public var enabled: Bool
    /// Its status.
    public var status: Int
    /// Its text; nil for that of the file, or none.
    public var body: String?
    /// The file with its text, as an absolute path or as the process sees it.
    public var file: String?
    /// Its media type.
    public var type: String
    /// When clients may come again; nil when that is not known.
    public var retryAfter: Interval?
    /// Networks whose clients are served all the same.
    public var allow: [Prefix]
}
