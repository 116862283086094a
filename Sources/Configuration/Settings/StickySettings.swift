// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Keeping each client at its endpoint by a cookie.
public struct StickySettings: Sendable, Equatable {
    /// Whose the cookie is.
    public var mode: StickyMode
    /// The cookie's name; empty when a field names the session.
    public var cookie: String
    /// The field that names the session in place of a cookie.
    public var header: String?
    /// How long a session that was learnt is remembered.
    public var idle: Interval
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

/// Whose the cookie is that keeps a client where it is, and what is done with it.
public enum StickyMode: String, Sendable, Equatable, CaseIterable {
    /// Martlet's own.
    case insert
    /// The application's, with another value.
    case rewrite
    /// The application's, with a mark in front of its value.
    case prefix
    /// The application's, as it is.
    case learn
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
