// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// The digests of signatures, as RFC 8945 §6 names them.
    static let transactionAlgorithms = [
        "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512",
    ]

    static let transactionOptions: [Option] = [
        Option(
            "tsig-keys.*.algorithm",
            .words(transactionAlgorithms),
            "hmac-sha256",
            "Digest of the signatures; `hmac-sha1` only for peers that have nothing better."
        ),
        Option(
            "tsig-keys.*.secret",
            .secret,
            .absent("it stands in `secret-file`"),
            "The secret, as `openssl rand -base64 32` makes it; it is shown nowhere, but stands in "
                + "this file and its saved copies."
        ),
        Option(
            "tsig-keys.*.secret-file",
            .filePath,
            .absent("`secret` is the secret"),
            "File with the secret in base64, read as root at the start and at each reload."
        ),
        Option(
            "tsig-keys.*.least-mac",
            .integer(10...64),
            .absent("all of them"),
            "Octets that the signature of a peer must have at least, where it is cut short "
                + "(RFC 8945 §5.2.2.1)."
        ),
    ]

    static let transactionGroups: [OptionGroup] = [
        OptionGroup(
            "tsig-keys.*",
            "Secrets shared with other name servers, by the names that both sides call them: they "
                + "sign transfers, notices and updates (RFC 8945).",
            noun: "key",
            names: .domainName
        )
    ]
}
