// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Fields that tell browsers to be careful, as a route gives them with its answers.
public struct SecurityHeaderSettings: Sendable, Equatable {
    /// Values for the fields that are not given.
    public enum Preset: String, Sendable, CaseIterable {
        /// What breaks no site that is served by TLS.
        case standard
        /// What a new site should begin with.
        case strict
        /// No values.
        case none
    }

    /// How long browsers come by TLS only; nil for no `Strict-Transport-Security`.
    public var hsts: Interval?
    /// The same for all hosts below this one.
    public var hstsSubdomains: Bool
    /// The consent to be in browsers' preload lists.
    public var hstsPreload: Bool
    /// `X-Content-Type-Options: nosniff`.
    public var nosniff: Bool
    /// `X-Frame-Options`; nil for none.
    public var frameOptions: String?
    /// Sources of `Content-Security-Policy: frame-ancestors`; nil for none.
    public var frameAncestors: String?
    /// `Referrer-Policy`; nil for none.
    public var referrerPolicy: String?
    /// `Permissions-Policy`; nil for none.
    public var permissionsPolicy: String?
    /// Whether they take the place of the endpoint's own.
    public var override: Bool

    /// What a preset gives.
    public init(_ preset: Preset) {
        let hasAny = preset != .none
        let isStrict = preset == .strict
        hsts = hasAny ? .seconds(isStrict ? 730 * 86_400 : 365 * 86_400) : nil
        hstsSubdomains = isStrict
        hstsPreload = false
        nosniff = hasAny
        frameOptions = isStrict ? "DENY" : hasAny ? "SAMEORIGIN" : nil
        frameAncestors = nil
        referrerPolicy = isStrict ? "no-referrer" : hasAny ? "strict-origin-when-cross-origin" : nil
        permissionsPolicy =
            isStrict ? "camera=(), geolocation=(), microphone=(), payment=(), usb=()" : nil
        override = false
    }
}

extension SecurityHeaderSettings {
    /// One of the fields.
    public struct Field: Sendable, Equatable {
        /// Its name.
        public var name: String
        /// Its value; no variables.
        public var value: String
        /// Whether browsers are told by TLS only (RFC 6797 §7.2).
        public var isSecureOnly = false
        /// Whether it stands beside the endpoint's own instead of giving way to it.
        public var isBeside = false
    }

    /// The fields in the order of writing.
    public var fields: [Field] {
        var fields: [Field] = []
        func add(_ name: String, _ value: String?) {
            if let value { fields.append(Field(name: name, value: value)) }
        }
        if let hsts {
            let value =
                "max-age=\(Int64(hsts.seconds))"
                + (hstsSubdomains ? "; includeSubDomains" : "") + (hstsPreload ? "; preload" : "")
            let name = "Strict-Transport-Security"
            fields.append(Field(name: name, value: value, isSecureOnly: true))
        }
        add("X-Content-Type-Options", nosniff ? "nosniff" : nil)
        add("X-Frame-Options", frameOptions)
        add("Referrer-Policy", referrerPolicy)
        add("Permissions-Policy", permissionsPolicy)
        if let frameAncestors {
            // All policies of a response hold (CSP 3 §8.1): one more can only forbid more.
            let value = "frame-ancestors \(frameAncestors)"
            fields.append(Field(name: "Content-Security-Policy", value: value, isBeside: true))
        }
        return fields
    }
}
