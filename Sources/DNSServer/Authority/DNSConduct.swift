// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol

/// How the DNS door as a whole behaves towards those who ask, whatever the listener.
public struct DNSConduct: BitwiseCopyable, Sendable {
    /// What NSID, `id.server` and `hostname.bind` tell; empty for nothing.
    public var identity: ShortText
    /// What `version.server` and `version.bind` tell; empty for nothing.
    public var version: ShortText
    /// True when answers say more of errors than their code (RFC 8914).
    public var explainsErrors: Bool

    /// What cookies are made with; none when they are not answered (RFC 7873).
    public var cookies = CookieSecrets()
    /// True when over UDP only those are answered, of those with a cookie, whose cookie is good.
    public var requiresCookies = false

    // RFC 8467 §4.1: so that the length of an answer says little of what it holds.
    static var paddingBlock: Int { 468 }

    /// Tells nothing of itself, unless said otherwise.
    public init(identity: String = "", version: String = "", explainsErrors: Bool = true) {
        self.identity = ShortText(identity)
        self.version = ShortText(version)
        self.explainsErrors = explainsErrors
    }
}
