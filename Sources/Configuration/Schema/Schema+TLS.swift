// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// What listeners with TLS have beyond what those without have.
    static let tlsOptions: [Option] = [
        Option(
            "listeners[].https",
            .listenAddress,
            .absent("this is no HTTPS listener"),
            "Address and port of an HTTPS listener; takes what an HTTP listener takes, and "
                + "certificates."
        ),
        Option(
            "listeners[].dot",
            .listenAddress,
            .absent("this is no listener for DNS over TLS"),
            "Address and port of a listener for DNS over TLS (RFC 7858), commonly `:853`; needs "
                + "certificates."
        ),
        Option(
            "listeners[].certificates[].certificate",
            .filePath,
            .required,
            "Certificate in PEM, its chain behind it; read again when the file changes."
        ),
        Option(
            "listeners[].certificates[].key",
            .filePath,
            .absent("in the file of the certificate"),
            "Private key in PEM, without a password."
        ),
        Option(
            "listeners[].certificates[].ocsp",
            .filePath,
            .absent("nothing is stapled"),
            "OCSP response in DER that is stapled; read again when the file changes."
        ),
        Option(
            "listeners[].passthrough[].name",
            .hostPattern,
            .required,
            "Name that clients ask for by SNI, or `*.` and a name; `*` for all, nameless ones too."
        ),
        Option(
            "listeners[].passthrough[].pool",
            .reference(.pool),
            .required,
            "Pool whose endpoints speak TLS with these clients."
        ),
        Option(
            "listeners[].tls.min-version",
            .words(["1.2", "1.3"]),
            "1.2",
            "Oldest version of TLS that is spoken."
        ),
        Option(
            "listeners[].tls.ciphers",
            .text(4096),
            .absent("ECDHE with AES-GCM or ChaCha20-Poly1305"),
            "Ciphers of TLS 1.2 in OpenSSL's words, the preferred one first."
        ),
        Option(
            "listeners[].tls.groups",
            .text(1024),
            .absent("`X25519:P-256:P-384`"),
            "Groups for the exchange of keys in OpenSSL's words, the preferred one first."
        ),
        Option(
            "listeners[].tls.unknown-name",
            .words(UnknownNamePolicy.allCases.map(\.rawValue)),
            "default",
            "What a client gets whose name no certificate has: the first certificate, or an alert."
        ),
        Option(
            "listeners[].tls.tickets",
            .boolean,
            "true",
            "Let clients resume a session by a ticket; its keys are replaced every hour."
        ),
        Option(
            "listeners[].tls.ticket-keys",
            .filePath,
            .absent("made here, and known to nobody else"),
            "File of one to four ticket keys of 80 bytes that nodes share: the first issues, all "
                + "are taken; read again when the file changes."
        ),
        Option(
            "listeners[].tls.early-data",
            .boolean,
            "false",
            "Serve GET, HEAD, OPTIONS and QUERY out of TLS 1.3 early data, 425 to others (RFC 8470); "
                + "whoever has seen such a request can send it again, so safe ones must be safe."
        ),
        Option(
            "listeners[].tls.handshake-rate",
            .rate(1...1_000_000),
            .absent("any number"),
            "Full handshakes in a time that each client address, or IPv6 network of 64 bits, may "
                + "make; further ones are closed. Resumed sessions do not count."
        ),
        Option(
            "listeners[].tls.handshake-burst",
            .integer(1...1_000_000),
            .absent("the number of `handshake-rate`"),
            "Full handshakes that a client may make at once after a rest.",
            beside: ["handshake-rate"]
        ),
        Option(
            "listeners[].tls.client-authorities",
            .filePath,
            .absent("clients are asked for no certificate"),
            "File of authorities in PEM: clients must show a certificate of one of them, and "
                + "endpoints are told of it in `Client-Cert` (RFC 9440)."
        ),
        Option(
            "listeners[].tls.client-certificate",
            .words(ClientCertificatePolicy.allCases.map(\.rawValue)),
            "required",
            "Whether a client without a certificate is turned away; a bad one always is.",
            beside: ["client-authorities"]
        ),
        Option(
            "listeners[].tls.min-days",
            .integer(0...365),
            "14",
            "Warn when a certificate has fewer days left; 0 for never."
        ),
        Option(
            "listeners[].timeouts.handshake",
            .duration(milliseconds(10)...minutes(10)),
            "10s",
            "Total time for a TLS handshake; then the connection closes."
        ),
        Option(
            "pools.*.tls.verify",
            .boolean,
            "true",
            "Take only an endpoint whose certificate is valid and has the expected name."
        ),
        Option(
            "pools.*.tls.authorities",
            .filePath,
            .absent("those of the system"),
            "File of authorities in PEM that may vouch for endpoints."
        ),
        Option(
            "pools.*.tls.name",
            .hostName,
            .absent("the endpoint's own name or address"),
            "Name that endpoints are asked for by SNI, and that their certificates must have."
        ),
        Option(
            "pools.*.tls.min-version",
            .words(["1.2", "1.3"]),
            "1.2",
            "Oldest version of TLS that is spoken with endpoints."
        ),
    ]

    static let tlsGroups: [OptionGroup] = [
        OptionGroup(
            "listeners[].certificates[]",
            "A list of certificates with their keys; a client's SNI chooses, exact names before "
                + "wildcards, and the first one serves those who name nobody.",
            noun: "certificate",
            identity: ["certificate"],
            beside: ["https", "dot"]
        ),
        OptionGroup(
            "listeners[].passthrough[]",
            "A list of names whose connections are not terminated: the client hello is looked at, "
                + "and all bytes pass to an endpoint; an exact name comes first, `*` last.",
            noun: "passthrough",
            identity: ["name"],
            beside: ["https"]
        ),
        OptionGroup("listeners[].tls", "How TLS is spoken.", beside: ["https", "dot"]),
        OptionGroup(
            "pools.*.tls",
            "TLS with the endpoints: spoken when the group is given, even empty (`tls: {}`)."
        ),
    ]
}
