// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Keeping each client at its endpoint by a cookie.
public struct StickySettings: Sendable, Equatable {
    /// The cookie's name.
    public var cookie: String
    /// How long browsers keep it; nil until they are closed.
    public var lifetime: Interval?
    /// Whether each answer gives it anew.
    public var renew: Bool
    /// When it is for secure connections only.
    public var secure: StickyCookieSecurity
    /// Whether it comes along from other sites.
    public var sameSite: SameSitePolicy
    /// The paths that it is for.
    public var path: String
    /// The domain that it is for; nil for the host alone.
    public var domain: String?
    /// Whether endpoints do not get to see it.
    public var strip: Bool
    /// The file of the secret; nil for one of the node's own.
    public var key: String?
}

/// When a cookie is for secure connections only.
public enum StickyCookieSecurity: String, Sendable, Equatable, CaseIterable {
    /// When it was given over one.
    case auto
    /// Always.
    case always
    /// Never.
    case never
}

/// Whether browsers send a cookie along from pages of other sites.
public enum SameSitePolicy: String, Sendable, Equatable, CaseIterable {
    /// Only when a link is followed.
    case lax
    /// Never.
    case strict
    /// Always; browsers take that of secure cookies alone.
    case none
}
